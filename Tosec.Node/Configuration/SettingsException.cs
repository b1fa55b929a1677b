namespace Tosec.Node.Configuration;

/// <summary>
/// The configuration cannot be used. The message is one complete sentence for the person who wrote it: file, key, value, and what
/// is allowed.
/// </summary>
public sealed class SettingsException : Exception
{
    public SettingsException(string message)
        : base(message)
    {
    }

    public SettingsException(string message, Exception inner)
        : base(message, inner)
    {
    }
}
