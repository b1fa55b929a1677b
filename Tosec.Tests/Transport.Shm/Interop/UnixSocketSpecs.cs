using System.Runtime.InteropServices;
using Tosec.Tests.Peer;
using Tosec.Transport.Shm.Interop;

namespace Tosec.Tests.Transport.Shm.Interop;

public sealed partial class UnixSocketSpecs : IDisposable
{
    private const int EAGAIN = 11;
    private const int EMSGSIZE = 90;
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void A_descriptor_that_is_passed_is_the_same_object_and_close_on_exec()
    {
        using var pair = Connected(packets: false);
        using var bell = EventFd.Create();
        Assert.Equal(3, pair.Client.TrySend("abc"u8, [bell.Descriptor]));

        var (data, room) = (new byte[10], new int[4]);
        Assert.Equal(3, pair.Server.TryReceive(data, room, out var count));

        Assert.Equal("abc"u8, data.AsSpan(0, 3));
        Assert.Equal(1, count);
        Assert.NotEqual(bell.Descriptor, room[0]);
        Assert.Equal(1, Control(room[0], 1, 0));
        using var received = new EventFd(room[0]);
        received.Ring();
        Assert.Equal(1ul, bell.Drain());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(15)]
    [InlineData(UnixSocket.MaxDescriptors)]
    public void As_many_as_fit_arrive_in_order(int number)
    {
        using var pair = Connected(packets: true);
        var bells = Enumerable.Range(0, number).Select(_ => EventFd.Create()).ToArray();
        pair.Client.TrySend("x"u8, [.. bells.Select(b => b.Descriptor)]);

        var room = new int[UnixSocket.MaxDescriptors];
        Assert.Equal(1, pair.Server.TryReceive(new byte[8], room, out var count));

        Assert.Equal(number, count);
        for (var i = 0; i < number; i++)
        {
            using var received = new EventFd(room[i]);
            received.Ring();
            Assert.Equal(1ul, bells[i].Drain());
            bells[i].Dispose();
        }
    }

    [Theory]
    [InlineData(17)]
    [InlineData(253)]
    public void More_than_a_message_carries_are_refused_before_they_are_sent(int number)
    {
        using var pair = Connected(packets: true);
        using var bell = EventFd.Create();

        Assert.Throws<ArgumentException>(() => pair.Client.TrySend("x"u8, Enumerable.Repeat(bell.Descriptor, number).ToArray()));

        Assert.Equal(-EAGAIN, pair.Server.TryReceive(new byte[8], new int[16], out _));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void More_than_there_is_room_for_are_refused_and_none_is_kept(int room)
    {
        using var pair = Connected(packets: true);
        using var memory = MemoryDescriptor.Create($"tosec-test-room{room}", 4096);
        pair.Client.TrySend("x"u8, [memory.Descriptor, memory.Descriptor, memory.Descriptor]);

        Assert.Equal(-EMSGSIZE, pair.Server.TryReceive(new byte[8], new int[room], out var count));

        Assert.Equal(0, count);
        Assert.Equal(1, new DirectoryInfo("/proc/self/fd").EnumerateFileSystemInfos()
            .Count(f => f.LinkTarget?.Contains($"tosec-test-room{room}", StringComparison.Ordinal) == true));
        // The connection goes on.
        pair.Client.TrySend("yz"u8, []);
        Assert.Equal(2, pair.Server.TryReceive(new byte[8], new int[1], out _));
    }

    [Fact]
    public void Nothing_to_read_and_the_end_are_told_apart()
    {
        using var pair = Connected(packets: false);
        Assert.Equal(-EAGAIN, pair.Server.TryReceive(new byte[8], [], out _));
        Assert.Null(pair.Listener.Accept());

        Assert.Equal(0, pair.Client.ShutdownWrite());

        Assert.Equal(0, pair.Server.TryReceive(new byte[8], [], out _));
    }

    [Fact]
    public void A_full_peer_and_one_that_is_gone_are_told_apart_and_neither_blocks()
    {
        using var pair = Connected(packets: false);
        int sent;
        while ((sent = pair.Client.TrySend(new byte[4096], [])) > 0)
        {
        }

        Assert.Equal(-EAGAIN, sent);
        pair.Server.Dispose();
        Assert.True(pair.Client.TrySend(new byte[1], []) is -32 or -104);
    }

    [Fact]
    public void Packets_keep_their_borders()
    {
        using var pair = Connected(packets: true);
        pair.Client.TrySend("ab"u8, []);
        pair.Client.TrySend("cde"u8, []);

        Assert.Equal(2, pair.Server.TryReceive(new byte[10], [], out _));
        Assert.Equal(3, pair.Server.TryReceive(new byte[10], [], out _));
    }

    [Fact]
    public void The_peer_is_known_by_process_and_user()
    {
        using var pair = Connected(packets: true);

        Assert.Equal(Environment.ProcessId, pair.Server.PeerCredentials().Pid);
        Assert.Equal(pair.Client.PeerCredentials().Uid, pair.Server.PeerCredentials().Uid);
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, true)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    public void A_socket_file_that_nobody_listens_on_is_replaced(bool left, bool packets)
    {
        var path = _directory["stale.sock"];
        UnixSocket.Listen(path, left, OwnerOnly).Dispose();
        Assert.True(File.Exists(path));

        using var listener = UnixSocket.Listen(path, packets, OwnerOnly);

        using var client = UnixSocket.Connect(path, packets);
        using var server = listener.Accept();
        Assert.NotNull(server);
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, true)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    public void One_in_use_is_refused_and_stays(bool used, bool packets)
    {
        var path = _directory["used.sock"];
        using var listener = UnixSocket.Listen(path, used, OwnerOnly);

        Assert.Equal("EADDRINUSE", Assert.Throws<NativeFailure>(() => UnixSocket.Listen(path, packets, OwnerOnly)).ErrnoName);

        UnixSocket.Connect(path, used).Dispose();
    }

    [Fact]
    public async Task One_whose_owner_accepts_nobody_is_refused_without_waiting()
    {
        var path = _directory["busy.sock"];
        using var listener = UnixSocket.Listen(path, packets: false, OwnerOnly);
        var waiting = Enumerable.Range(0, 129).Select(_ => UnixSocket.Connect(path, packets: false)).ToArray();

        var refused = Task.Run(() => Assert.Throws<NativeFailure>(() => UnixSocket.Listen(path, packets: false, OwnerOnly)));

        Assert.Equal("EADDRINUSE", (await refused.WaitAsync(TosecProcess.Patience)).ErrnoName);
        Array.ForEach(waiting, w => w.Dispose());
    }

    [Fact]
    public void A_file_that_is_no_socket_is_refused_and_stays()
    {
        var path = _directory.Write("precious.txt", "content");

        Assert.Equal("EADDRINUSE", Assert.Throws<NativeFailure>(() => UnixSocket.Listen(path, packets: false, OwnerOnly)).ErrnoName);

        Assert.Equal("content", File.ReadAllText(path));
    }

    [Fact]
    public void The_file_has_the_permissions_that_were_asked_for()
    {
        const UnixFileMode Everybody = OwnerOnly | UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.OtherRead | UnixFileMode.OtherWrite;
        using var open = UnixSocket.Listen(_directory["open.sock"], packets: true, Everybody);
        using var closed = UnixSocket.Listen(_directory["closed.sock"], packets: true, OwnerOnly);

        Assert.Equal(Everybody, File.GetUnixFileMode(_directory["open.sock"]));
        Assert.Equal(OwnerOnly, File.GetUnixFileMode(_directory["closed.sock"]));
    }

    [Fact]
    public void A_path_of_107_bytes_is_taken_and_one_of_108_refused()
    {
        var longest = _directory[new string('x', 107 - _directory.Path.Length - 1)];
        using var listener = UnixSocket.Listen(longest, packets: false, OwnerOnly);
        UnixSocket.Connect(longest, packets: false).Dispose();

        Assert.Throws<ArgumentException>(() => UnixSocket.Listen(longest + "y", packets: false, OwnerOnly));
        Assert.Throws<ArgumentException>(() => UnixSocket.Connect(longest + "y", packets: false));
    }

    [Fact]
    public void Where_nobody_listens_connecting_fails_with_the_reason()
    {
        Assert.Equal("ENOENT", Assert.Throws<NativeFailure>(() => UnixSocket.Connect(_directory["none.sock"], packets: false)).ErrnoName);
        UnixSocket.Listen(_directory["left.sock"], packets: false, OwnerOnly).Dispose();
        Assert.Equal("ECONNREFUSED", Assert.Throws<NativeFailure>(() => UnixSocket.Connect(_directory["left.sock"], packets: false)).ErrnoName);
    }

    private Pair Connected(bool packets)
    {
        var path = _directory["pair.sock"];
        var listener = UnixSocket.Listen(path, packets, OwnerOnly);
        var client = UnixSocket.Connect(path, packets);
        return new Pair(listener, client, listener.Accept()!);
    }

    [LibraryImport("libc", EntryPoint = "fcntl")]
    private static partial int Control(int descriptor, int command, nint argument);

    private sealed record Pair(UnixSocket Listener, UnixSocket Client, UnixSocket Server) : IDisposable
    {
        public void Dispose()
        {
            Client.Dispose();
            Server.Dispose();
            Listener.Dispose();
        }
    }
}
