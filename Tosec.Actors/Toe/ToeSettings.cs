using System.Net;
using Tosec.Actors.Chains;

namespace Tosec.Actors.Toe;

/// <summary>What the TOE has to know of a guest.</summary>
/// <param name="Guest">Its name.</param>
/// <param name="Tenant">Whose it is; policy rules may name it.</param>
/// <param name="Addresses">The only addresses it can bind to; the first of a family is the source of what it connects.</param>
/// <param name="Policy">Decides each connection.</param>
public sealed record ToeSettings(string Guest, string Tenant, IReadOnlyList<IPAddress> Addresses, Policy Policy);
