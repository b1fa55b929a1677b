using Tosec.Actors.Serialization;

namespace Tosec.Actors.Cluster;

/// <summary>What a node tells the other members about itself. Immutable; travels.</summary>
/// <param name="Name">The node's name.</param>
/// <param name="Role"><c>host</c>, <c>tovm</c>, <c>svm</c> or <c>guest</c>.</param>
/// <param name="HostNumber">Number of the host in its site.</param>
/// <param name="SvmType">For an SVM what chains name it by; else empty.</param>
/// <param name="Guests">Names of the guests served.</param>
public sealed record NodeAnnouncement(string Name, string Role, int HostNumber, string SvmType, string[] Guests) : IClusterMessage;

/// <summary>Asks a member's registry for its announcement. Travels.</summary>
public sealed record AnnouncementRequest : IClusterMessage
{
    public static AnnouncementRequest Instance { get; } = new();
}
