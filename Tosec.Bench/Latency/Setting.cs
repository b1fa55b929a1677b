namespace Tosec.Bench.Latency;

/// <summary>Where the parties may run.</summary>
internal enum Setting
{
    /// <summary>Wherever the kernel puts them.</summary>
    Free,

    /// <summary>All of both sides on one and the same CPU.</summary>
    OneCpu,
}
