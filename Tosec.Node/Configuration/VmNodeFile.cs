namespace Tosec.Node.Configuration;

/// <summary>The configuration of a node that runs in a VM, as the host node takes it there.</summary>
/// <param name="Path">The node's own file.</param>
/// <param name="Files">It and what it includes, with the names that they are included by.</param>
public sealed record VmNodeFile(string Path, IReadOnlyList<(string Path, string Name)> Files)
{
    // The rest of it names files and addresses of the VM, and only the node inside can say whether they are right.
    /// <exception cref="SettingsException">It cannot be read, is another node's, or would not attach through PCI.</exception>
    internal static VmNodeFile Load(string path, string name, NodeRole role)
    {
        var file = ConfigurationFile.Load(path);
        Expect("tosec.node.name", name);
        Expect("tosec.node.role", role.ToString().ToLowerInvariant());
        Expect("tosec.attachment", "pci");
        var directory = System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(path))!;
        var files = file.Files.Distinct().Select(full => (full, System.IO.Path.GetRelativePath(directory, full))).ToArray();
        var outside = files.FirstOrDefault(f => f.Item2.StartsWith("..", StringComparison.Ordinal));
        return outside.full is null
            ? new VmNodeFile(System.IO.Path.GetFullPath(path), files)
            : throw new SettingsException($"{path} includes {outside.Item2}; the file of a node in a VM includes files of its own directory only");

        void Expect(string key, string value)
        {
            var found = file.Config.GetString(key, "");
            if (found != value)
                throw new SettingsException($"{key} in {file.SourceOf(key.Split('.'))} is {SettingsReader.Quote(found)}; allowed for the VM {name}: {value}");
        }
    }
}
