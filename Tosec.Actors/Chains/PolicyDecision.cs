namespace Tosec.Actors.Chains;

/// <summary>What the policy says of one connection. The default value denies.</summary>
/// <param name="Chain">The chain to pass; null: denied.</param>
/// <param name="RuleNumber">The deciding rule, counted from 1; 0: no rule matched.</param>
public readonly record struct PolicyDecision(ChainDefinition? Chain, int RuleNumber)
{
    public bool IsAllowed => Chain is not null;

    public override string ToString() => (Chain, RuleNumber) switch
    {
        (not null, _) => $"chain {Chain.Name} by rule {RuleNumber}",
        (null, 0) => "denied: no rule matches",
        _ => $"denied by rule {RuleNumber}",
    };
}
