using Tosec.Engines.Ips.Model;

namespace Tosec.Engines.Ips.Match;

/// <summary>Reads and changes numbers as <c>byte_*</c> options say. Pure functions; what overflows wraps, as in C.</summary>
internal static class Numbers
{
    /// <summary>The number that the bytes hold, and how many of them it takes; false when they hold none.</summary>
    public static bool TryRead(ReadOnlySpan<byte> bytes, NumberForm form, out long value, out int taken)
    {
        taken = bytes.Length;
        value = 0;
        switch (form)
        {
            case NumberForm.BigEndian:
                foreach (var b in bytes) value = (value << 8) | b;
                return true;
            case NumberForm.LittleEndian:
                for (var i = bytes.Length - 1; i >= 0; i--) value = (value << 8) | bytes[i];
                return true;
            default:
                return TryText(bytes, form, out value, out taken);
        }
    }

    public static long Masked(long value, uint mask) =>
        mask == 0 ? value : (value & mask) >> System.Numerics.BitOperations.TrailingZeroCount(mask);

    public static bool Compare(Comparison comparison, long left, long right) => comparison switch
    {
        Comparison.Equal => left == right,
        Comparison.Less => (ulong)left < (ulong)right,
        Comparison.Greater => (ulong)left > (ulong)right,
        Comparison.LessOrEqual => (ulong)left <= (ulong)right,
        Comparison.GreaterOrEqual => (ulong)left >= (ulong)right,
        Comparison.And => (left & right) != 0,
        _ => (left ^ right) != 0,
    };

    /// <summary>False: a division by zero, or a shift of 64 bits and more.</summary>
    public static bool TryCompute(Arithmetic arithmetic, long left, long right, out long result)
    {
        result = 0;
        if (arithmetic == Arithmetic.Divide && right == 0) return false;
        if (arithmetic is Arithmetic.ShiftLeft or Arithmetic.ShiftRight && (ulong)right > 63) return false;
        result = arithmetic switch
        {
            Arithmetic.Add => left + right,
            Arithmetic.Subtract => left - right,
            Arithmetic.Multiply => left * right,
            Arithmetic.Divide => (long)((ulong)left / (ulong)right),
            Arithmetic.ShiftLeft => left << (int)right,
            _ => (long)((ulong)left >> (int)right),
        };
        return true;
    }

    // As strtoul: blanks before it, and as many digits as there are.
    private static bool TryText(ReadOnlySpan<byte> bytes, NumberForm form, out long value, out int taken)
    {
        var radix = form switch { NumberForm.Hexadecimal => 16, NumberForm.Octal => 8, _ => 10 };
        value = 0;
        taken = 0;
        while (taken < bytes.Length && bytes[taken] is (byte)' ' or (byte)'\t') taken++;
        if (radix == 16 && bytes[taken..].StartsWith("0x"u8)) taken += 2;
        var first = taken;
        for (; taken < bytes.Length; taken++)
        {
            var b = bytes[taken];
            var digit = !char.IsAsciiHexDigit((char)b) ? 16 : b <= '9' ? b - '0' : (b | 0x20) - 'a' + 10;
            if (digit >= radix) break;
            value = (value * radix) + digit;
        }

        return taken > first;
    }
}
