namespace Tosec.Transport.Shm.Mapping;

/// <summary>Whose memory it is.</summary>
/// <param name="Name">Name of the guest; at most 31 bytes of UTF-8.</param>
/// <param name="Number">Unique on its host.</param>
/// <param name="HostNumber">Unique in the site, 0 to 65535.</param>
public sealed record GuestIdentity(string Name, int Number, int HostNumber);

/// <summary>A party of a guest's memory, as its creator has named it.</summary>
/// <param name="Number">See <see cref="Layout.Party"/>.</param>
/// <param name="Name">Name of the node.</param>
/// <param name="Type">SVM type, or <c>guest</c>, <c>tovm</c>.</param>
public sealed record PartyIdentity(int Number, string Name, string Type);
