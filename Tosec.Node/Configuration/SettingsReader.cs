using System.Globalization;
using System.Net;
using System.Numerics;
using Akka.Configuration;
using Akka.Configuration.Hocon;

namespace Tosec.Node.Configuration;

/// <summary>
/// Reads one section strictly: every value has a type and a range, every key that is read is remembered, and what is left over is
/// an error (<see cref="RejectUnknown"/>). Values come from the user's file, else from the section's template, else from the
/// reference files. Not thread safe; used once at start.
/// </summary>
internal sealed class SettingsReader
{
    private readonly ConfigurationFile _file;
    private readonly KnownKeys _known;
    private readonly string[] _path;
    private readonly string _shown;
    private readonly HoconObject[] _layers;

    private SettingsReader(ConfigurationFile file, KnownKeys known, string[] path, string shown, HoconObject[] layers)
    {
        _file = file;
        _known = known;
        _path = path;
        _shown = shown;
        _layers = layers;
    }

    /// <summary>The section's full name, as errors show it.</summary>
    public string Path => _shown;

    /// <summary>The file's top section <paramref name="name"/>, with the reference files' one below it.</summary>
    public static SettingsReader Of(ConfigurationFile file, string name) =>
        new SettingsReader(file, new KnownKeys(), [], "", [file.Root, ReferenceFiles.All.Root.GetObject()]).Section(name);

    /// <summary>A section inside this one; empty when nobody wrote it.</summary>
    public SettingsReader Section(string key)
    {
        _known.Add(Full(key));
        return new SettingsReader(_file, _known, [.. _path, key], Full(key), ObjectsOf(key));
    }

    /// <summary>
    /// A section whose keys a library reads: the user's values over the reference files'. What the reference files do not have there is
    /// unknown, but for the sections inside it that are named <paramref name="open"/>, where the user makes up keys.
    /// </summary>
    /// <exception cref="SettingsException">What <paramref name="read"/> throws for a value, with the file's name.</exception>
    public T Delegate<T>(string key, Func<Config, T> read, params string[] open)
    {
        var path = Full(key);
        var reference = ReferenceFiles.All.GetConfig(path);
        Learn(path, reference.Root.GetObject());
        var given = _file.Config.GetConfig(path);
        foreach (var section in open)
            if (given?.GetConfig(section)?.Root.GetObject() is { } own) Learn($"{path}.{section}", own);
        try
        {
            return read(given is null ? reference : given.WithFallback(reference));
        }
        catch (Exception e) when (e is ArgumentException or ConfigurationException or FormatException)
        {
            throw new SettingsException($"{path} in {_file.SourceOf(path.Split('.'))}: {e.Message}", e);
        }
    }

    /// <summary>
    /// The named sections inside section <paramref name="key"/>, in the order written. What they do not say is taken from the
    /// section <paramref name="template"/> beside it, where keys without a default (<paramref name="required"/>) may stand as well.
    /// </summary>
    public IEnumerable<(string Name, SettingsReader Reader)> NamedSections(
        string key, string? template = null, params string[] required)
    {
        var section = Section(key);
        var defaults = template is null ? [] : ReadTemplate(template, required);
        foreach (var name in section._layers.SelectMany(layer => layer.Items.Keys).Distinct().ToArray())
        {
            var named = section.Section(name);
            if (!Names.IsValid(name))
                throw Fail($"{named._shown} in {named.Source()}: {Quote(name)} is not a name; allowed: {Names.Allowed}");
            yield return (name, named.Over(defaults));
        }
    }

    /// <summary>The objects of list <paramref name="key"/>, with the same kind of template. Each is to be checked for unknown keys.</summary>
    public IEnumerable<SettingsReader> Elements(string key, string template)
    {
        var defaults = ReadTemplate(template);
        var elements = List(key, "a list of objects: [ { … } ]");
        for (var i = 0; i < elements.Count; i++)
        {
            var shown = $"{Full(key)}[{i + 1}]";
            if (elements[i].GetObject() is not { } element)
                throw Refuse(key, "a list of objects, each { … } on its own line");
            yield return new SettingsReader(_file, new KnownKeys(), [.. _path, key], shown, [element, .. defaults]);
        }
    }

    /// <summary>Whether the key has a value, the reference file's included.</summary>
    public bool Has(string key)
    {
        _known.Add(Full(key));
        return Find(key) is not null;
    }

    /// <summary>Whether the key's value is a text, as opposed to a list or a section.</summary>
    public bool IsText(string key) => Has(key) && Find(key)!.IsString();

    public string Text(string key, string allowed = "a text") => Read(key, allowed, static text => (text.Length > 0, text));

    /// <summary>A text that may be empty (which then means: derive it).</summary>
    public string TextOrEmpty(string key) => Read(key, "a text", static text => (true, text));

    /// <summary>A path, made absolute; empty where it is.</summary>
    public string PathOrEmpty(string key) =>
        Read(key, "a path", static text => text.Any(char.IsControl) ? (false, "") : (true, text.Length == 0 ? "" : System.IO.Path.GetFullPath(text)));

    /// <summary>A name by the rules of <see cref="Names"/>.</summary>
    public string Name(string key) => Read(key, Names.Allowed, static text => (Names.IsValid(text), text));

    /// <summary>A name, or <c>*</c>.</summary>
    public string NameOrAny(string key) =>
        Read(key, "\"*\", or " + Names.Allowed, static text => (text == "*" || Names.IsValid(text), text));

    public int Integer(string key, int min, int max) =>
        Read(key, $"a whole number from {min} to {max}", text => InRange(
            int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value), value, min, max));

    /// <summary>A power of two from <paramref name="min"/> to <paramref name="max"/>.</summary>
    public int PowerOfTwo(string key, int min, int max) =>
        Read(key, $"a power of two from {min} to {max}", text => InRange(
            int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) && BitOperations.IsPow2(value),
            value, min, max));

    /// <summary>Bytes: a number with b, k, m or g (powers of 1024), a multiple of <paramref name="multiple"/>.</summary>
    public long Bytes(string key, long min, long max, long multiple = 1)
    {
        var allowed = $"bytes from {Units.ShowBytes(min)} to {Units.ShowBytes(max)}"
            + (multiple > 1 ? $" in multiples of {Units.ShowBytes(multiple)}" : "") + " (units b, k, m, g)";
        return Read(key, allowed, text => InRange(
            Units.TryParseBytes(text, out var value) && value % multiple == 0, value, min, max));
    }

    /// <summary>A time: a number with ms, s, m, h or d.</summary>
    public TimeSpan Duration(string key, TimeSpan min, TimeSpan max) =>
        Read(key, $"a time from {Units.ShowTime(min)} to {Units.ShowTime(max)} (units ms, s, m, h)", text => InRange(
            Units.TryParseTime(text, out var value), value, min, max));

    public bool Switch(string key) => Read(key, "on or off", static text => text switch
    {
        "on" or "true" => (true, true),
        "off" or "false" => (true, false),
        _ => (false, false),
    });

    /// <summary>One of the enum's names in lower case.</summary>
    public T Choice<T>(string key)
        where T : struct, Enum
    {
        var names = Enum.GetNames<T>().Select(name => name.ToLowerInvariant()).ToArray();
        return Read(key, OneOf(names), text =>
        {
            var index = Array.IndexOf(names, text);
            return index < 0 ? (false, default) : (true, Enum.GetValues<T>()[index]);
        });
    }

    /// <summary>One of the texts.</summary>
    public string Choice(string key, params IReadOnlyList<string> choices) =>
        Read(key, OneOf(choices), text => (choices.Contains(text), text));

    /// <summary>A list of texts; each is checked and converted.</summary>
    public IReadOnlyList<T> Items<T>(string key, string allowedItem, Func<string, (bool IsValid, T Value)> convert)
    {
        var items = new List<T>();
        foreach (var element in List(key, $"a list [ … ] of {allowedItem}"))
        {
            var text = element.IsString() ? element.GetString() : null;
            var (isValid, value) = text is null ? (false, default!) : convert(text);
            if (!isValid)
                throw Refuse(key, $"a list of {allowedItem}", text is null ? "a nested value" : Quote(text));
            items.Add(value);
        }

        return items;
    }

    /// <summary>A list of different names.</summary>
    public IReadOnlyList<string> NameList(string key) =>
        Distinct(key, Items(key, "names (" + Names.Allowed + ")", static text => (Names.IsValid(text), text)));

    /// <summary>A list of different addresses that a guest can own.</summary>
    public IReadOnlyList<IPAddress> Addresses(string key) =>
        Distinct(key, Items(key, "IPv4 or IPv6 addresses in quotes, no networks", static text =>
            (IPAddress.TryParse(text, out var address) && Units.IsHostAddress(address, text), address!)));

    /// <summary>Reads a value that has its own text form.</summary>
    /// <exception cref="SettingsException">The value is missing, not a text, or <paramref name="convert"/> says no.</exception>
    public T Read<T>(string key, string allowed, Func<string, (bool IsValid, T Value)> convert)
    {
        _known.Add(Full(key));
        var value = Find(key)
            ?? throw Fail($"{Full(key)} is missing in {Source()}; allowed: {allowed}");
        if (!value.IsString() || value.GetString() is not { } text)
            throw Refuse(key, allowed);
        var (isValid, result) = convert(text);
        return isValid ? result : throw Refuse(key, allowed);
    }

    /// <summary>The error for a value that is well-formed and still wrong.</summary>
    public SettingsException Refuse(string key, string allowed, string? shownValue = null)
    {
        var value = Find(key);
        shownValue ??= value switch
        {
            null => "nothing",
            _ when value.GetObject() is not null => "a section",
            _ when value.IsString() => Quote(value.GetString() ?? "null"),
            _ when value.Values.Any(element => element is HoconArray) => "a list",
            _ => "nothing (values with ':' or '*' need quotes)",
        };
        return Fail($"{Full(key)} in {Source(key)} is {shownValue}; allowed: {allowed}");
    }

    /// <summary>Call when everything has been read.</summary>
    /// <exception cref="SettingsException">There is a key here that nobody reads.</exception>
    public void RejectUnknown()
    {
        foreach (var layer in _layers)
            RejectUnknownIn(layer, _shown);
    }

    internal static string Quote(string text)
    {
        var clean = string.Concat(text.Select(c => char.IsControl(c) ? '?' : c));
        return clean.Length <= 100 ? $"\"{clean}\"" : $"\"{clean.AsSpan(0, 100)}…\"";
    }

    private static (bool IsValid, T Value) InRange<T>(bool isParsed, T value, T min, T max)
        where T : IComparable<T> => (isParsed && value.CompareTo(min) >= 0 && value.CompareTo(max) <= 0, value);

    private static string OneOf(IReadOnlyList<string> choices) => choices.Count switch
    {
        0 => "nothing: there is none to name",
        1 => choices[0],
        _ => string.Join(", ", choices.Take(choices.Count - 1)) + " or " + choices[^1],
    };

    private static SettingsException Fail(string message) => new(message);

    private IReadOnlyList<T> Distinct<T>(string key, IReadOnlyList<T> items)
    {
        var twice = items.GroupBy(item => item).FirstOrDefault(group => group.Count() > 1);
        return twice is null ? items : throw Refuse(key, "each value once", $"a list with {twice.Key} {twice.Count()} times");
    }

    private IList<HoconValue> List(string key, string allowed)
    {
        _known.Add(Full(key));
        var value = Find(key)
            ?? throw Fail($"{Full(key)} is missing in {Source()}; allowed: {allowed}");
        if (!value.Values.Any(element => element is HoconArray))
            throw Refuse(key, allowed);
        return value.GetArray();
    }

    // A template's values are checked where they are used. It may hold the reference file's keys, and those keys that a section must
    // have and that therefore have no default.
    private HoconObject[] ReadTemplate(string template, params IEnumerable<string> required)
    {
        var section = Section(template);
        foreach (var key in ReferenceFiles.All.GetConfig(section._shown).Root.GetObject().Items.Keys.Concat(required))
            _known.Add(section.Full(key));
        return section._layers;
    }

    private SettingsReader Over(HoconObject[] defaults) => new(_file, _known, _path, _shown, [.. _layers, .. defaults]);

    private void Learn(string path, HoconObject section)
    {
        _known.Add(path);
        foreach (var (key, value) in section.Items)
        {
            if (value.GetObject() is { } inner)
                Learn($"{path}.{key}", inner);
            else
                _known.Add($"{path}.{key}");
        }
    }

    private HoconObject[] ObjectsOf(string key)
    {
        var objects = new List<HoconObject>();
        foreach (var layer in _layers)
        {
            if (!layer.Items.TryGetValue(key, out var value))
                continue;
            objects.Add(value.GetObject() ?? throw Refuse(key, "a section { … }"));
        }

        return [.. objects];
    }

    private HoconValue? Find(string key)
    {
        foreach (var layer in _layers)
        {
            if (layer.Items.TryGetValue(key, out var value))
                return value;
        }

        return null;
    }

    private string Full(string key) => _shown.Length == 0 ? key : $"{_shown}.{key}";

    /// <summary>The file that says the section or the key.</summary>
    public string Source(string? key = null) => _file.SourceOf(key is null ? _path : [.. _path, key]);

    private void RejectUnknownIn(HoconObject section, string shown)
    {
        foreach (var (key, value) in section.Items)
        {
            var full = $"{shown}.{key}";
            if (!_known.Contains(full))
            {
                var source = _file.SourceOf(full.Contains('[', StringComparison.Ordinal) ? _path : full.Split('.'));
                throw Fail($"unknown key {Quote(full).Trim('"')} in {source}{_known.Suggestion(full)}");
            }

            if (value.GetObject() is { } inner && _known.IsSection(full))
                RejectUnknownIn(inner, full);
        }
    }
}
