namespace Tosec.Node.Interop;

/// <summary>Sockets and pipes that the runtime makes for debuggers and removes when it ends; it does not end by itself in an exec.</summary>
internal static class RuntimeFiles
{
    /// <summary>Removes this process's. Nobody can attach to it from here on.</summary>
    public static void Remove()
    {
        foreach (var pattern in new[] { $"dotnet-diagnostic-{Environment.ProcessId}-*-socket", $"clr-debug-pipe-{Environment.ProcessId}-*" })
        {
            try
            {
                foreach (var file in Directory.GetFiles(Path.GetTempPath(), pattern))
                    File.Delete(file);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // They are small and harmless; the program matters more.
            }
        }
    }
}
