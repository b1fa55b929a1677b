using System.Diagnostics;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;
using Tosec.Tests.Peer;

namespace Tosec.Tests.Engines.Antivirus;

/// <summary>A clamd of the test's own: its own socket, and a few signatures of its own, so that nothing is downloaded.</summary>
internal sealed partial class ClamdProcess : IDisposable
{
    private const int SIGSTOP = 19;
    private const int SIGCONT = 18;
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(90);

    private readonly TemporaryDirectory _directory = new();
    private Process? _process;

    public ClamdProcess()
    {
        Directory.CreateDirectory(_directory["db"]);
        Directory.CreateDirectory(_directory["tmp"]);
        _directory.Write("db/tosec.ndb", $"Tosec.Eicar:0:*:{Convert.ToHexStringLower(Encoding.ASCII.GetBytes(Eicar.Text))}\n");
        _directory.Write("clamd.conf", $"""
            LocalSocket {Socket}
            DatabaseDirectory {_directory["db"]}
            TemporaryDirectory {_directory["tmp"]}
            Foreground yes
            MaxThreads 16
            ScanHTML no
            AlertExceedsMax yes
            MaxFileSize 8M
            MaxScanSize 32M

            """);
        Start();
    }

    public string Socket => _directory["clamd.sock"];

    public void Start()
    {
        Assert.True(File.Exists("/usr/sbin/clamd"), "the package clamav-daemon is missing (scripts/packages/test)");
        _process = Process.Start(new ProcessStartInfo("/usr/sbin/clamd", ["--config-file", _directory["clamd.conf"]])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
        var deadline = Environment.TickCount64 + (long)_patience.TotalMilliseconds;
        while (!Answers())
        {
            Assert.True(!_process.HasExited && Environment.TickCount64 < deadline, "clamd does not start");
            Thread.Sleep(20);
        }
    }

    /// <summary>It is there, and does nothing.</summary>
    public void Stop() => Assert.Equal(0, kill(_process!.Id, SIGSTOP));

    public void Continue() => Assert.Equal(0, kill(_process!.Id, SIGCONT));

    /// <summary>SIGKILL, and the end of it.</summary>
    public void Kill()
    {
        _process!.Kill();
        _process.WaitForExit();
        _process.Dispose();
    }

    public void Dispose()
    {
        Kill();
        _directory.Dispose();
    }

    private bool Answers()
    {
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            socket.Connect(new UnixDomainSocketEndPoint(Socket));
            socket.Send("zPING\0"u8);
            var reply = new byte[16];
            return socket.Receive(reply) > 0;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    [LibraryImport("libc")]
    private static partial int kill(int pid, int signal);
}
