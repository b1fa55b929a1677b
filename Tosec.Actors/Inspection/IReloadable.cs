namespace Tosec.Actors.Inspection;

/// <summary>A network security system whose rules can be read again while it runs.</summary>
public interface IReloadable
{
    /// <summary>
    /// Reads the rules again and blocks meanwhile; any thread. Connections that were open before keep the rules they began with.
    /// Returns a line for people. What it throws has changed nothing.
    /// </summary>
    string Reload();
}
