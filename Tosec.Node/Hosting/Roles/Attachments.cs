using Tosec.Node.Configuration;
using Tosec.Transport.Shm.Attachment;

namespace Tosec.Node.Hosting.Roles;

/// <summary>How a node attaches to guests' memory: the one place where it matters whether it is a process or in a VM.</summary>
internal static class Attachments
{
    /// <param name="settings">The node's.</param>
    /// <param name="party">Our name on the links.</param>
    /// <param name="trusted">Everybody but the guest.</param>
    public static Func<string, IGuestAttachment> Of(NodeSettings settings, string party, bool trusted) => settings.Attachment switch
    {
        AttachmentKind.Pci => guest => PciAttachment.Connect(guest, party, trusted),
        _ => guest => ProcessAttachment.Connect(settings.RunDirectory, guest, party, trusted),
    };
}
