using Tosec.Actors.Inspection;
using Tosec.Engines.Counter;

namespace Tosec.Tests.Engines.Counter;

public sealed class CounterConformance : EngineConformance
{
    protected override IReadOnlyList<Talk> Talks { get; } =
    [
        Talk.Passes(Said.Client("anything at all"), Said.Server("and more"), Said.Client("\0\xff")),
        Talk.Passes(Said.Client("' OR 1=1 --")),
        Talk.Passes(Said.Server(new string('x', 200))),
    ];

    // It costs next to nothing.
    protected override int RandomPayloads => 2_000_000;

    protected override long MemoryLimit => 256 * 1024;

    protected override INetworkSecuritySystem Make() => new CounterSystem();
}
