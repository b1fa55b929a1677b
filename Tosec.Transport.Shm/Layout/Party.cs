namespace Tosec.Transport.Shm.Layout;

/// <summary>Numbers of the parties to one guest's memory; also their slot ids on the guest's links.</summary>
public static class Party
{
    /// <summary>How many parties a guest's memory has room for.</summary>
    public const int Count = 8;

    /// <summary>The guest: its agent is channel 0, its application processes are the other channels.</summary>
    public const int Guest = 0;

    public const int Tovm = 1;

    /// <summary>SVMs are parties <see cref="FirstSvm"/> to <see cref="Count"/> - 1.</summary>
    public const int FirstSvm = 2;

    public static bool IsSvm(int party) => party is >= FirstSvm and < Count;
}
