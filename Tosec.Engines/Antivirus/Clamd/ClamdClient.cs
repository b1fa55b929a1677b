using System.Text;
using Tosec.Transport.Shm.Interop;

namespace Tosec.Engines.Antivirus.Clamd;

/// <summary>What clamd says of an object.</summary>
internal enum ClamdStatus : byte
{
    /// <summary>No signature matches.</summary>
    Clean,

    /// <summary>A signature matches.</summary>
    Infected,

    /// <summary>The object exceeds one of clamd's own limits, so that it was not scanned in full.</summary>
    Limited,

    /// <summary>There is no verdict.</summary>
    Failed,
}

/// <param name="Status">What was found.</param>
/// <param name="Text">Infected, Limited: the signature's name. Failed: the reason, for people. Clean: empty.</param>
internal readonly record struct ClamdReply(ClamdStatus Status, string Text)
{
    public static ClamdReply Clean => new(ClamdStatus.Clean, "");

    public static ClamdReply Failed(string reason) => new(ClamdStatus.Failed, reason);
}

/// <summary>
/// Talks to clamd over its UNIX socket (clamd(8)): a connection for each question, so a clamd that comes back is simply there again.
/// Any thread; calls block up to the time-out, and never throw for what clamd does or is.
/// </summary>
internal sealed class ClamdClient(string socket, TimeSpan timeout)
{
    // The longest line of clamd's that is read; signature names are far shorter.
    private const int MaxReply = 4096;
    private const string LimitPrefix = "Heuristics.Limits.Exceeded";

    /// <summary>Scans a file by passing its descriptor (FILDES).</summary>
    public ClamdReply Scan(MemoryFile file)
    {
        var reply = Ask("zFILDES\0"u8, file);
        return reply.Status == ClamdStatus.Clean ? Parse(reply.Text) : reply;
    }

    /// <summary>Version of clamd and its signatures; null when it does not answer, <paramref name="problem"/> says why.</summary>
    public string? Version(out string problem)
    {
        var reply = Ask("zVERSION\0"u8, null);
        problem = reply.Status == ClamdStatus.Clean ? "" : reply.Text;
        return reply.Status == ClamdStatus.Clean ? reply.Text : null;
    }

    /// <summary>The verdict in a line of clamd's, <c>fd[10]: Eicar-Signature FOUND</c> for example.</summary>
    internal static ClamdReply Parse(string line)
    {
        var at = line.IndexOf(": ", StringComparison.Ordinal);
        var said = at < 0 ? line : line[(at + 2)..];
        if (said == "OK") return ClamdReply.Clean;
        if (said.EndsWith(" FOUND", StringComparison.Ordinal))
        {
            var name = said[..^" FOUND".Length];
            return new ClamdReply(name.StartsWith(LimitPrefix, StringComparison.Ordinal) ? ClamdStatus.Limited : ClamdStatus.Infected, name);
        }

        return ClamdReply.Failed("clamd says: " + said);
    }

    // Clean: the text is what clamd has answered.
    private ClamdReply Ask(ReadOnlySpan<byte> command, MemoryFile? file)
    {
        try
        {
            using var connection = UnixSocket.TryConnect(socket, out var errno);
            if (connection is null) return ClamdReply.Failed($"clamd is not reached at {socket} (errno {errno})");
            // A fresh connection has room for these few bytes. The descriptor goes with a byte of its own, behind the command.
            var sent = connection.TrySend(command);
            if (sent == command.Length && file is not null) sent = connection.TrySend("\0"u8, [file.Descriptor]) == 1 ? command.Length : -1;
            return sent == command.Length ? Receive(connection) : ClamdReply.Failed("clamd closed the connection");
        }
        catch (Exception failure) when (failure is NativeFailure or ArgumentException)
        {
            return ClamdReply.Failed(failure.Message);
        }
    }

    private ClamdReply Receive(UnixSocket connection)
    {
        Span<byte> reply = stackalloc byte[MaxReply];
        var length = 0;
        var deadline = Environment.TickCount64 + (long)timeout.TotalMilliseconds;
        while (length < reply.Length)
        {
            var left = TimeSpan.FromMilliseconds(Math.Max(0, deadline - Environment.TickCount64));
            if (!connection.AwaitReadable(left)) return ClamdReply.Failed($"clamd has not answered within {timeout.TotalSeconds:0.###} s");
            var received = connection.TryReceive(reply[length..], [], out _);
            if (received <= 0) return ClamdReply.Failed("clamd closed the connection without a verdict");
            var end = reply.Slice(length, received).IndexOf((byte)0);
            if (end >= 0) return new ClamdReply(ClamdStatus.Clean, Encoding.UTF8.GetString(reply[..(length + end)]));
            length += received;
        }

        return ClamdReply.Failed("clamd's answer is longer than any of its answers");
    }
}
