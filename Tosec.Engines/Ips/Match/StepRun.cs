using System.Buffers;
using Tosec.Engines.Ips.Model;
using Tosec.Engines.Pcre;

namespace Tosec.Engines.Ips.Match;

/// <summary>
/// Asks the steps of one condition of one buffer. Says yes only when more bytes could not make it a no, so that the answer for a
/// stream does not depend on how its bytes were parted: what is not certain yet is a no for now, and is asked again.
/// </summary>
internal readonly ref struct StepRun(RuleEvaluator evaluator, ReadOnlySpan<Step> steps, ReadOnlySpan<byte> data, bool complete)
{
    // What a step costs besides the bytes it looks at.
    private const int StepWork = 32;
    private const int PcreWork = 512;

    private static readonly SearchValues<byte> _base64Bytes = SearchValues.Create(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="u8);

    private readonly RuleEvaluator _evaluator = evaluator;
    private readonly ReadOnlySpan<Step> _steps = steps;
    private readonly ReadOnlySpan<byte> _data = data;
    private readonly bool _complete = complete;

    public bool Holds() => From(0, 0);

    private bool From(int index, int cursor)
    {
        if (index == _steps.Length) return true;
        _evaluator.Work += StepWork;
        if (--_evaluator.StepsLeft < 0) return Exhaust();
        return _steps[index] switch
        {
            ContentStep { Negated: true } content => Absent(content, cursor) && From(index + 1, cursor),
            ContentStep content => Content(content, index, cursor),
            PcreStep { Negated: true } pcre => PcreAbsent(pcre, cursor) && From(index + 1, cursor),
            PcreStep pcre => Pcre(pcre, index, cursor),
            SizeStep size => (_complete || size.Stays) && size.Holds(_data.Length) && From(index + 1, cursor),
            IsDataAtStep at => DataAt(at, cursor) && From(index + 1, cursor),
            ByteTestStep test => Test(test, cursor) && From(index + 1, cursor),
            ByteJumpStep jump => TryJump(jump, cursor, out var to) && From(index + 1, to),
            ByteExtractStep extract => TryExtract(extract, cursor, out var behind) && From(index + 1, behind),
            ByteMathStep math => TryMath(math, cursor, out var behind) && From(index + 1, behind),
            DatasetStep set => _complete && Dataset(set) && From(index + 1, cursor),
            Base64Step base64 => Base64(base64, cursor) && From(index + 1, cursor),
            _ => false,
        };
    }

    private bool Exhaust()
    {
        _evaluator.Exhausted = true;
        return false;
    }

    private long Value(Operand operand) => operand.IsVariable ? _evaluator.Variables[operand.Variable] : operand.Value;

    /// <summary>Where a content must lie; <c>To</c> is beyond the data when bytes still to come belong to it.</summary>
    private (long From, long To) Place(ContentStep content, int cursor)
    {
        if (content.Relative)
        {
            var start = cursor + (content.Distance is { } distance ? Value(distance) : 0);
            var end = content.Within is { } within ? start + Value(within) : long.MaxValue;
            return (Math.Max(start, 0), end);
        }

        if (content.StartsWith) return (0, content.Pattern.Length);
        var offset = content.Offset is { } at ? Value(at) : 0;
        return (offset, content.Depth is { } depth ? offset + Value(depth) : long.MaxValue);
    }

    // Another occurrence matters only to what is counted from this one; and not to a content that may lie anywhere behind it: what is
    // not behind the first is not behind a later one.
    private bool LeadsOn(int index) =>
        index + 1 < _steps.Length && _steps[index + 1].DependsOnBefore
        && _steps[index + 1] is not ContentStep { Negated: false, Relative: true, Within: null };

    private int Find(ContentStep content, long from, long to)
    {
        to = Math.Min(to, _data.Length);
        if (from < 0 || to - from < content.Pattern.Length) return -1;
        var found = ByteSearch.IndexOf(_data[(int)from..(int)to], content.Pattern, content.NoCase);
        _evaluator.Work += found < 0 ? to - from : found;
        return found < 0 ? -1 : (int)from + found;
    }

    private bool Content(ContentStep content, int index, int cursor)
    {
        var (from, to) = Place(content, cursor);
        if (content.EndsWith)
        {
            if (!_complete) return false;
            from = Math.Max(from, _data.Length - content.Pattern.Length);
        }

        var leadsOn = LeadsOn(index);
        while (true)
        {
            var found = Find(content, from, to);
            if (found < 0) return false;
            if (From(index + 1, found + content.Pattern.Length)) return true;
            if (!leadsOn || _evaluator.Exhausted) return false;
            if (--_evaluator.StepsLeft < 0) return Exhaust();
            _evaluator.Work += StepWork;
            from = found + 1;
        }
    }

    private bool Absent(ContentStep content, int cursor)
    {
        var (from, to) = Place(content, cursor);
        if (content.EndsWith)
        {
            if (!_complete) return false;
            from = Math.Max(from, _data.Length - content.Pattern.Length);
        }

        return (_complete || to <= _data.Length) && Find(content, from, to) < 0;
    }

    private bool Pcre(PcreStep pcre, int index, int cursor)
    {
        // The expression begins where the search does, as it does in Suricata.
        var from = pcre.Relative ? cursor : 0;
        if (from > _data.Length) return false;
        var subject = _data[from..];
        var leadsOn = LeadsOn(index);

        // Where a match ends may change with what follows, and with it what is counted from there.
        var isCountedFrom = index + 1 < _steps.Length && _steps[index + 1].DependsOnBefore;
        var certain = _complete || (pcre.Regex.Stable && !isCountedFrom);
        var start = 0;
        while (start <= subject.Length)
        {
            if (Search(pcre, subject, start, !certain, out var found) != PcreResult.Found) return false;
            if (From(index + 1, from + found.End)) return true;
            if (!leadsOn || _evaluator.Exhausted) return false;
            if (--_evaluator.StepsLeft < 0) return Exhaust();
            start = found.Start + 1;
        }

        return false;
    }

    private bool PcreAbsent(PcreStep pcre, int cursor)
    {
        var from = pcre.Relative ? cursor : 0;
        return _complete && from <= _data.Length && Search(pcre, _data[from..], 0, incomplete: false, out _) == PcreResult.NotFound;
    }

    private PcreResult Search(
        PcreStep pcre, ReadOnlySpan<byte> subject, int start, bool incomplete, out (int Start, int End) found)
    {
        _evaluator.Work += PcreWork + subject.Length - start;
        var result = pcre.Regex.Search(subject, start, incomplete, _evaluator.Pcre, out found);
        if (result == PcreResult.Exhausted) Exhaust();
        return result;
    }

    private bool DataAt(IsDataAtStep at, int cursor)
    {
        var there = at.Relative ? cursor + Value(at.At) <= _data.Length : Value(at.At) < _data.Length;
        return at.Negated ? _complete && !there : there;
    }

    private bool TryNumber(NumberStep step, int cursor, out long value, out int behind)
    {
        var at = Value(step.Offset) + (step.Relative ? cursor : 0);
        value = 0;
        behind = (int)Math.Clamp(at, 0, _data.Length);
        if (step.Bytes == 0) return at >= 0 && at <= _data.Length;
        if (at < 0 || at + step.Bytes > _data.Length) return false;
        if (!Numbers.TryRead(_data.Slice((int)at, step.Bytes), step.Form, out value, out var taken)) return false;
        value = Numbers.Masked(value, step.Bitmask);
        behind = (int)at + taken;
        return true;
    }

    private bool Test(ByteTestStep test, int cursor) =>
        TryNumber(test, cursor, out var value, out _)
        && Numbers.Compare(test.Comparison, value, Value(test.Value)) != test.Negated;

    private bool TryJump(ByteJumpStep jump, int cursor, out int to)
    {
        to = 0;
        if (!TryNumber(jump, cursor, out var value, out var behind)) return false;
        if (jump.Origin == JumpOrigin.End && !_complete) return false;
        value *= jump.Multiplier;
        if (jump.Align) value = (value + 3) & ~3L;
        var target = value + Value(jump.PostOffset) + jump.Origin switch
        {
            JumpOrigin.Beginning => 0,
            JumpOrigin.End => _data.Length,
            _ => behind,
        };
        to = (int)Math.Clamp(target, 0, _data.Length);
        return target >= 0 && target <= _data.Length;
    }

    private bool TryExtract(ByteExtractStep extract, int cursor, out int behind)
    {
        if (!TryNumber(extract, cursor, out var value, out behind)) return false;
        value *= extract.Multiplier;
        value = (value + extract.Align - 1) & -extract.Align;
        _evaluator.Variables[extract.Result] = value;
        return true;
    }

    private bool TryMath(ByteMathStep math, int cursor, out int behind)
    {
        if (!TryNumber(math, cursor, out var value, out behind)) return false;
        if (!Numbers.TryCompute(math.Arithmetic, value, Value(math.Right), out var result)) return false;
        _evaluator.Variables[math.Result] = result;
        return true;
    }

    private bool Dataset(DatasetStep set)
    {
        _evaluator.Work += _data.Length * 4L;
        return set.Dataset.Holds(set.Operation, _data);
    }

    private bool Base64(Base64Step base64, int cursor)
    {
        var at = base64.Offset + (base64.Relative ? cursor : 0);
        if (at > _data.Length) return false;
        var encoded = _data[at..];
        var isWhole = _complete;
        if (base64.Bytes is { } bytes && bytes <= encoded.Length)
        {
            encoded = encoded[..bytes];
            isWhole = true;
        }

        var end = encoded.IndexOfAnyExcept(_base64Bytes);
        if (end >= 0)
        {
            encoded = encoded[..end];
            isWhole = true;
        }

        // Four characters are three bytes; a group that is not whole is left out, as is what exceeds the room for it.
        encoded = encoded[..(Math.Min(encoded.Length, RuleEvaluator.MaxDecoded) & ~3)];
        _evaluator.Work += encoded.Length;
        Base64Decode(encoded, out var written);
        return written > 0 && new StepRun(
            _evaluator, System.Runtime.InteropServices.CollectionsMarshal.AsSpan(base64.Inner),
            _evaluator.Decoded.AsSpan(0, written), isWhole).Holds();
    }

    // What stands before a malformed group is decoded all the same.
    private void Base64Decode(ReadOnlySpan<byte> encoded, out int written) =>
        _ = System.Buffers.Text.Base64.DecodeFromUtf8(encoded, _evaluator.Decoded, out _, out written);
}
