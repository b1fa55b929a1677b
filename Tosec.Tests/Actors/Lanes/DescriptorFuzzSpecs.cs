using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Tosec.Tests.Actors.Workers;
using Tosec.Tests.Peer;
using Tosec.Transport.Shm.Layout;

namespace Tosec.Tests.Actors.Lanes;

/// <summary>A million descriptors of nonsense and near-sense in every lane a guest can write, while another guest is served.</summary>
[Collection(SiteCollection.Name)]
public sealed class DescriptorFuzzSpecs
{
    private const int Descriptors = 1_000_000;

    [Fact]
    public void A_million_malformed_descriptors_disturb_nobody()
    {
        var seed = int.TryParse(Environment.GetEnvironmentVariable("TOSEC_TEST_SEED"), out var given) ? given : 20260101;
        using var site = new TestSite(new TestSiteOptions
        {
            Engines = [new TestEngine("a"), new TestEngine("b")],
            Guests = ["mallory", "alice"],
        });
        var workers = new[] { "svm-0", "svm-1", "tovm" }.Select(vm => site.WorkerActor(vm, "mallory")).ToArray();
        using var stop = new CancellationTokenSource();
        var honest = Task.Run(() => Transfer(site.GuestOf("alice"), stop.Token));
        var taken = Fuzz(site, seed);
        stop.Cancel();
        WorkerHarness.Until(() => honest.IsCompleted);
        Assert.True(honest.IsCompletedSuccessfully, $"seed {seed}: {honest.Exception}");

        // Everything was looked at, nobody has failed and been replaced, and the liar's own next connection is served too.
        Assert.Equal(workers, new[] { "svm-0", "svm-1", "tovm" }.Select(vm => site.WorkerActor(vm, "mallory")));
        Assert.True(site.Report("tovm", "mallory").Violations + site.Report("svm-0", "mallory").Violations > Descriptors / 2, $"seed {seed}");
        Assert.Equal(Descriptors, taken);
        var guest = site.GuestOf("mallory");
        guest.CloseAll();
        site.AwaitClean("mallory");
        while (guest.Channel(1).TryTakeReply(out _))
        {
        }

        var (socket, peer) = OutsidePeer.Connect(guest);
        socket.Send("reformed");
        Assert.Equal("reformed", peer.ReadText(8));
        peer.Dispose();
    }

    private static int Fuzz(TestSite site, int seed)
    {
        var random = new Random(seed);
        var guest = site.GuestOf("mallory");
        var victims = new List<(GuestSocket Socket, System.Net.Sockets.Socket Peer)>();
        var sent = 0;
        while (sent < Descriptors)
        {
            // Live streams to be near to: most valid-looking descriptors end theirs.
            if (sent % 2000 == 0)
            {
                foreach (var (socket, peer) in victims)
                {
                    peer.Dispose();
                    socket.Close();
                }

                victims.Clear();
                guest.CloseAll();
                WorkerHarness.Until(() => DrainReplies(guest) && guest.Memory.State(0).ConnectionId == 0 && guest.Memory.State(1).ConnectionId == 0);
                if (TryConnect(guest) is { } victim)
                    victims.Add(victim);
            }

            var descriptor = Next(random, victims.Count > 0 ? victims[0].Socket : null, guest);
            var channel = random.Next(guest.Memory.Geometry.Channels);
            var party = random.Next(8) == 0 ? random.Next(Party.Count) : random.Next(Party.Tovm, Party.FirstSvm + 2);
            // Lanes to nobody fill up and stay full.
            if (party is Party.Guest or > Party.FirstSvm + 1)
                _ = guest.Channel(channel).TrySend(party, descriptor);
            else
                guest.Channel(channel).Send(party, descriptor);
            DrainReplies(guest);
            sent++;
        }

        foreach (var (_, peer) in victims)
            peer.Dispose();
        return sent;
    }

    // What another channel or an earlier request was answered may come first; then this round has no victim.
    private static (GuestSocket Socket, System.Net.Sockets.Socket Peer)? TryConnect(TestGuest guest)
    {
        try
        {
            return OutsidePeer.Connect(guest);
        }
        catch (Xunit.Sdk.XunitException)
        {
            return null;
        }
    }

    private static Descriptor Next(Random random, GuestSocket? victim, TestGuest guest)
    {
        var descriptor = default(Descriptor);
        random.NextBytes(MemoryMarshal.AsBytes(new Span<Descriptor>(ref descriptor)));
        if (victim is null || random.Next(3) == 0)
        {
            // Not all opcodes at random: no connecting to who knows where.
            if (random.Next(2) == 0)
                descriptor.Opcode = (Opcode)random.Next(16);
            if (descriptor.Opcode == Opcode.Rpc)
                descriptor.Code = (ushort)random.Next(20, 2000);
            return descriptor;
        }

        // A valid one with one or two fields of nonsense.
        var mutated = victim.Next();
        mutated.Opcode = (Opcode)(random.Next(4) == 0 ? random.Next(13) : (int)Opcode.Payload);
        mutated.Offset = victim.Channel.BufferOffset(random.Next(80));
        mutated.Length = (uint)random.Next(1, 2048);
        mutated.Sequence = (ulong)random.Next(8);
        for (var n = random.Next(3); n > 0; n--)
        {
            switch (random.Next(8))
            {
                case 0: mutated.Slot = descriptor.Slot; break;
                case 1: mutated.StreamId = random.Next(2) == 0 ? descriptor.StreamId : mutated.StreamId ^ 1; break;
                case 2: mutated.Sequence = random.Next(2) == 0 ? descriptor.Sequence : (ulong)random.Next(300); break;
                case 3: mutated.Offset = random.Next(2) == 0 ? descriptor.Offset : (ulong)random.NextInt64(guest.Memory.Geometry.EdgeEnd + 4096); break;
                case 4: mutated.Length = random.Next(2) == 0 ? descriptor.Length : (uint)random.Next(70_000); break;
                case 5: mutated.Generation = descriptor.Generation; break;
                case 6: (mutated.Arg0, mutated.Arg1, mutated.Flags) = (descriptor.Arg0, descriptor.Arg1, descriptor.Flags); break;
                default: mutated.Slot = (uint)random.Next(70); break;
            }
        }

        if (mutated.Opcode == Opcode.Rpc)
        {
            mutated.Code = (ushort)(random.Next(2) == 0 ? random.Next(5, 9) : descriptor.Code | 16);
            mutated.Offset = (ulong)GuestGeometry.EdgeRpc(random.Next(3), random.Next(16)) + (ulong)(random.Next(4) == 0 ? random.Next(512) : 0);
        }

        return mutated;
    }

    private static bool DrainReplies(TestGuest guest)
    {
        for (var c = 0; c < guest.Memory.Geometry.Channels; c++)
        {
            while (guest.Channel(c).TryTakeReply(out _))
            {
            }
        }

        return true;
    }

    // An honest guest's stream: its bytes there and back, again and again, until the other has had enough.
    private static void Transfer(TestGuest guest, CancellationToken stop)
    {
        var (socket, peer) = OutsidePeer.Connect(guest);
        using var sent = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        using var received = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        for (var n = 0; n < 20 || !stop.IsCancellationRequested; n++)
        {
            var bytes = OutsidePeer.Pattern(10_000 + n % 7000, n);
            sent.AppendData(bytes);
            Assert.True(socket.Send(bytes, 3000));
            peer.Send(peer.Read(bytes.Length));
            var back = socket.ReadToEnd(bytes.Length).Bytes;
            Assert.Equal(bytes.Length, back.Length);
            received.AppendData(back);
        }

        Assert.Equal(sent.GetHashAndReset(), received.GetHashAndReset());
        socket.Close();
        peer.Dispose();
    }
}
