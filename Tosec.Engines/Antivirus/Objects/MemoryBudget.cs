namespace Tosec.Engines.Antivirus.Objects;

/// <summary>Memory that all objects of an engine share. Any thread.</summary>
internal sealed class MemoryBudget(long bytes)
{
    private long _used;

    /// <summary>Bytes in use.</summary>
    public long Used => Volatile.Read(ref _used);

    public bool TryTake(long count)
    {
        if (Interlocked.Add(ref _used, count) <= bytes) return true;
        Interlocked.Add(ref _used, -count);
        return false;
    }

    public void GiveBack(long count) => Interlocked.Add(ref _used, -count);
}
