using Tosec.Engines.Ips.Compile;

namespace Tosec.Engines.Ips.Match;

/// <summary>What rules are asked of: the buffers, and which rules are still open. One thread.</summary>
internal interface IAsked : IBuffers
{
    /// <summary>Is this rule to be asked now? When it is, the buffers are as it has to see them.</summary>
    bool Shows(CompiledRule rule);

    /// <summary>The rule has been answered: it is not asked of the same again.</summary>
    void Answered(CompiledRule rule);
}
