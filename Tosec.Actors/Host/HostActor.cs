using Akka.Actor;
using Akka.Event;
using Tosec.Actors.Vms;
using Tosec.Transport.Shm.Attachment;
using Tosec.Transport.Shm.Layout;
using Tosec.Transport.Shm.Mapping;

namespace Tosec.Actors.Host;

/// <summary>A guest that a host serves.</summary>
/// <param name="Identity">Name and numbers.</param>
/// <param name="Geometry">Sizes of its memory.</param>
/// <param name="Parties">Who may attach.</param>
public sealed record HostedGuest(GuestIdentity Identity, GuestGeometry Geometry, IReadOnlyList<PartyIdentity> Parties);

/// <summary>
/// The host node's VM actor: makes each guest's shared memory and serves it to the nodes that may attach. Owns all of it; when it stops,
/// the memory lives on in whoever is attached, so running streams go on.
/// </summary>
internal sealed class HostActor : UntypedActor
{
    private readonly ILoggingAdapter _log = Context.GetLogger();
    private readonly SlotServerThread _thread = new();
    private readonly Dictionary<string, GuestLinks> _links = [];
    private readonly Dictionary<string, HostedGuest> _guests = [];

    public HostActor(string runDirectory, IReadOnlyList<HostedGuest> guests)
    {
        foreach (var guest in guests)
        {
            var links = new GuestLinks(runDirectory, guest.Identity, guest.Geometry, guest.Parties);
            var name = guest.Identity.Name;
            _links.Add(name, links);
            _guests.Add(name, guest);
            links.Changed += (party, attached) =>
                _log.Info("guest {0}: {1} ({2}) {3}", name, party.Name, party.Type, attached ? "attached" : "is gone");
            links.Serve(_thread);
        }
    }

    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case VmProtocol.ListGuests:
                Sender.Tell(_links.Select(l => Report(l.Key, l.Value)).ToArray());
                break;
            case VmProtocol.ListPools:
                Sender.Tell(_links.Values.SelectMany(l => PoolReports.Of(l.Memory)).ToArray());
                break;
            case VmProtocol.Stop:
                Context.Stop(Self);
                break;
            default:
                Unhandled(message);
                break;
        }
    }

    protected override void PostStop()
    {
        _thread.Dispose();
        foreach (var links in _links.Values)
            links.Dispose();
    }

    private GuestReport Report(string name, GuestLinks links)
    {
        var attached = links.Attached;
        var parties = _guests[name].Parties;
        return new GuestReport(name, attached.Contains(Party.Guest) ? "attached" : "absent",
            [.. parties.Where(p => attached.Contains(p.Number)).Select(p => $"{p.Name} ({p.Type})")], links.Memory.MappedBytes);
    }
}
