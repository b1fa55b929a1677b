using Akka.Configuration;

namespace Tosec.Node.Configuration;

/// <summary>The defaults: <c>hocon/reference/*.conf</c>, embedded in the program.</summary>
internal static class ReferenceFiles
{
    private const string Prefix = "reference/";

    /// <summary>All reference files merged. Parsed once; callers read only.</summary>
    public static Config All { get; } = Load();

    private static Config Load()
    {
        var assembly = typeof(ReferenceFiles).Assembly;
        var all = ConfigurationFactory.Empty;
        foreach (var name in assembly.GetManifestResourceNames().Where(n => n.StartsWith(Prefix, StringComparison.Ordinal)))
        {
            using var reader = new StreamReader(assembly.GetManifestResourceStream(name)!);
            var text = reader.ReadToEnd();
            HoconText.Check(name, text);
            all = ConfigurationFactory.ParseString(text).WithFallback(all);
        }

        return all;
    }
}
