namespace Tosec.Tests.Engines.Ips;

/// <summary>Time that goes on when told to.</summary>
internal sealed class ManualTime : TimeProvider
{
    private long _seconds = 1_000;

    public override long TimestampFrequency => 1;

    public override long GetTimestamp() => _seconds;

    public void Pass(int seconds) => _seconds += seconds;
}
