namespace Tosec.Actors.Inspection;

/// <summary>
/// A network security system: what an SVM runs to judge layer 7 streams (paper section 4, "network security system").
/// One instance serves a whole SVM process; <see cref="Open"/> is called concurrently by the workers of all its guests.
/// </summary>
/// <remarks>
/// The SVM owns the instance and disposes it after every inspector that it opened has been disposed.
/// A constructor that cannot get what it needs (rules, a native library) throws; the node then refuses to start.
/// </remarks>
public interface INetworkSecuritySystem : IDisposable
{
    /// <summary>The SVM type that chains name, for example <c>waf</c>.</summary>
    string Type { get; }

    /// <summary>One line for listings: engine, version, rules loaded.</summary>
    string Description { get; }

    /// <summary>Begins the inspection of one connection. Called on the worker's thread; must not block.</summary>
    IStreamInspector Open(in StreamFacts facts);
}
