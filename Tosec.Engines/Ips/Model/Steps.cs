using Tosec.Engines.Ips.State;
using Tosec.Engines.Pcre;

namespace Tosec.Engines.Ips.Model;

/// <summary>A number of a rule, or the variable that holds it.</summary>
/// <param name="Value">The number, when <paramref name="Variable"/> is -1.</param>
/// <param name="Variable">Index among the rule's variables, or -1.</param>
internal readonly record struct Operand(long Value, int Variable = -1)
{
    public bool IsVariable => Variable >= 0;
}

/// <summary>How a number lies in the bytes.</summary>
internal enum NumberForm : byte
{
    BigEndian,
    LittleEndian,
    Hexadecimal,
    Decimal,
    Octal,
}

/// <summary>
/// One thing that must be so of a buffer. Steps are asked in order; each has a cursor, the end of what the step before it found.
/// </summary>
internal abstract class Step
{
    /// <summary>Counts from the cursor, not from the buffer's beginning.</summary>
    public bool Relative { get; set; }

    public bool Negated { get; set; }

    /// <summary>Depends on what steps before it have found: another occurrence may let it succeed.</summary>
    public virtual bool DependsOnBefore => Relative;
}

/// <summary><c>content</c></summary>
internal sealed class ContentStep(byte[] pattern) : Step
{
    /// <summary>In lower case when <see cref="NoCase"/>.</summary>
    public byte[] Pattern { get; set; } = pattern;

    public bool NoCase { get; set; }

    /// <summary>Absolute: where the search begins.</summary>
    public Operand? Offset { get; set; }

    /// <summary>Absolute: within how many bytes from <see cref="Offset"/>.</summary>
    public Operand? Depth { get; set; }

    /// <summary>Relative: how far behind the cursor the search begins.</summary>
    public Operand? Distance { get; set; }

    /// <summary>Relative: within how many bytes from there.</summary>
    public Operand? Within { get; set; }

    public bool StartsWith { get; set; }

    public bool EndsWith { get; set; }

    /// <summary>The part that the prefilter looks for; null: not this content, unless it is chosen.</summary>
    public Range? FastPattern { get; set; }

    public override bool DependsOnBefore =>
        Relative || Offset is { IsVariable: true } || Depth is { IsVariable: true };
}

/// <summary><c>pcre</c></summary>
internal sealed class PcreStep(PcreRegex regex, bool anchored) : Step
{
    public PcreRegex Regex { get; } = regex;

    /// <summary>It says something of the buffer's beginning.</summary>
    public bool Anchored { get; } = anchored;
}

/// <summary>Reads a number out of the bytes: what <c>byte_test</c>, <c>byte_jump</c>, <c>byte_extract</c> and <c>byte_math</c> share.</summary>
internal abstract class NumberStep : Step
{
    public required int Bytes { get; init; }

    public required Operand Offset { get; init; }

    public NumberForm Form { get; init; }

    /// <summary>0: none.</summary>
    public uint Bitmask { get; init; }

    public override bool DependsOnBefore => Relative || Offset.IsVariable;
}

internal enum Comparison : byte
{
    Equal,
    Less,
    Greater,
    LessOrEqual,
    GreaterOrEqual,
    And,
    Xor,
}

/// <summary><c>byte_test</c></summary>
internal sealed class ByteTestStep : NumberStep
{
    public required Comparison Comparison { get; init; }

    public required Operand Value { get; init; }

    public override bool DependsOnBefore => base.DependsOnBefore || Value.IsVariable;
}

internal enum JumpOrigin : byte
{
    BehindNumber,
    Beginning,
    End,
}

/// <summary><c>byte_jump</c></summary>
internal sealed class ByteJumpStep : NumberStep
{
    public int Multiplier { get; init; } = 1;

    public bool Align { get; init; }

    public JumpOrigin Origin { get; init; }

    public Operand PostOffset { get; init; }
}

/// <summary><c>byte_extract</c></summary>
internal sealed class ByteExtractStep : NumberStep
{
    public required int Result { get; init; }

    public int Multiplier { get; init; } = 1;

    /// <summary>1: none.</summary>
    public int Align { get; init; } = 1;
}

internal enum Arithmetic : byte
{
    Add,
    Subtract,
    Multiply,
    Divide,
    ShiftLeft,
    ShiftRight,
}

/// <summary><c>byte_math</c></summary>
internal sealed class ByteMathStep : NumberStep
{
    public required Arithmetic Arithmetic { get; init; }

    public required Operand Right { get; init; }

    public required int Result { get; init; }

    public override bool DependsOnBefore => base.DependsOnBefore || Right.IsVariable;
}

/// <summary><c>isdataat</c></summary>
internal sealed class IsDataAtStep(Operand at) : Step
{
    public Operand At { get; } = at;

    public override bool DependsOnBefore => Relative || At.IsVariable;
}

internal enum SizeTest : byte
{
    Equal,
    NotEqual,
    Less,
    Greater,

    /// <summary>Between both, without them.</summary>
    Between,
}

/// <summary><c>dsize</c>, <c>bsize</c>, <c>urilen</c>: of the whole buffer.</summary>
internal sealed class SizeStep(SizeTest test, long first, long second) : Step
{
    public bool Holds(long size) => test switch
    {
        SizeTest.Equal => size == first,
        SizeTest.NotEqual => size != first,
        SizeTest.Less => size < first,
        SizeTest.Greater => size > first,
        _ => size > first && size < second,
    };

    /// <summary>More bytes cannot change that it holds.</summary>
    public bool Stays => test == SizeTest.Greater;
}

/// <summary><c>dataset</c>: of the whole buffer.</summary>
internal sealed class DatasetStep(Dataset dataset, DatasetOperation operation) : Step
{
    public Dataset Dataset { get; } = dataset;

    public DatasetOperation Operation { get; } = operation;
}

/// <summary><c>base64_decode</c>, and what is asked of the decoded bytes (<c>base64_data</c>).</summary>
internal sealed class Base64Step : Step
{
    /// <summary>Encoded bytes; null: as many as there are.</summary>
    public required int? Bytes { get; init; }

    public required int Offset { get; init; }

    /// <summary>Ordered; filled while the rule is read.</summary>
    public List<Step> Inner { get; } = [];
}
