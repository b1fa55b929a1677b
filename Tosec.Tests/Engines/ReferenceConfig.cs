using Akka.Configuration;

namespace Tosec.Tests.Engines;

/// <summary>Reads the reference configuration of the repository that the tests were built from.</summary>
internal static class ReferenceConfig
{
    public static Config Read(string file) =>
        ConfigurationFactory.ParseString(File.ReadAllText(Repository.File("hocon", "reference", file)));
}

/// <summary>The repository that the tests were built from.</summary>
internal static class Repository
{
    /// <summary>Path of a file in it.</summary>
    public static string File(params string[] parts)
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            var path = Path.Combine([folder.FullName, .. parts]);
            if (System.IO.File.Exists(path)) return path;
        }

        throw new FileNotFoundException($"{Path.Combine(parts)} above {AppContext.BaseDirectory}");
    }
}
