using Tosec.Actors.Chains;
using Tosec.Actors.Toe;
using Tosec.Transport.Shm.Layout;
using Tosec.Transport.Shm.Mapping;

namespace Tosec.Tests.Actors.Toe;

public class ChainPathSpecs
{
    private const byte Waf1 = Party.FirstSvm;
    private const byte Counter1 = Party.FirstSvm + 1;
    private const byte Counter2 = Party.FirstSvm + 2;

    private static readonly PartyIdentity[] _parties =
    [
        new(Party.Guest, "guest", "guest"),
        new(Party.Tovm, "tovm", "tovm"),
        new(Waf1, "waf-1", "waf"),
        new(Counter1, "counter-1", "counter"),
        new(Counter2, "counter-2", "counter"),
    ];

    [Fact]
    public void A_chain_without_SVMs_ends_at_the_TOVM() => Assert.Equal([Party.Tovm], Resolve([]));

    [Fact]
    public void The_order_of_the_chain_decides_and_not_the_order_of_the_parties() =>
        Assert.Equal([Counter1, Waf1, Party.Tovm], Resolve(["counter", "waf"]));

    [Fact]
    public void A_type_named_twice_takes_two_SVMs_in_order() =>
        Assert.Equal([Counter1, Counter2, Party.Tovm], Resolve(["counter", "counter"]));

    [Fact]
    public void A_type_named_once_takes_the_second_SVM_when_the_first_is_gone() =>
        Assert.Equal([Counter2, Party.Tovm], Resolve(["counter"], dead: Counter1));

    [Fact]
    public void A_type_named_more_often_than_it_lives_blocks() =>
        Assert.Null(Resolve(["counter", "counter"], dead: Counter1));

    [Fact]
    public void A_type_named_more_often_than_it_lives_passes_those_that_live_where_the_chain_bypasses() =>
        Assert.Equal([Counter2, Party.Tovm], Resolve(["counter", "counter"], FailurePolicy.Bypass, dead: Counter1));

    private static byte[]? Resolve(string[] types, FailurePolicy policy = FailurePolicy.Block, int dead = -1) =>
        ChainPath.Resolve(
            new ChainDefinition
            {
                Name = "chain",
                SvmTypes = [.. types],
                OnFailure = policy,
                HoldLimitBytes = 4096,
                HoldDeadline = TimeSpan.FromSeconds(1),
            },
            _parties, party => party != dead);
}
