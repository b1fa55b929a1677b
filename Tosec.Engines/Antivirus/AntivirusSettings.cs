using System.Globalization;
using Akka.Configuration;

namespace Tosec.Engines.Antivirus;

/// <summary>What is done where a setting leaves the choice.</summary>
public enum AntivirusChoice
{
    Block = 0,
    Pass = 1,
}

/// <summary>What is spoken on a port.</summary>
public enum AntivirusProtocol
{
    /// <summary>To be told by the first bytes.</summary>
    Detect = 0,
    Http,
    Smtp,
    Imap,

    /// <summary>A stream is one object.</summary>
    Raw,
}

/// <summary>The settings of the antivirus; meanings, defaults and extremes are in <c>hocon/reference/antivirus.conf</c>.</summary>
/// <param name="Socket">clamd's UNIX socket.</param>
/// <param name="ScanTimeout">Longest time for one scan.</param>
/// <param name="Threads">Scans at a time.</param>
/// <param name="Queue">Objects that may wait for a thread.</param>
/// <param name="ObjectLimit">Bytes of an object, decoded.</param>
/// <param name="OnObjectLimit">What happens to a larger one.</param>
/// <param name="MemoryLimit">Bytes of memory for all objects together.</param>
/// <param name="PartsLimit">Parts of a multipart object.</param>
/// <param name="Partial">What happens to parts of objects.</param>
/// <param name="UnknownCoding">What happens to bodies that cannot be decoded.</param>
/// <param name="Opaque">What happens to streams that become unreadable.</param>
/// <param name="Ports">Protocols by port.</param>
/// <param name="LineLimit">Bytes of the longest line of an HTTP head.</param>
/// <param name="FieldsLimit">Fields of an HTTP message.</param>
public sealed record AntivirusSettings(
    string Socket,
    TimeSpan ScanTimeout,
    int Threads,
    int Queue,
    int ObjectLimit,
    AntivirusChoice OnObjectLimit,
    long MemoryLimit,
    int PartsLimit,
    AntivirusChoice Partial,
    AntivirusChoice UnknownCoding,
    AntivirusChoice Opaque,
    IReadOnlyDictionary<int, AntivirusProtocol> Ports,
    int LineLimit,
    int FieldsLimit)
{
    /// <summary>The path of the settings in a node's configuration.</summary>
    public const string Path = "tosec.engines.antivirus";

    // The kernel's limit for a socket's address.
    private const int MaxSocketPath = 107;

    /// <summary>
    /// Reads the section <see cref="Path"/> itself (not the whole configuration). Throws <see cref="ArgumentException"/> naming the
    /// key and the value when one is missing or out of range.
    /// </summary>
    public static AntivirusSettings From(Config config)
    {
        ArgumentNullException.ThrowIfNull(config);
        return new AntivirusSettings(
            Socket: SocketPath(config),
            ScanTimeout: Time(config, "scan-timeout", TimeSpan.FromMilliseconds(10), TimeSpan.FromMinutes(10)),
            Threads: (int)Number(config, "threads", 1, 256),
            Queue: (int)Number(config, "queue", 1, 100_000),
            ObjectLimit: (int)Bytes(config, "object-limit", 1 << 10, 1 << 30),
            OnObjectLimit: Choice(config, "on-object-limit"),
            MemoryLimit: Bytes(config, "memory-limit", 1 << 20, 64L << 30),
            PartsLimit: (int)Number(config, "parts-limit", 1, 10_000),
            Partial: Choice(config, "partial"),
            UnknownCoding: Choice(config, "unknown-coding"),
            Opaque: Choice(config, "opaque"),
            Ports: ReadPorts(Present(config, "ports").GetConfig("ports")),
            LineLimit: (int)Bytes(config, "line-limit", 256, 64 << 20),
            FieldsLimit: (int)Number(config, "fields-limit", 1, 256));
    }

    private static IReadOnlyDictionary<int, AntivirusProtocol> ReadPorts(Config ports)
    {
        var byPort = new Dictionary<int, AntivirusProtocol>();
        foreach (var protocol in new[] { AntivirusProtocol.Http, AntivirusProtocol.Smtp, AntivirusProtocol.Imap, AntivirusProtocol.Raw })
        {
            var key = "ports." + protocol.ToString().ToLowerInvariant();
            foreach (var text in Present(ports, key["ports.".Length..], key).GetStringList(key["ports.".Length..]))
            {
                if (!ushort.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var port) || port == 0)
                    throw Wrong(key, $"\"{text}\" is not a port");
                if (!byPort.TryAdd(port, protocol)) throw Wrong(key, $"port {port} is named twice");
            }
        }

        return byPort;
    }

    private static string SocketPath(Config config)
    {
        var path = Text(config, "socket");
        if (!System.IO.Path.IsPathFullyQualified(path) || path.Any(char.IsControl)) throw Wrong("socket", $"\"{path}\" is not an absolute path");
        return System.Text.Encoding.UTF8.GetByteCount(path) <= MaxSocketPath ? path
            : throw Wrong("socket", $"the path is longer than {MaxSocketPath} bytes");
    }

    private static Config Present(Config config, string key, string? shown = null) =>
        config.HasPath(key) ? config : throw Wrong(shown ?? key, "missing");

    private static string Text(Config config, string key)
    {
        var text = Present(config, key).GetString(key);
        return string.IsNullOrWhiteSpace(text) ? throw Wrong(key, "empty") : text;
    }

    private static long Number(Config config, string key, long least, long most)
    {
        var number = Present(config, key).GetLong(key);
        return number >= least && number <= most ? number : throw Wrong(key, $"{number} is not in {least} to {most}");
    }

    private static long Bytes(Config config, string key, long least, long most)
    {
        var bytes = Present(config, key).GetByteSize(key);
        return bytes >= least && bytes <= most ? bytes.Value : throw Wrong(key, $"{bytes} is not in {least} to {most} bytes");
    }

    private static TimeSpan Time(Config config, string key, TimeSpan least, TimeSpan most)
    {
        var time = Present(config, key).GetTimeSpan(key, null, allowInfinite: false);
        return time >= least && time <= most ? time : throw Wrong(key, $"{time} is not in {least} to {most}");
    }

    private static AntivirusChoice Choice(Config config, string key) => Text(config, key) switch
    {
        "block" => AntivirusChoice.Block,
        "pass" => AntivirusChoice.Pass,
        var other => throw Wrong(key, $"\"{other}\" is neither block nor pass"),
    };

    private static ArgumentException Wrong(string key, string what) => new($"{Path}.{key}: {what}");
}
