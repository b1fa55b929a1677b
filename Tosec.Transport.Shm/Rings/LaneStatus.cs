namespace Tosec.Transport.Shm.Rings;

/// <summary>What became of an attempt on a lane.</summary>
public enum LaneStatus
{
    Done,

    /// <summary>Nothing to read.</summary>
    Empty,

    /// <summary>No slot is free: the consumer is one lap behind.</summary>
    Full,

    /// <summary>The other side's position cannot be: the lane is not to be used any further.</summary>
    Corrupt,
}
