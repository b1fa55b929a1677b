using System.Buffers;
using System.Text.Json;
using System.Threading.Channels;

namespace Tosec.Actors.Threats;

/// <summary>Numbers of a threat log; a snapshot, all only grow.</summary>
/// <param name="Alerts">Events whose connection went on.</param>
/// <param name="Blocks">Events whose connection was ended.</param>
/// <param name="Written">Events that are in the file.</param>
/// <param name="Dropped">Events that are not: the log could not keep up, was closed, or the file could not be written.</param>
public readonly record struct EveCounters(long Alerts, long Blocks, long Written, long Dropped);

/// <summary>
/// Appends events to a file, one JSON object a line, from a task of its own. A worker's thread hands over and goes on: what
/// the log cannot take is counted and dropped, never waited for.
/// </summary>
/// <remarks>
/// The owner disposes it; disposing writes what was taken and then closes the file, and blocks until that is done. The file is
/// opened for appending at construction, which throws as <see cref="FileStream"/> does. A failure to write later is counted as
/// dropped events and kept in <see cref="LastFailure"/>; the next events are tried again.
/// </remarks>
public sealed class EveLog : IAsyncDisposable, IDisposable
{
    // Lines are gathered to about this many bytes, or until nothing more waits.
    private const int BatchBytes = 64 * 1024;

    private readonly Stream _file;
    private readonly Channel<IEveRecord> _channel;
    private readonly Task _writing;
    private long _alerts;
    private long _blocks;
    private long _audits;
    private long _written;
    private long _dropped;

    /// <param name="path">The file; its folder must exist.</param>
    /// <param name="capacity">Events that may wait, at least 1.</param>
    public EveLog(string path, int capacity)
        : this(new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0), capacity)
    {
    }

    /// <param name="file">Written at its position; the log owns it.</param>
    /// <param name="capacity">Events that may wait, at least 1.</param>
    public EveLog(Stream file, int capacity)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(capacity, 1);
        _file = file;
        _channel = Channel.CreateBounded<IEveRecord>(
            new BoundedChannelOptions(capacity) { SingleReader = true, FullMode = BoundedChannelFullMode.Wait });
        _writing = Task.Run(Write);
    }

    /// <summary>Counters of now; any thread.</summary>
    public EveCounters Counters => new(
        Volatile.Read(ref _alerts), Volatile.Read(ref _blocks), Volatile.Read(ref _written), Volatile.Read(ref _dropped));

    /// <summary>Audit records taken or dropped.</summary>
    public long Audits => Volatile.Read(ref _audits);

    /// <summary>The last failure to write; null when there was none.</summary>
    public Exception? LastFailure { get; private set; }

    /// <summary>Takes an event, or counts it as dropped (false). Any thread; never blocks, never throws.</summary>
    public bool TryWrite(IEveRecord record)
    {
        switch (record)
        {
            case EveEvent { Blocked: true }:
                Interlocked.Increment(ref _blocks);
                break;
            case EveEvent:
                Interlocked.Increment(ref _alerts);
                break;
            case AuditEvent:
                Interlocked.Increment(ref _audits);
                break;
        }

        if (_channel.Writer.TryWrite(record)) return true;
        Interlocked.Increment(ref _dropped);
        return false;
    }

    public async ValueTask DisposeAsync()
    {
        _channel.Writer.TryComplete();
        await _writing.ConfigureAwait(false);
        await _file.DisposeAsync().ConfigureAwait(false);
    }

    public void Dispose() => DisposeAsync().AsTask().GetAwaiter().GetResult();

    private async Task Write()
    {
        var lines = new ArrayBufferWriter<byte>(BatchBytes);
        var line = new ArrayBufferWriter<byte>();
        using var json = new Utf8JsonWriter(line);
        while (await _channel.Reader.WaitToReadAsync().ConfigureAwait(false))
        {
            var count = 0;
            while (lines.WrittenCount < BatchBytes && _channel.Reader.TryRead(out var record))
                if (Format(record, json, line, lines)) count++;

            await Append(lines.WrittenMemory, count).ConfigureAwait(false);
            lines.ResetWrittenCount();
        }
    }

    // An event that cannot be written (a text that is no Unicode) costs itself, not the log.
    private bool Format(IEveRecord record, Utf8JsonWriter json, ArrayBufferWriter<byte> line, ArrayBufferWriter<byte> lines)
    {
        line.ResetWrittenCount();
        json.Reset();
        try
        {
            record.WriteTo(json);
            json.Flush();
        }
        catch (Exception failure) when (failure is ArgumentException or InvalidOperationException)
        {
            LastFailure = failure;
            Interlocked.Increment(ref _dropped);
            return false;
        }

        lines.Write(line.WrittenSpan);
        lines.Write("\n"u8);
        return true;
    }

    private async Task Append(ReadOnlyMemory<byte> lines, int count)
    {
        if (count == 0) return;
        try
        {
            await _file.WriteAsync(lines).ConfigureAwait(false);
            await _file.FlushAsync().ConfigureAwait(false);
            Interlocked.Add(ref _written, count);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            // A full disk must not end the log: it may have room again for the next events.
            LastFailure = failure;
            Interlocked.Add(ref _dropped, count);
        }
    }
}
