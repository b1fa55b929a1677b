namespace Tosec.Actors.Threats;

/// <summary>The last threats, for listings. Bounded: the oldest gives way. Any thread; the lock is held for one assignment or copy.</summary>
public sealed class RecentThreats
{
    private readonly Lock _lock = new();
    private readonly EveEvent?[] _ring;
    private long _total;

    /// <param name="capacity">Threats that are kept, at least 1.</param>
    public RecentThreats(int capacity)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(capacity, 1);
        _ring = new EveEvent?[capacity];
    }

    /// <summary>Threats ever added.</summary>
    public long Total
    {
        get
        {
            lock (_lock) return _total;
        }
    }

    public void Add(EveEvent threat)
    {
        ArgumentNullException.ThrowIfNull(threat);
        lock (_lock) _ring[_total++ % _ring.Length] = threat;
    }

    /// <summary>At most <paramref name="most"/> of the kept threats, the newest first. The list is the caller's.</summary>
    public IReadOnlyList<EveEvent> Snapshot(int most = int.MaxValue)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(most);
        lock (_lock)
        {
            var count = (int)Math.Min(Math.Min(_total, _ring.Length), most);
            var threats = new EveEvent[count];
            for (var i = 0; i < count; i++) threats[i] = _ring[(_total - 1 - i) % _ring.Length]!;
            return threats;
        }
    }
}
