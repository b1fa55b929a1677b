using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Tosec.Node.Configuration;

/// <summary>Texts of byte sizes, times and addresses.</summary>
internal static class Units
{
    private static readonly (string Suffix, long Factor)[] _bytes = [("g", 1L << 30), ("m", 1L << 20), ("k", 1L << 10), ("b", 1)];

    private static readonly (string Suffix, long Ticks)[] _times =
    [
        ("ms", TimeSpan.TicksPerMillisecond), ("s", TimeSpan.TicksPerSecond), ("m", TimeSpan.TicksPerMinute),
        ("h", TimeSpan.TicksPerHour), ("d", TimeSpan.TicksPerDay),
    ];

    /// <summary>Whole number and unit, blanks between them allowed; a bare number is bytes.</summary>
    public static bool TryParseBytes(string text, out long bytes) => TryParse(text, _bytes, 1, out bytes);

    /// <summary>Whole number and unit; a bare number is refused, because nobody knows its unit.</summary>
    public static bool TryParseTime(string text, out TimeSpan time)
    {
        var isParsed = TryParse(text, _times, 0, out var ticks);
        time = new TimeSpan(ticks);
        return isParsed;
    }

    public static string ShowBytes(long bytes)
    {
        foreach (var (suffix, factor) in _bytes)
        {
            if (bytes >= factor && bytes % factor == 0)
                return $"{bytes / factor}{suffix}";
        }

        return $"{bytes}b";
    }

    public static string ShowTime(TimeSpan time)
    {
        for (var i = _times.Length - 1; i > 0; i--)
        {
            if (time.Ticks >= _times[i].Ticks && time.Ticks % _times[i].Ticks == 0)
                return $"{time.Ticks / _times[i].Ticks}{_times[i].Suffix}";
        }

        return $"{time.TotalMilliseconds.ToString(CultureInfo.InvariantCulture)}ms";
    }

    /// <summary>An address one host can have: written in full, not a wildcard, not multicast.</summary>
    public static bool IsHostAddress(IPAddress address, string text) =>
        address.AddressFamily == AddressFamily.InterNetwork
            ? text.AsSpan().Count('.') == 3 && address.GetAddressBytes()[0] is > 0 and < 224
            : !address.IsIPv6Multicast && !address.Equals(IPAddress.IPv6Any) && !address.IsIPv4MappedToIPv6;

    private static bool TryParse(string text, (string Suffix, long Factor)[] units, long factor, out long value)
    {
        var digits = text.TrimEnd();
        foreach (var (suffix, unitFactor) in units)
        {
            if (digits.EndsWith(suffix, StringComparison.Ordinal) && digits.Length > suffix.Length)
            {
                digits = digits[..^suffix.Length].TrimEnd();
                factor = unitFactor;
                break;
            }
        }

        value = 0;
        if (factor == 0 || !long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            || number > long.MaxValue / factor)
            return false;
        value = number * factor;
        return true;
    }
}
