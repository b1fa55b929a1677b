namespace Tosec.Engines.Ips.Match;

/// <summary>The buffers of one message or stream, as rules ask for them. One thread.</summary>
internal interface IBuffers
{
    /// <summary>How many buffers of this slot there are now: 0 when the message has no such part.</summary>
    int Count(int slot);

    /// <summary>One of them; valid until the next call to any method of its owner.</summary>
    /// <param name="slot">Index in the rule set.</param>
    /// <param name="instance">Less than <see cref="Count"/>.</param>
    /// <param name="complete">No byte will follow.</param>
    ReadOnlySpan<byte> Get(int slot, int instance, out bool complete);
}
