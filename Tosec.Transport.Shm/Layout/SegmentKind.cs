namespace Tosec.Transport.Shm.Layout;

/// <summary>The three segments of a guest; what the hardware lets the guest do with each is the trust model.</summary>
public enum SegmentKind : uint
{
    /// <summary>The guest reads and writes.</summary>
    Edge = 1,

    /// <summary>The guest reads.</summary>
    Receive = 2,

    /// <summary>Absent in the guest.</summary>
    Core = 3,
}
