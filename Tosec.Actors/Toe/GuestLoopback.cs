using System.Net;
using System.Net.Sockets;
using Tosec.Actors.Chains;

namespace Tosec.Actors.Toe;

/// <summary>
/// The guest's loopback: 127.0.0.1 and ::1 mean the guest itself. Each has a stand-in of 127.255.0.0/16 in the TOVM's kernel, which
/// no other guest has: TCP there is the kernel's, and only the names differ. Nobody else gets in: no guest may connect to the range by
/// its own names, a guest connects to a stand-in only where a socket of its own listens (and so never to a server of the TOVM's that
/// listens on all addresses), and its listeners take what comes from its own addresses. On the worker's thread.
/// </summary>
internal sealed class GuestLoopback : IDisposable
{
    private const int Networks = 255;
    private const int PairsPerNetwork = 128;
    private const int Attempts = 4096;

    private readonly Dictionary<IPEndPoint, int> _listeners = [];
    private readonly Socket _claim;
    private readonly IPAddress _forIPv4;
    private readonly IPAddress _forIPv6;
    private readonly bool _hasIPv4;
    private readonly bool _hasIPv6;

    /// <param name="addresses">The guest's own. A loopback address among them is an ordinary one: it goes by the policy.</param>
    /// <exception cref="IOException">No pair of stand-ins is free.</exception>
    public GuestLoopback(IReadOnlyList<IPAddress> addresses)
    {
        _hasIPv4 = !LoopbackAddresses.Has(addresses, LoopbackAddresses.IPv4);
        _hasIPv6 = !LoopbackAddresses.Has(addresses, LoopbackAddresses.IPv6);
        (_claim, _forIPv4, _forIPv6) = Claim();
    }

    /// <summary>What connections of a guest with itself pass: nothing. They never leave it.</summary>
    public static ChainDefinition Chain { get; } = new() { Name = "loopback", SvmTypes = [], HoldLimitBytes = 0, HoldDeadline = TimeSpan.Zero };

    /// <summary>Whether an address lies in the range of the stand-ins, whosever.</summary>
    public static bool IsStandIn(IPAddress address) => LoopbackAddresses.Reserved.Contains(address);

    /// <summary>The stand-in, in the form that a socket of the address's family takes; null if the address is not loopback.</summary>
    public IPAddress? StandInFor(IPAddress address) => StandInFor(CanonicalAddress.Of(address), address.AddressFamily);

    /// <inheritdoc cref="StandInFor(IPAddress)"/>
    /// <remarks>Of an address to connect to: the unspecified one is loopback.</remarks>
    public IPAddress? StandInForDestination(IPAddress address) =>
        StandInFor(CanonicalAddress.Of(address).AsDestination(), address.AddressFamily);

    /// <summary>What a wildcard listens on besides the guest's own addresses.</summary>
    public IEnumerable<IPAddress> StandIns(bool ipv6, bool ipv6Only)
    {
        if (_hasIPv4 && !ipv6Only)
            yield return ipv6 ? _forIPv4.MapToIPv6() : _forIPv4;
        if (_hasIPv6 && ipv6)
            yield return _forIPv6;
    }

    /// <summary>Whether the address stands for ::1, which to the kernel is a mapped IPv4 address.</summary>
    public bool IsForIPv6(IPAddress address) => address.Equals(_forIPv6);

    /// <summary>Whether the address is one of this guest's stand-ins.</summary>
    public bool Owns(IPAddress address) =>
        address.Equals(_forIPv6) || (address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address).Equals(_forIPv4);

    /// <summary>The end point as the guest knows it.</summary>
    public IPEndPoint ToGuest(IPEndPoint endPoint)
    {
        if (!Owns(endPoint.Address))
            return endPoint;
        var address = IsForIPv6(endPoint.Address) ? IPAddress.IPv6Loopback
            : endPoint.AddressFamily == AddressFamily.InterNetwork ? IPAddress.Loopback
            : IPAddress.Loopback.MapToIPv6();
        return new IPEndPoint(address, endPoint.Port);
    }

    /// <summary>Whether a socket of this guest listens on a stand-in.</summary>
    public bool IsListening(IPEndPoint standIn) => _listeners.ContainsKey(Key(standIn));

    /// <summary>Notes a listener; end points that are not stand-ins are of no interest.</summary>
    public void Add(IPEndPoint listener)
    {
        if (Owns(listener.Address))
            _listeners[Key(listener)] = _listeners.GetValueOrDefault(Key(listener)) + 1;
    }

    /// <summary>Forgets a listener that was noted.</summary>
    public void Remove(IPEndPoint listener)
    {
        if (_listeners.TryGetValue(Key(listener), out var count) && --count > 0)
            _listeners[Key(listener)] = count;
        else
            _listeners.Remove(Key(listener));
    }

    public void Dispose() => _claim.Dispose();

    private IPAddress? StandInFor(CanonicalAddress address, AddressFamily family)
    {
        if (_hasIPv4 && address == LoopbackAddresses.IPv4)
            return family == AddressFamily.InterNetwork ? _forIPv4 : _forIPv4.MapToIPv6();
        return _hasIPv6 && address == LoopbackAddresses.IPv6 ? _forIPv6 : null;
    }

    // Both families' sockets may listen on the stand-in for 127.0.0.1.
    private static IPEndPoint Key(IPEndPoint endPoint) => endPoint.Address.IsIPv4MappedToIPv6
        ? new IPEndPoint(endPoint.Address.MapToIPv4(), endPoint.Port)
        : endPoint;

    // Another TOVM may run on the same kernel. A name in the abstract namespace is exclusive within the kernel's network namespace, as
    // the addresses are, and ends with its process.
    private static (Socket Claim, IPAddress ForIPv4, IPAddress ForIPv6) Claim()
    {
        for (var n = 0; n < Attempts; n++)
        {
            var network = (byte)Random.Shared.Next(Networks);
            var first = (byte)(Random.Shared.Next(PairsPerNetwork) * 2);
            var claim = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            try
            {
                claim.Bind(new UnixDomainSocketEndPoint($"\0tosec/loopback/{network}.{first}"));
                return (claim, new IPAddress([127, 255, network, first]), new IPAddress([127, 255, network, (byte)(first + 1)]).MapToIPv6());
            }
            catch (SocketException failure) when (failure.SocketErrorCode == SocketError.AddressAlreadyInUse)
            {
                claim.Dispose();
            }
        }

        throw new IOException("no addresses of 127.255.0.0/16 are free to stand for the guest's loopback");
    }
}
