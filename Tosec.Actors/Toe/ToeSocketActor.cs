using Akka.Actor;
using Tosec.Actors.Streams;
using Tosec.Transport.Shm.Layout;

namespace Tosec.Actors.Toe;

/// <summary>What the worker tells a socket's actor, besides runs, calls and ready sources. Local, on the worker's thread.</summary>
internal static class ToeProtocol
{
    /// <summary>The guest has read on, or buffers have come free.</summary>
    public static readonly object Resume = new();

    /// <summary>The turn was over; there may be more to read.</summary>
    public static readonly object ReadOn = new();

    /// <summary>The last reference in the guest is gone.</summary>
    public static readonly object GuestClosed = new();

    /// <summary>The SVMs have forgotten the connection.</summary>
    public static readonly object SvmsClosed = new();

    /// <summary>The slot is free: stop.</summary>
    public static readonly object Stop = new();

    /// <summary>Coarse clock.</summary>
    public static readonly object Tick = new();

    /// <summary>An SVM has ended the connection.</summary>
    public sealed record Block(Descriptor Descriptor);

    /// <summary>An SVM's engine takes payloads out of the connection, or wants to put one in.</summary>
    public sealed record Edit(int Party, Descriptor Descriptor);

    /// <summary>A party of the path is gone.</summary>
    public sealed record PartyGone(int Party);

    /// <summary>To the supervisor: a socket's actor has stopped.</summary>
    public sealed record Ended(ToeSocket Socket);
}

/// <summary>
/// The actor of a socket at the TOE: one message at a time, and an end of its own. If it fails, the connection is reset and what it
/// held goes back to the pools.
/// </summary>
internal sealed class ToeSocketActor(ToeSocket socket) : UntypedActor
{
    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case DescriptorRun run:
                OnRun(run);

                break;
            case ToeSource source:
                socket.OnReady(source);
                break;
            case RpcCall call:
                socket.OnCall(call);
                break;
            case ToeProtocol.Block block:
                socket.OnBlock(block.Descriptor);
                break;
            case ToeProtocol.Edit edit:
                socket.OnEdit(edit.Party, edit.Descriptor);
                break;
            case ToeProtocol.PartyGone gone:
                socket.OnPartyGone(gone.Party);
                break;
            case StreamProtocol.Fail fail:
                socket.Abort(fail.Errno);
                break;
            default:
                OnSignal(message);
                break;
        }
    }

    protected override void PostStop() => socket.OnStopped();

    private void OnRun(DescriptorRun run)
    {
        var completed = false;
        try
        {
            socket.OnRun(run);
            completed = true;
        }
        finally
        {
            // After a failure; what was sent or kept before is given back once only.
            if (completed)
                run.Release();
            else
                socket.Reclaim(run);
        }
    }

    private void OnSignal(object signal)
    {
        if (ReferenceEquals(signal, ToeProtocol.Resume))
            socket.Resume();
        else if (ReferenceEquals(signal, ToeProtocol.ReadOn))
            socket.ReadOn();
        else if (ReferenceEquals(signal, ToeProtocol.GuestClosed))
            socket.GuestClosed();
        else if (ReferenceEquals(signal, ToeProtocol.SvmsClosed))
            socket.OnSvmsClosed();
        else if (ReferenceEquals(signal, ToeProtocol.Tick))
            socket.OnTick(Environment.TickCount64);
        else if (ReferenceEquals(signal, ToeProtocol.Stop))
            Context.Stop(Self);
        else
            Unhandled(signal);
    }
}
