namespace Tosec.Actors.Toe;

/// <summary>
/// Ids of connections that no other connection of the cluster has: host number in bits 48..63, below it a count that starts at the time
/// of day, so that a TOVM that starts again does not repeat itself; bit 0 is left to the direction. Any thread.
/// </summary>
internal static class ConnectionIds
{
    private static readonly DateTime _epoch = new(2024, 1, 1, 0, 0, 0, DateTimeKind.Utc);

    // 64 a millisecond: a process would have to make more than 64,000 connections a second all its life to be overtaken.
    private static long _last = (long)(DateTime.UtcNow - _epoch).TotalMilliseconds << 6;

    public static ulong Next(int hostNumber) =>
        (ulong)hostNumber << 48 | ((ulong)Interlocked.Increment(ref _last) << 1 & 0xffff_ffff_ffff);
}
