namespace Tosec.Actors.Streams;

/// <summary>What stream actors and their workers understand. Local only; everything runs on the worker's thread.</summary>
internal static class StreamProtocol
{
    /// <summary>To a worker: a stream's actor has stopped.</summary>
    public sealed record Ended(StreamEntry Entry);

    /// <summary>To a stream: forget the connection, give back what it holds.</summary>
    public sealed class Close
    {
        public static readonly Close Instance = new();
    }

    /// <summary>To a stream: a party on the path is gone, or a peer broke the rules.</summary>
    public sealed record Fail(string Reason, int Errno);

    /// <summary>To a stream that holds payloads: see whether it has done so for too long.</summary>
    public sealed record HoldTick(long NowMilliseconds);

    /// <summary>To a stream, from any thread: its inspector has more to say.</summary>
    public sealed class Wake
    {
        public static readonly Wake Instance = new();
    }

    /// <summary>To a worker: answered with <c>StreamReport[]</c>, one for each of its connections.</summary>
    public sealed class List
    {
        public static readonly List Instance = new();
    }
}

/// <summary>A connection as listings show it.</summary>
public sealed record StreamReport(
    ulong ConnectionId,
    string Guest,
    string GuestEndPoint,
    string PeerEndPoint,
    string Initiator,
    string State,
    string Chain,
    string Path,
    long OutgoingBytes,
    long IncomingBytes,
    long HeldBytes);
