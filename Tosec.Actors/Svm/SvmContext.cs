using Tosec.Actors.Inspection;
using Tosec.Actors.Lanes;
using Tosec.Actors.Streams;

namespace Tosec.Actors.Svm;

/// <summary>What the stream actors of one worker share. Used on the worker's thread.</summary>
internal sealed class SvmContext(TrustedPort port, ChannelIntake intake, INetworkSecuritySystem engine, IThreatSink threats, SvmCounters counters)
{
    public TrustedPort Port { get; } = port;

    public ChannelIntake Intake { get; } = intake;

    public INetworkSecuritySystem Engine { get; } = engine;

    public IThreatSink Threats { get; } = threats;

    public SvmCounters Counters { get; } = counters;

    /// <summary>Streams that hold payloads, for the deadline.</summary>
    public HashSet<StreamEntry> Holding { get; } = [];
}

/// <summary>What an SVM worker has done; written on its thread, read by anybody.</summary>
internal sealed class SvmCounters
{
    public long Payloads;
    public long Bytes;
    public long Passed;
    public long Held;
    public long Alerts;
    public long Blocks;
    public long EngineFailures;
    public long UnknownStreams;
}
