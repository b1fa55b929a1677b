namespace Tosec.Bench.Lab;

/// <summary>HAProxy in TCP mode in a VM of its own: the pass-through network function that people use today.</summary>
internal static class HaProxy
{
    public const int Port = 7000;

    public static LabProcess Start(string name, string networkNamespace, string directory, string target)
    {
        var file = Path.Combine(directory, name + ".cfg");

        // One thread, so that it is not woken on a CPU other than the one it last ran on; one connection is served by one in any case.
        File.WriteAllText(file, $"""
            global
              nbthread 1
              maxconn 1000
            defaults
              mode tcp
              timeout connect 5s
              timeout client 1h
              timeout server 1h
            listen pass
              bind :{Port}
              server next {target}:{Port}

            """);
        return LabProcess.Start(name, networkNamespace, directory, "haproxy", "-db", "-f", file);
    }
}
