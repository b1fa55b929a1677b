using System.Buffers;
using System.Security.Cryptography;
using Tosec.Engines.Ips.Model;

namespace Tosec.Engines.Ips.Buffers;

/// <summary>Changes a buffer before rules look at it. Pure functions over spans.</summary>
internal static class Transforms
{
    /// <summary>Room that the result of any chain over so many bytes fits in.</summary>
    public static int RoomFor(int length, int transforms) => Math.Max(length, SHA256.HashSizeInBytes) + transforms;

    /// <summary>Carries out a chain. Returns how many bytes of <paramref name="output"/> are the result.</summary>
    /// <param name="chain">At least one.</param>
    /// <param name="input">The buffer.</param>
    /// <param name="output">Of <see cref="RoomFor"/> bytes at least; does not overlap the input.</param>
    public static int Apply(Transform[] chain, ReadOnlySpan<byte> input, Span<byte> output)
    {
        var length = Apply(chain[0], input, output);
        if (chain.Length == 1) return length;
        var between = ArrayPool<byte>.Shared.Rent(RoomFor(input.Length, chain.Length));
        try
        {
            foreach (var transform in chain.AsSpan(1))
            {
                output[..length].CopyTo(between);
                length = Apply(transform, between.AsSpan(0, length), output);
            }

            return length;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(between);
        }
    }

    private static int Apply(Transform transform, ReadOnlySpan<byte> input, Span<byte> output)
    {
        switch (transform)
        {
            case Transform.ToLowercase:
                for (var i = 0; i < input.Length; i++) output[i] = Lower(input[i]);
                return input.Length;
            case Transform.ToUppercase:
                for (var i = 0; i < input.Length; i++) output[i] = input[i] is >= (byte)'a' and <= (byte)'z' ? (byte)(input[i] - 0x20) : input[i];
                return input.Length;
            case Transform.StripWhitespace:
                return Whitespace(input, output, keepFirst: false);
            case Transform.CompressWhitespace:
                return Whitespace(input, output, keepFirst: true);
            case Transform.UrlDecode:
                return UrlDecode(input, output);
            case Transform.HeaderLowercase:
                return HeaderLowercase(input, output);
            case Transform.DotPrefix:
                output[0] = (byte)'.';
                input.CopyTo(output[1..]);
                return input.Length + 1;

            // Rules ask for these hashes by name; nothing is protected by them.
            case Transform.ToMd5:
                return MD5.HashData(input, output);
            case Transform.ToSha1:
                return SHA1.HashData(input, output);
            default:
                return SHA256.HashData(input, output);
        }
    }

    private static byte Lower(byte b) => b is >= (byte)'A' and <= (byte)'Z' ? (byte)(b | 0x20) : b;

    // isspace() of C.
    private static bool IsSpace(byte b) => b is (byte)' ' or (>= 9 and <= 13);

    private static int Whitespace(ReadOnlySpan<byte> input, Span<byte> output, bool keepFirst)
    {
        var length = 0;
        var wasSpace = false;
        foreach (var b in input)
        {
            var isSpace = IsSpace(b);
            if (!isSpace || (keepFirst && !wasSpace)) output[length++] = b;
            wasSpace = isSpace;
        }

        return length;
    }

    private static int UrlDecode(ReadOnlySpan<byte> input, Span<byte> output)
    {
        var length = 0;
        for (var i = 0; i < input.Length; i++)
        {
            if (input[i] == '%' && i + 2 < input.Length
                && char.IsAsciiHexDigit((char)input[i + 1]) && char.IsAsciiHexDigit((char)input[i + 2]))
            {
                output[length++] = (byte)((Hex(input[i + 1]) << 4) | Hex(input[i + 2]));
                i += 2;
            }
            else
            {
                output[length++] = input[i] == '+' ? (byte)' ' : input[i];
            }
        }

        return length;
    }

    private static int HeaderLowercase(ReadOnlySpan<byte> input, Span<byte> output)
    {
        var inName = true;
        for (var i = 0; i < input.Length; i++)
        {
            inName = input[i] == '\n' || (inName && input[i] != ':');
            output[i] = inName ? Lower(input[i]) : input[i];
        }

        return input.Length;
    }

    private static int Hex(byte b) => b <= '9' ? b - '0' : (b | 0x20) - 'a' + 10;
}
