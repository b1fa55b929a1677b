using System.Diagnostics.CodeAnalysis;

namespace Tosec.Actors.Commands;

/// <summary>One use of a command, arguments checked and defaults filled in. Immutable.</summary>
/// <param name="Palette">Name of the palette.</param>
/// <param name="Command">Name of the command.</param>
/// <param name="Arguments">Values by argument name; arguments neither given nor defaulted are absent.</param>
public sealed record CommandCall(string Palette, string Command, IReadOnlyDictionary<string, string> Arguments)
{
    /// <summary>The value of a mandatory or defaulted argument.</summary>
    public string this[string argument] => Arguments[argument];

    public bool TryGet(string argument, [NotNullWhen(true)] out string? value) => Arguments.TryGetValue(argument, out value);

    /// <summary>The value, or null when it was not given.</summary>
    public string? Find(string argument) => Arguments.GetValueOrDefault(argument);
}
