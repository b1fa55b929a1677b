using Tosec.Transport.Shm.Layout;

namespace Tosec.Actors.Lanes;

/// <summary>Ties the knot between a port and its sink, each of which needs the other to be made.</summary>
internal sealed class SinkRelay : ILaneSink
{
    public ILaneSink Target { get; set; } = null!;

    public IntakeResult OnChannel(int channel, in Descriptor descriptor) => Target.OnChannel(channel, descriptor);

    public void OnParty(int party, in Descriptor descriptor) => Target.OnParty(party, descriptor);

    public void OnCorruptChannel(int channel) => Target.OnCorruptChannel(channel);

    public void OnRoundEnd() => Target.OnRoundEnd();
}
