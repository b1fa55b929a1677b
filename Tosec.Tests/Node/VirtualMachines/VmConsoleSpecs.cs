using System.Net.Sockets;
using System.Text;
using Serilog.Core;
using Tosec.Node.VirtualMachines;
using Tosec.Tests.Peer;
using Tosec.Tests.Transport.Shm.Attachment;

namespace Tosec.Tests.Node.VirtualMachines;

/// <summary>The serial port of a guest says what the guest wants.</summary>
public sealed class VmConsoleSpecs : IAsyncDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly VmConsole _console;
    private readonly Socket _vm = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);

    public VmConsoleSpecs()
    {
        _console = VmConsole.Start(_directory["s"], _directory["log"], Logger.None);
        _vm.Connect(new UnixDomainSocketEndPoint(_directory["s"]));
    }

    public async ValueTask DisposeAsync()
    {
        _vm.Dispose();
        await _console.DisposeAsync();
        _directory.Dispose();
    }

    [Fact]
    public void Ready_is_said_in_a_line_of_its_own_however_it_is_cut()
    {
        Say("tosec-vm: rea");
        Say("dy");
        GuestHost.Until(() => File.Exists(_directory["log"]) && File.ReadAllText(_directory["log"]) == "tosec-vm: ready", "all of it is taken down");
        Assert.False(_console.IsReady);

        Say("\r\n");

        GuestHost.Until(() => _console.IsReady, "the line is complete");
    }

    [Fact]
    public void A_guest_that_never_stops_talking_fills_no_disk()
    {
        var noise = Encoding.ASCII.GetBytes(new string('x', 1 << 20));
        for (var i = 0; i < 20; i++)
            Say(noise);
        Say("\nthe end\n");

        GuestHost.Until(() => File.Exists(_directory["log"]) && File.ReadAllText(_directory["log"]).EndsWith("the end\n", StringComparison.Ordinal), "all of it is taken down");
        var bytes = Directory.GetFiles(_directory.Path).Sum(f => new FileInfo(f).Length);
        Assert.InRange(bytes, 1, 2 * (VmConsole.MaxFileBytes + 4096));
        Assert.False(_console.IsReady);
    }

    private void Say(string text) => Say(Encoding.ASCII.GetBytes(text));

    private void Say(byte[] bytes)
    {
        for (var sent = 0; sent < bytes.Length;)
            sent += _vm.Send(bytes.AsSpan(sent));
    }
}
