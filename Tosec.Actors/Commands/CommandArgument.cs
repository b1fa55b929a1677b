namespace Tosec.Actors.Commands;

/// <summary>An argument of a command: given by a switch and a value (<c>--guest a</c>), or by position when it has no switch.</summary>
public sealed record CommandArgument
{
    /// <summary>What the handler asks for it by.</summary>
    public required string Name { get; init; }

    public required string Description { get; init; }

    /// <summary>For example <c>--guest</c> and <c>-g</c>. Empty: by position.</summary>
    public IReadOnlyList<string> Switches { get; init; } = [];

    public bool IsMandatory { get; init; }

    /// <summary>Stands in when the argument is not given; null: nothing does.</summary>
    public string? Default { get; init; }

    /// <summary>An argument given as <c>--name value</c>, or as <c>-x value</c> if a short switch is named.</summary>
    public static CommandArgument Option(
        string name, string description, string? shortSwitch = null, string? @default = null, bool isMandatory = false) => new()
        {
            Name = name,
            Description = description,
            Switches = shortSwitch is null ? ["--" + name] : ["--" + name, shortSwitch],
            Default = @default,
            IsMandatory = isMandatory,
        };

    /// <summary>A mandatory argument without a switch.</summary>
    public static CommandArgument Positional(string name, string description) => new()
    {
        Name = name,
        Description = description,
        IsMandatory = true,
    };
}
