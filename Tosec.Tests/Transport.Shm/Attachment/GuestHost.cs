using Tosec.Tests.Peer;
using Tosec.Transport.Shm.Attachment;
using Tosec.Transport.Shm.Layout;
using Tosec.Transport.Shm.Mapping;

namespace Tosec.Tests.Transport.Shm.Attachment;

/// <summary>The host node's part: one guest's links, served by the thread that serves them in a node.</summary>
internal sealed class GuestHost : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly SlotServerThread _thread = new();
    private readonly List<(int Party, bool Attached)> _changes = [];
    private bool _served = true;

    public GuestHost(GuestGeometry? geometry = null)
    {
        Geometry = geometry ?? SharedGuest.Small;
        Links = new GuestLinks(_directory.Path, Identity, Geometry, SharedGuest.Parties);
        Links.Changed += (party, attached) =>
        {
            lock (_changes)
                _changes.Add((party.Number, attached));
        };
        Links.Serve(_thread);
    }

    public GuestGeometry Geometry { get; }

    public GuestIdentity Identity { get; } = new($"h{Guid.NewGuid():N}"[..14], 5, 77);

    public string RunDirectory => _directory.Path;

    public GuestLinks Links { get; }

    public (int Party, bool Attached)[] Changes
    {
        get
        {
            lock (_changes)
                return [.. _changes];
        }
    }

    public string SocketOf(SegmentKind segment, string node) => LinkPath.Socket(RunDirectory, Identity.Name, segment, node);

    /// <summary>Ends the host node's serving and its sockets, as its end would.</summary>
    public void Stop()
    {
        if (!_served)
            return;
        _served = false;
        _thread.Dispose();
        Links.Dispose();
    }

    public void Dispose()
    {
        Stop();
        _directory.Dispose();
    }

    /// <summary>Waits for something that is bound to come.</summary>
    public static void Until(Func<bool> holds, string what)
    {
        var guard = Environment.TickCount64 + (long)TosecProcess.Patience.TotalMilliseconds;
        while (!holds())
        {
            if (Environment.TickCount64 > guard)
                throw new TimeoutException($"never: {what}");
            Thread.Sleep(1);
        }
    }
}
