using Tosec.Transport.Shm.Layout;

namespace Tosec.Actors.Lanes;

/// <summary>What becomes of a descriptor that a channel sent.</summary>
internal enum IntakeResult
{
    /// <summary>Done with it: the slot and its send buffer go back to the channel.</summary>
    Taken,

    /// <summary>No buffer to seal it in: it stays where it is until one is free.</summary>
    NoBuffer,
}

/// <summary>What a trusted party does with what its lanes bring. Called on the worker's thread.</summary>
internal interface ILaneSink
{
    /// <summary>A descriptor from a process of the guest: hostile. It is a private copy.</summary>
    IntakeResult OnChannel(int channel, in Descriptor descriptor);

    /// <summary>A descriptor from another trusted party.</summary>
    void OnParty(int party, in Descriptor descriptor);

    /// <summary>A channel's lane is not to be believed any further; what lay in it was dropped.</summary>
    void OnCorruptChannel(int channel);

    /// <summary>A round over the lanes is over: hand over what was gathered.</summary>
    void OnRoundEnd();
}
