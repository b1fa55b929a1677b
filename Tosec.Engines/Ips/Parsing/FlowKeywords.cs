using Tosec.Engines.Ips.Model;

namespace Tosec.Engines.Ips.Parsing;

/// <summary><c>flow</c></summary>
internal static class FlowKeywords
{
    public static void AddTo(Dictionary<string, KeywordHandler> handlers) => handlers["flow"] = (rule, keyword, value) =>
    {
        foreach (var word in Values.List(keyword, value))
        {
            switch (word)
            {
                case "to_server" or "from_client":
                    rule.Narrow(Sides.ToServer, keyword);
                    break;
                case "to_client" or "from_server":
                    rule.Narrow(Sides.ToClient, keyword);
                    break;
                case "no_stream":
                    rule.PerMessage = true;
                    break;

                // Every stream is established, and is seen as a stream.
                case "established" or "stateless" or "only_stream" or "no_frag":
                    break;
                case "not_established" or "only_frag":
                    throw new RuleException(keyword, $"{word}: only established streams are seen");
                default:
                    throw new RuleException(keyword, $"\"{word}\" is unknown");
            }
        }
    };
}
