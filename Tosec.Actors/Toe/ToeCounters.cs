namespace Tosec.Actors.Toe;

/// <summary>What a TOE worker has done; written on its thread, read by anybody.</summary>
internal sealed class ToeCounters
{
    public long Connects;
    public long Accepts;
    public long Denied;
    public long Resets;
    public long Blocks;
    public long BytesOut;
    public long BytesIn;
    public long Requests;
}
