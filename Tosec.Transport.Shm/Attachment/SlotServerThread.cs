using Tosec.Transport.Shm.Interop;

namespace Tosec.Transport.Shm.Attachment;

/// <summary>The one thread that serves all links of a host node. Servers are added and removed from any thread.</summary>
public sealed class SlotServerThread : IDisposable
{
    private readonly Epoll _epoll = Epoll.Create();
    private readonly EventFd _wake = EventFd.Create();
    private readonly Lock _gate = new();
    private readonly Dictionary<ulong, (IvshmemSlotServer Server, int Key, bool Listener)> _sources = [];
    private readonly Dictionary<(IvshmemSlotServer Server, int Key), ulong> _peers = [];
    private readonly Thread _thread;
    private ulong _nextToken = 1;
    private volatile bool _stopping;

    public SlotServerThread()
    {
        _epoll.Add(_wake.Descriptor, Epoll.EPOLLIN, 0);
        _thread = new Thread(Serve) { IsBackground = true, Name = "tosec-slots" };
        _thread.Start();
    }

    /// <summary>Begins to serve. The server stays the caller's, who disposes this thread before it.</summary>
    public void Add(IvshmemSlotServer server)
    {
        lock (_gate)
        {
            foreach (var (key, descriptor) in server.Listeners)
                Watch(server, key, descriptor, listener: true);
        }
    }

    public void Dispose()
    {
        if (_stopping)
            return;
        _stopping = true;
        _wake.Ring();
        _thread.Join();
        _epoll.Dispose();
        _wake.Dispose();
    }

    private void Watch(IvshmemSlotServer server, int key, int descriptor, bool listener)
    {
        var token = _nextToken++;
        _sources[token] = (server, key, listener);
        if (!listener)
        {
            // The slot's last peer may have been found gone at its listener, and then says nothing any more.
            if (_peers.TryGetValue((server, key), out var last))
                _sources.Remove(last);
            _peers[(server, key)] = token;
        }

        _epoll.Add(descriptor, Epoll.EPOLLIN, token);
    }

    private void Serve()
    {
        var events = new EpollEvent[16];
        while (!_stopping)
        {
            var count = _epoll.Wait(events, -1);
            for (var i = 0; i < count; i++)
            {
                lock (_gate)
                {
                    if (!_sources.TryGetValue(events[i].Token, out var source))
                        continue;
                    if (source.Listener)
                    {
                        var peer = source.Server.OnListener(source.Key);
                        if (peer >= 0)
                            Watch(source.Server, source.Key, peer, listener: false);
                    }
                    else if (source.Server.OnPeer(source.Key))
                    {
                        // Its descriptor is closed, and so out of the set.
                        _sources.Remove(events[i].Token);
                    }
                }
            }
        }
    }
}
