using System.Text;

namespace Tosec.Engines.Ips.Parsing;

/// <summary>What a rule says of itself.</summary>
internal static class MetaKeywords
{
    public static void AddTo(Dictionary<string, KeywordHandler> handlers)
    {
        handlers["sid"] = (rule, keyword, value) =>
        {
            if (rule.Sid != 0) throw new RuleException(keyword, "given twice");
            rule.Sid = Values.Number(keyword, Values.Required(keyword, value), 1, uint.MaxValue);
        };
        handlers["gid"] = (rule, keyword, value) => rule.Gid = Values.Number(keyword, Values.Required(keyword, value), 0, uint.MaxValue);
        handlers["rev"] = (rule, keyword, value) => rule.Revision = Values.Number(keyword, Values.Required(keyword, value), 0, uint.MaxValue);

        // Rule files are read as bytes; what is meant for people is UTF-8.
        handlers["msg"] = (rule, keyword, value) =>
            rule.Message = Encoding.UTF8.GetString(Encoding.Latin1.GetBytes(Values.Text(keyword, value)));
        handlers["classtype"] = (rule, keyword, value) => rule.Class = Values.Required(keyword, value);
        handlers["priority"] = (rule, keyword, value) =>
            rule.Priority = (int)Values.Number(keyword, Values.Required(keyword, value), 1, 255);
        handlers["reference"] = (_, keyword, value) =>
        {
            if (Values.List(keyword, value).Length < 2) throw new RuleException(keyword, "needs a system and an id");
        };
        handlers["metadata"] = (_, keyword, value) => Values.Required(keyword, value);
        handlers["target"] = (_, keyword, value) =>
        {
            if (value is not ("src_ip" or "dest_ip")) throw new RuleException(keyword, "neither src_ip nor dest_ip");
        };
        handlers["noalert"] = (rule, keyword, value) =>
        {
            Values.None(keyword, value);
            rule.Silent = true;
        };
    }
}
