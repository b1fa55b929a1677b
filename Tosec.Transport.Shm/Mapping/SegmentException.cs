namespace Tosec.Transport.Shm.Mapping;

/// <summary>A segment that cannot be trusted: what was expected where, and what was found. It is not used any further.</summary>
public sealed class SegmentException(string segment, string field, string expected, string found)
    : Exception($"segment {segment}: {field} is {found}, expected {expected}")
{
    public string Segment { get; } = segment;

    public string Field { get; } = field;
}
