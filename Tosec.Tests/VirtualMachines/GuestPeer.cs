using Tosec.Transport.Shm.Attachment;
using Tosec.Transport.Shm.Interop;
using Tosec.Transport.Shm.Layout;

namespace Tosec.Tests.VirtualMachines;

/// <summary>
/// <c>Tosec.Tests.dll vm-guest NAME NODE</c>, as root of a guest's VM: does what a guest may not, and says what came of it. It stores to
/// the receive segment behind the descriptor that it is given for reading, looks for a core segment, and tries to be a trusted party.
/// </summary>
internal static unsafe class GuestPeer
{
    /// <summary>The slot whose state it overwrites, what it writes, and what the host then says there.</summary>
    public const int Slot = 3;
    public const ulong Stored = 0xBAD;
    public const ulong Answer = 99;

    public static bool IsMeant(string[] args) => args.Length == 3 && args[0] == "vm-guest";

    public static int Run(string[] args)
    {
        var devices = PciDevice.Scan("/sys");
        Console.WriteLine($"devices {devices.Count}");
        using var guest = PciAttachment.Connect(args[1], "guest-node", trusted: false);
        Console.WriteLine($"core {guest.Memory.HasCore}");
        try
        {
            PciAttachment.Connect(args[1], args[2], trusted: true).Dispose();
            Console.WriteLine("trusted");
        }
        catch (IOException failure)
        {
            Console.WriteLine($"refused: {failure.Message}");
        }

        using var writable = devices.Single(d => !d.HasDoorbell).OpenMemory(writable: true);
        using var memory = MappedMemory.Map(writable, writable.Length, writable: true);
        ref var state = ref *(StreamState*)(memory.Address + GuestGeometry.ReceiveState(Slot));
        var before = Volatile.Read(ref state.SendLimit);
        Volatile.Write(ref state.SendLimit, Stored);
        Interlocked.Add(ref state.SendLimit, 1);
        new Span<byte>(memory.Address, GuestGeometry.Page).Clear();
        Console.WriteLine($"stored over {before}, read {Volatile.Read(ref guest.Memory.State(Slot).SendLimit)}");

        // What the host says is still seen, and goes on being the host's.
        var limit = Environment.TickCount64 + 60_000;
        while (Volatile.Read(ref guest.Memory.State(Slot).SendLimit) != Answer && Environment.TickCount64 < limit)
            Thread.Sleep(10);
        Console.WriteLine($"saw {Volatile.Read(ref guest.Memory.State(Slot).SendLimit)}");
        return 0;
    }
}
