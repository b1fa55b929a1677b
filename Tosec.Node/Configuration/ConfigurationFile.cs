using Akka.Configuration;
using Akka.Configuration.Hocon;

namespace Tosec.Node.Configuration;

/// <summary>A HOCON file with what it includes, and the memory of which file said what.</summary>
internal sealed class ConfigurationFile
{
    private const int MaxIncludeDepth = 16;
    private const int MaxFileBytes = 4 << 20;
    private readonly List<(string Name, HoconObject? Root)> _sources = [];
    private readonly Stack<string> _including = new();
    private readonly List<string> _files = [];

    private ConfigurationFile(string name)
    {
        Name = name;
        Config = ConfigurationFactory.Empty;
    }

    /// <summary>The file as the user named it.</summary>
    public string Name { get; }

    /// <summary>Everything the file says, includes resolved, without defaults.</summary>
    public Config Config { get; private set; }

    /// <summary>Full paths of the file and of those it includes, each as often as it is included.</summary>
    public IReadOnlyList<string> Files => _files;

    public HoconObject Root => Config.Root?.GetObject() ?? new HoconObject();

    /// <summary>Reads the file and what it includes; included names are relative to the including file.</summary>
    /// <exception cref="SettingsException">A file is missing, unreadable or no valid HOCON.</exception>
    public static ConfigurationFile Load(string path)
    {
        var file = new ConfigurationFile(path);
        file.Config = new Config(file.Parse(path, path, null));
        return file;
    }

    /// <summary>Reads text as if it were the content of a file of that name in the current directory.</summary>
    /// <exception cref="SettingsException">The text is no valid HOCON.</exception>
    public static ConfigurationFile FromText(string name, string text)
    {
        var file = new ConfigurationFile(name);
        file.Config = new Config(file.Parse(name, name, text));
        return file;
    }

    /// <summary>Name of the file that gave a key its value: the including file, unless only an included one has the key.</summary>
    public string SourceOf(IReadOnlyList<string> path)
    {
        // A missing key, or one inside a list, is where its section is.
        for (var length = path.Count; length > 0; length--)
        {
            foreach (var (name, root) in _sources)
            {
                if (root is not null && Has(root, path, length))
                    return name;
            }
        }

        return Name;
    }

    private static bool Has(HoconObject root, IReadOnlyList<string> path, int length)
    {
        for (var i = 0; i < length; i++)
        {
            if (!root.Items.TryGetValue(path[i], out var value))
                return false;
            if (i == length - 1)
                return true;
            if (value.GetObject() is not { } next)
                return false;
            root = next;
        }

        return true;
    }

    private static string Read(string path, string name)
    {
        try
        {
            var info = new FileInfo(path);
            if (info.Exists && info.Length > MaxFileBytes)
                throw new SettingsException($"{name} has {info.Length} bytes; a configuration file has at most {MaxFileBytes}");
            return File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new SettingsException($"cannot read {name}: {e.Message}", e);
        }
    }

    private static HoconRoot ParseText(string name, string text, Func<string, HoconRoot> include)
    {
        HoconText.Check(name, text);
        try
        {
            return Parser.Parse(text, include);
        }
        catch (Exception e) when (e is not SettingsException)
        {
            // The parser throws bare exceptions of many types; their first line says what and where.
            throw new SettingsException($"{name} is not valid HOCON: {Unwrapped(e).Message.ReplaceLineEndings(" ").Trim()}", e);
        }
    }

    private static Exception Unwrapped(Exception e) => e.InnerException is null ? e : e.InnerException;

    private HoconRoot Parse(string path, string name, string? text)
    {
        var full = Path.GetFullPath(path);
        if (_including.Contains(full))
            throw new SettingsException($"{name} includes itself ({string.Join(" < ", _including.Select(Path.GetFileName))})");
        if (_including.Count == MaxIncludeDepth)
            throw new SettingsException($"{name} is included over more than {MaxIncludeDepth} files");
        text ??= Read(full, name);
        _files.Add(full);
        _including.Push(full);

        // First without its includes, so that each key is known to be this file's own.
        var own = ParseText(name, text, static _ => new HoconRoot(EmptyObject()));
        _sources.Add((name, own.Value.GetObject()));
        var root = ParseText(name, text, included => Include(path, included));
        _including.Pop();
        return root;
    }

    private static HoconValue EmptyObject()
    {
        var value = new HoconValue();
        value.NewValue(new HoconObject());
        return value;
    }

    private HoconRoot Include(string includer, string included)
    {
        var path = Path.Combine(Path.GetDirectoryName(Path.GetFullPath(includer)) ?? "/", included);
        try
        {
            return Parse(path, Path.IsPathRooted(included) ? included : Path.GetRelativePath(".", path), null);
        }
        catch (SettingsException e) when (!e.Message.Contains(" (included by ", StringComparison.Ordinal))
        {
            throw new SettingsException($"{e.Message} (included by {includer})", e);
        }
    }
}
