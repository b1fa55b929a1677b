namespace Tosec.Node.VirtualMachines;

/// <summary>How far a VM is.</summary>
public enum VmState
{
    Stopped,
    Starting,

    /// <summary>QEMU runs.</summary>
    Running,

    /// <summary>The VM says that its node is ready.</summary>
    Ready,
    Stopping,

    /// <summary>It has ended without being asked to.</summary>
    Failed,
}

/// <summary>A VM as listings show it.</summary>
/// <param name="Name">Name.</param>
/// <param name="Role">Of the node inside.</param>
/// <param name="Process">QEMU's process id; null: none.</param>
/// <param name="State">How far it is.</param>
/// <param name="Accelerator">What executes its code; null: nothing does.</param>
/// <param name="Uptime">Since QEMU was started; null: it is not.</param>
/// <param name="ConsoleLog">File with what its serial port has said.</param>
/// <param name="Message">What QEMU said when it ended by itself; empty: nothing.</param>
public sealed record VmReport(
    string Name, string Role, int? Process, VmState State, string? Accelerator, TimeSpan? Uptime, string ConsoleLog, string Message);
