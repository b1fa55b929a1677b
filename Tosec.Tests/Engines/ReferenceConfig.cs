using Akka.Configuration;

namespace Tosec.Tests.Engines;

/// <summary>Reads the reference configuration of the repository that the tests were built from.</summary>
internal static class ReferenceConfig
{
    public static Config Read(string file)
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            var path = Path.Combine(folder.FullName, "hocon", "reference", file);
            if (File.Exists(path)) return ConfigurationFactory.ParseString(File.ReadAllText(path));
        }

        throw new FileNotFoundException($"hocon/reference/{file} above {AppContext.BaseDirectory}");
    }
}
