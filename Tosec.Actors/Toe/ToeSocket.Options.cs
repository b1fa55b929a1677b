using Tosec.Transport.Shm.Interop;
using Tosec.Transport.Shm.Layout;

namespace Tosec.Actors.Toe;

/// <content>Options, which are the kernel's.</content>
internal sealed partial class ToeSocket
{
    private int SetOption(RpcOption option, ReadOnlySpan<byte> value)
    {
        if (option.Length > value.Length)
            return -Errno.EINVAL;
        if (!SocketOptions.MaySet(option.Level, option.Name))
            return -Errno.ENOPROTOOPT;
        var socket = Socket ?? _listeners.FirstOrDefault()?.Socket;
        if (socket is null)
            return -Errno.EINVAL;
        value = value[..(int)option.Length];
        var result = socket.SetOption(option.Level, option.Name, value);
        if (result >= 0 && option is { Level: SocketOptions.IPPROTO_IPV6, Name: SocketOptions.IPV6_V6ONLY } && value.Length >= 4)
            _v6Only = BitConverter.ToInt32(value) != 0;
        if (result >= 0 && option is { Level: KernelSocket.SOL_SOCKET, Name: KernelSocket.SO_LINGER } && value.Length >= 8)
            _resetOnClose = BitConverter.ToInt32(value) != 0 && BitConverter.ToInt32(value[4..]) == 0;
        return result;
    }

    private void GetOption(RpcCall call, RpcOption option)
    {
        Span<byte> value = stackalloc byte[128];
        var socket = Socket ?? _listeners.FirstOrDefault()?.Socket;
        var result = !SocketOptions.MayGet(option.Level, option.Name) ? -Errno.ENOPROTOOPT
            : socket is null ? -Errno.EINVAL
            : option is { Level: SocketOptions.IPPROTO_IPV6, Name: SocketOptions.IPV6_V6ONLY } ? IPv6Only(value[..(int)Math.Min(option.Length, (uint)value.Length)])
            : socket.GetOption(option.Level, option.Name, value[..(int)Math.Min(option.Length, (uint)value.Length)]);
        call.Answer(result, 0, result > 0 ? value[..result] : default);
    }

    private int IPv6Only(Span<byte> value)
    {
        if (!IsIPv6)
            return -Errno.ENOPROTOOPT;
        Span<byte> whole = stackalloc byte[sizeof(int)];
        BitConverter.TryWriteBytes(whole, _v6Only ? 1 : 0);
        var length = Math.Min(value.Length, whole.Length);
        whole[..length].CopyTo(value);
        return length;
    }
}
