using System.Net;

namespace Tosec.Engines.Ips.State;

internal enum ThresholdKind : byte
{
    /// <summary>At most so many in a time.</summary>
    Limit,

    /// <summary>Every so-manieth in a time.</summary>
    Threshold,

    /// <summary>Once in a time, when so many have been.</summary>
    Both,

    /// <summary>All that follow so many in a time (<c>detection_filter</c>).</summary>
    Beyond,
}

internal enum ThresholdTrack : byte
{
    Source,
    Target,
    Pair,
    Rule,
    Flow,
}

/// <summary><c>threshold</c> or <c>detection_filter</c>. Immutable.</summary>
internal sealed record ThresholdSpec(ThresholdKind Kind, ThresholdTrack Track, int Count, int Seconds);

/// <summary>
/// Counts matches of rules over connections. Any thread. Holds at most a fixed number of counters: when they are full and none has
/// run out, a new one is not kept, and its rule decides as for a first match.
/// </summary>
internal sealed class Thresholds(TimeProvider time, int capacity)
{
    private readonly Dictionary<Key, Counter> _counters = [];
    private readonly Lock _lock = new();
    private long _nextSweep;

    /// <summary>Is this match one that counts for its rule?</summary>
    public bool Admits(ThresholdSpec spec, int rule, ulong connection, IPAddress source, IPAddress target)
    {
        var key = spec.Track switch
        {
            ThresholdTrack.Source => new Key(rule, spec.Kind, source, null, 0),
            ThresholdTrack.Target => new Key(rule, spec.Kind, target, null, 0),
            ThresholdTrack.Pair => new Key(rule, spec.Kind, source, target, 0),
            ThresholdTrack.Flow => new Key(rule, spec.Kind, null, null, connection),
            _ => new Key(rule, spec.Kind, null, null, 0),
        };
        var now = time.GetTimestamp();
        lock (_lock)
        {
            if (!_counters.TryGetValue(key, out var counter))
            {
                if (_counters.Count >= capacity) Sweep(now);
                if (_counters.Count < capacity) _counters[key] = counter = new Counter();
                else counter = new Counter();
            }

            if (counter.Ends <= now)
            {
                counter.Ends = now + (spec.Seconds * time.TimestampFrequency);
                counter.Count = 0;
            }

            counter.Count++;
            switch (spec.Kind)
            {
                case ThresholdKind.Limit:
                    return counter.Count <= spec.Count;
                case ThresholdKind.Threshold:
                    if (counter.Count < spec.Count) return false;
                    counter.Count = 0;
                    return true;
                case ThresholdKind.Both:
                    return counter.Count == spec.Count;
                default:
                    return counter.Count > spec.Count;
            }
        }
    }

    // Looked at once a second at most: a full table must not cost a walk for each match.
    private void Sweep(long now)
    {
        if (now < _nextSweep) return;
        _nextSweep = now + time.TimestampFrequency;
        foreach (var (key, counter) in _counters)
            if (counter.Ends <= now) _counters.Remove(key);
    }

    private readonly record struct Key(int Rule, ThresholdKind Kind, IPAddress? First, IPAddress? Second, ulong Connection);

    private sealed class Counter
    {
        public long Ends { get; set; }

        public int Count { get; set; }
    }
}
