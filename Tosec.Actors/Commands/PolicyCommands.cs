using Tosec.Actors.Chains;

namespace Tosec.Actors.Commands;

/// <summary>Commands about what was decided before any stream: the policy's rules and the chains they name.</summary>
public static class PolicyCommands
{
    /// <summary>Adds <c>policy show</c> and <c>chain show</c>.</summary>
    /// <param name="tree">Where to add them.</param>
    /// <param name="policy">Gives the policy in force when a command asks; called on any thread.</param>
    public static void AddTo(CommandTree tree, Func<Policy> policy)
    {
        tree.Add("policy", "show", "The rules, in the order they are asked; what none matches is denied", _ => ShowRules(policy()));
        tree.Add("chain", "show", "The chains and the terms on which payloads pass them", _ => ShowChains(policy()));
    }

    private static CommandResult ShowRules(Policy policy) => CommandResult.Table(
        ["rule", "guest", "tenant", "direction", "protocol", "address", "port", "chain"],
        policy.Rules.Select((rule, i) => new object?[]
        {
            i + 1, rule.Guest, rule.Tenant, Word(rule.Direction), Word(rule.Protocol), rule.Address.ToString(), rule.Ports.ToString(),
            rule.Chain ?? "deny",
        }));

    private static CommandResult ShowChains(Policy policy) => CommandResult.Table(
        ["chain", "svms", "mode", "seal", "on failure", "hold limit [bytes]", "hold deadline [s]"],
        policy.Chains.Values.Select(chain => new object?[]
        {
            chain.Name, chain.SvmTypes, Word(chain.Mode),
            chain.Seal == SealMode.Off ? "off: the guest can change what is inspected" : "copy",
            Word(chain.OnFailure), chain.HoldLimitBytes, chain.HoldDeadline,
        }));

    private static string Word<T>(T value)
        where T : struct, Enum => value.ToString().ToLowerInvariant();
}
