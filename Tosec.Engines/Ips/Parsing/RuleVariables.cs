namespace Tosec.Engines.Ips.Parsing;

/// <summary>What rules may name with a <c>$</c>. Immutable; names compare by ordinal, without the <c>$</c>.</summary>
/// <param name="Addresses">As in a rule's header: <c>[10.0.0.0/8,!10.1.0.0/16]</c>.</param>
/// <param name="Ports">As in a rule's header: <c>[80,8000:8100]</c>.</param>
public sealed record RuleVariables(IReadOnlyDictionary<string, string> Addresses, IReadOnlyDictionary<string, string> Ports)
{
    public static RuleVariables None { get; } = new(new Dictionary<string, string>(), new Dictionary<string, string>());
}
