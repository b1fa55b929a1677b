using Tosec.Actors.Lanes;
using Tosec.Tests.Peer;
using Tosec.Transport.Shm.Attachment;
using Tosec.Transport.Shm.Interop;
using Tosec.Transport.Shm.Layout;

namespace Tosec.Tests.Transport.Shm.Attachment;

/// <summary>
/// Two parties over real lanes, sleep flags and doorbells: nothing that is sent is slept over. That the second look before the sleep is
/// what keeps it is shown with a broken variant in <see cref="Actors.Workers.WorkerSleepSpecs"/>.
/// </summary>
public sealed class DoorbellHuntSpecs : IDisposable
{
    private readonly GuestHost _host = new();

    public void Dispose() => _host.Dispose();

    [Fact]
    public void Hunt_for_a_lost_doorbell_between_two_parties()
    {
        const int Rounds = 100_000;
        using var tovm = ProcessAttachment.Connect(_host.RunDirectory, _host.Identity.Name, "tovm-node", trusted: true);
        using var waf = ProcessAttachment.Connect(_host.RunDirectory, _host.Identity.Name, "waf-node", trusted: true);
        var sending = new TrustedPort(tovm, new Sink());
        var sleeper = new Sleeper(waf);
        sleeper.Start();
        var random = new Random(3);
        var sent = 0L;
        // As many rounds as asked for, or as the time for hunting allows on a busy machine.
        var end = Environment.TickCount64 + 5000;
        for (var i = 0; i < Rounds && Environment.TickCount64 < end; i++)
        {
            for (var burst = random.Next(1, 4); burst > 0; burst--)
            {
                sending.Send(waf.Party, new Descriptor { Sequence = (ulong)sent++ });
                sending.FlushRings();
            }

            sleeper.WaitFor(sent);
            Thread.SpinWait(random.Next(0, 400));
        }

        sleeper.Stop();
        Assert.True(sending.Counters.WakesSent > 100, $"inconclusive: woken only {sending.Counters.WakesSent} times");
    }

    private sealed class Sink : ILaneSink
    {
        private long _taken;

        public long Taken => Volatile.Read(ref _taken);

        public bool InOrder { get; private set; } = true;

        public IntakeResult OnChannel(int channel, in Descriptor descriptor) => IntakeResult.Taken;

        public void OnParty(int party, in Descriptor descriptor)
        {
            InOrder &= descriptor.Sequence == (ulong)_taken;
            Volatile.Write(ref _taken, _taken + 1);
        }

        public void OnCorruptChannel(int channel) => InOrder = false;

        public void OnRoundEnd()
        {
        }
    }

    private sealed class Sleeper
    {
        private readonly IGuestAttachment _attachment;
        private readonly Sink _sink = new();
        private readonly TrustedPort _port;
        private readonly Thread _thread;
        private volatile bool _stop;
        private volatile bool _lost;

        public Sleeper(IGuestAttachment attachment)
        {
            _attachment = attachment;
            _port = new TrustedPort(attachment, _sink);
            _thread = new Thread(Run);
        }

        public void Start() => _thread.Start();

        public void WaitFor(long count)
        {
            var spin = new SpinWait();
            while (_sink.Taken != count)
            {
                Assert.False(_lost, $"a doorbell was lost: {_sink.Taken} of {count} taken");
                spin.SpinOnce(sleep1Threshold: -1);
            }
        }

        public void Stop()
        {
            _stop = true;
            _attachment.EdgeDoorbell(_attachment.Party, 0)!.Ring();
            _thread.Join();
            Assert.False(_lost);
            Assert.True(_sink.InOrder);
        }

        private void Run()
        {
            using var epoll = Epoll.Create();
            var events = new EpollEvent[2];
            foreach (var bell in _attachment.Doorbells)
                epoll.Add(bell.Descriptor, Epoll.EPOLLIN, 1);
            while (!_stop && !_lost)
            {
                if (_port.Poll())
                    continue;
                _port.PrepareSleep();
                // The flag before the second look: pairs with the fence in FlushRings.
                Interlocked.MemoryBarrier();
                if (!_port.HasWork() && epoll.Wait(events, (int)TosecProcess.Patience.TotalMilliseconds) == 0)
                    _lost = true;
                _port.EndSleep();
                foreach (var bell in _attachment.Doorbells)
                    bell.Drain();
            }
        }
    }
}
