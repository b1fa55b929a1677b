namespace Tosec.Actors.Lanes;

/// <summary>What a port has seen; written by its worker, read by anybody.</summary>
internal sealed class PortCounters
{
    public long FromChannels;
    public long FromParties;
    public long ToParties;
    public long WakesSent;
    public long WakesSuppressed;
    public long Stalls;
    public long Violations;
}
