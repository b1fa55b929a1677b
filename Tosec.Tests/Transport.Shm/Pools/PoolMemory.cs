using System.Runtime.InteropServices;
using Tosec.Transport.Shm.Layout;
using Tosec.Transport.Shm.Pools;

namespace Tosec.Tests.Transport.Shm.Pools;

/// <summary>The bytes of a pool: its ownership table, its hints and its buffers.</summary>
internal sealed unsafe class PoolMemory : IDisposable
{
    /// <summary>Where the first buffer lies in its segment.</summary>
    public const int Data = 4096;

    private readonly byte* _all;
    private readonly int _hintWords;

    public PoolMemory(int small, int large)
    {
        var owners = (small + large) * sizeof(ulong);
        _hintWords = (int)GuestGeometry.HintBytes(small, large) / sizeof(ulong);
        var bytes = (nuint)(owners + _hintWords * sizeof(ulong) + Data + small * GuestGeometry.SmallBuffer + large * GuestGeometry.LargeBuffer);
        _all = (byte*)NativeMemory.AllocZeroed(bytes);
        Owners = (ulong*)_all;
        Hints = Owners + small + large;
        Pool = new SharedPool(Owners, Hints, (byte*)(Hints + _hintWords), Data, small, large);
        Pool.InitializeHints();
    }

    public SharedPool Pool { get; }

    public ulong* Owners { get; }

    public ulong* Hints { get; }

    /// <summary>As if every party had died between taking a hint and taking the buffer.</summary>
    public void LoseHints() => new Span<ulong>(Hints, _hintWords).Clear();

    public void Dispose() => NativeMemory.Free(_all);
}
