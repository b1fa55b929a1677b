using System.Buffers.Binary;
using System.Diagnostics;
using Tosec.Node.Hosting;
using Tosec.Tests.Peer;
using Tosec.Transport.Shm.Interop;

namespace Tosec.Tests.Node.CommandLine;

/// <summary><c>tosec run</c> with real programs. Any shared library does for the preload library here.</summary>
public sealed class RunCommandTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly string _preload;
    private readonly UnixSocket _agent;

    public RunCommandTests()
    {
        _preload = Process.GetCurrentProcess().Modules.Cast<ProcessModule>().First(m => m.ModuleName.StartsWith("libm.so", StringComparison.Ordinal)).FileName;
        Directory.CreateDirectory(_directory["a"]);
        _agent = UnixSocket.Listen(_directory["a/agent.sock"], packets: true, UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }

    public void Dispose()
    {
        _agent.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public async Task The_process_becomes_the_program()
    {
        using var process = TosecProcess.Start(
            ["run", "--guest", "a", "--run-directory", _directory.Path, "--", "sh", "-c", "echo $$; echo $LD_PRELOAD; echo $TOSEC_AGENT; echo \"$@\"; exit 7", "sh", "--guest", "--", "-x y"],
            Environment());
        var id = process.Id;
        var (code, output, errors) = await process.EndAsync();
        Assert.Equal((7, ""), (code, errors));
        Assert.Equal($"{id}\n{_preload}\n{_directory["a/agent.sock"]}\n--guest -- -x y\n", output);
        Assert.Empty(Directory.GetFiles(Path.GetTempPath(), $"*-{id}-*"));
    }

    [Fact]
    public async Task The_only_agent_of_the_directory_is_found_and_options_after_the_program_are_the_programs()
    {
        var end = await RunAsync(["run", "--run-directory", _directory.Path, "sh", "-c", "echo $TOSEC_AGENT"]);
        Assert.Equal((0, _directory["a/agent.sock"] + "\n", ""), end);
    }

    [Fact]
    public async Task Other_preloaded_libraries_stay_and_a_nested_run_adds_nothing()
    {
        var environment = Environment();
        environment["LD_PRELOAD"] = $"{_preload} {_preload}.other";
        var end = await RunAsync(["run", "--agent", _directory["a/agent.sock"], "sh", "-c", "echo $LD_PRELOAD"], environment);
        Assert.Equal($"{_preload}:{_preload}.other\n", end.Output);
    }

    [Fact]
    public async Task Signals_that_the_runtime_ignores_are_not_ignored_by_the_program()
    {
        var end = await RunAsync(["run", "--run-directory", _directory.Path, "grep", "SigIgn", "/proc/self/status"]);
        var ignored = Convert.ToUInt64(end.Output.Split('\t')[1].Trim(), 16);
        Assert.Equal(0UL, ignored & (1UL << (13 - 1)));
    }

    [Fact]
    public async Task The_soft_limit_of_open_files_is_the_callers()
    {
        var tosec = Path.Combine(AppContext.BaseDirectory, "tosec.dll");
        var start = new ProcessStartInfo("sh") { RedirectStandardOutput = true };
        start.ArgumentList.Add("-c");
        start.ArgumentList.Add("ulimit -Sn 333; dotnet \"$0\" run --run-directory \"$1\" -- sh -c 'ulimit -Sn; ulimit -Hn'; ulimit -Hn");
        start.ArgumentList.Add(tosec);
        start.ArgumentList.Add(_directory.Path);
        start.Environment["TOSEC_PRELOAD"] = _preload;
        using var process = Process.Start(start)!;
        var lines = (await process.StandardOutput.ReadToEndAsync().WaitAsync(TosecProcess.Patience)).Split('\n');
        Assert.Equal("333", lines[0]);
        Assert.Equal(lines[2], lines[1]);
    }

    [Fact]
    public async Task Arguments_and_environment_arrive_byte_by_byte()
    {
        var tosec = Path.Combine(AppContext.BaseDirectory, "tosec.dll");
        var start = new ProcessStartInfo("sh") { RedirectStandardOutput = true };
        start.ArgumentList.Add("-c");
        start.ArgumentList.Add(
            "X=\"$(printf '\\377')\" exec dotnet \"$0\" run --run-directory \"$1\" -- sh -c 'printf %s \"$1$X\" | od -An -tx1' sh \"$(printf 'a\\376')\"");
        start.ArgumentList.Add(tosec);
        start.ArgumentList.Add(_directory.Path);
        start.Environment["TOSEC_PRELOAD"] = _preload;
        using var process = Process.Start(start)!;
        var output = await process.StandardOutput.ReadToEndAsync().WaitAsync(TosecProcess.Patience);
        Assert.Equal(" 61 fe ff\n", output);
    }

    [Fact]
    public async Task A_missing_agent_is_named()
    {
        Assert.Equal((69, "tosec: there is no agent: /nope/sock does not exist (is the guest's node running?)"), await FailAsync("--agent", "/nope/sock"));
        _agent.Dispose();
        File.WriteAllText(_directory["dead"], "");
        Assert.Equal((69, $"tosec: there is no agent: nobody answers on {_directory["dead"]} (is the guest's node running?)"), await FailAsync("--agent", _directory["dead"]));
        Assert.Equal(
            (69, "tosec: there is no agent in /nope (is the guest's node running? else name it by --agent)"), await FailAsync("--run-directory", "/nope"));
        Assert.Equal(64, (await FailAsync("--guest", "../x")).Code);
        Directory.CreateDirectory(_directory["b"]);
        File.WriteAllText(_directory["b/agent.sock"], "");
        Assert.Equal((64, "tosec: which guest? name one by --guest: a, b"), await FailAsync("--run-directory", _directory.Path));
    }

    [Fact]
    public async Task A_missing_socket_library_is_named()
    {
        var end = await RunAsync(
            ["run", "--run-directory", _directory.Path, "true"], new() { ["TOSEC_PRELOAD"] = "/nope/lib.so" });
        Assert.Equal((69, "tosec: the socket library /nope/lib.so is not there (set TOSEC_PRELOAD)"), (end.Code, end.Errors));
    }

    [Fact]
    public async Task Programs_that_cannot_be_preloaded_are_refused_by_name()
    {
        var isStatic = MakeElf("static", 2);
        Assert.Equal((78, $"tosec: {isStatic} is statically linked: there is no loader that could preload the socket library (tosec run --all-syscalls serves it)"), await FailRunAsync(isStatic));
        var script = MakeExecutable("script", [.. "#!"u8, .. System.Text.Encoding.UTF8.GetBytes(isStatic), .. " -x\necho\n"u8]);
        Assert.Equal(
            (78, $"tosec: {script} is run by {isStatic}, which is statically linked: there is no loader that could preload the socket library (tosec run --all-syscalls serves it)"),
            await FailRunAsync(script));
        var narrow = MakeElf("narrow", 1);
        Assert.Equal((78, $"tosec: {narrow} is a 32-bit program: the socket library is 64-bit"), await FailRunAsync(narrow));
        var privileged = MakeExecutable("privileged", File.ReadAllBytes("/bin/true"));
        File.SetUnixFileMode(privileged, File.GetUnixFileMode(privileged) | UnixFileMode.SetUser);
        Assert.Equal((78, $"tosec: {privileged} is setuid or setgid: the loader does not preload into it"), await FailRunAsync(privileged));
    }

    [Fact]
    public async Task Programs_that_make_system_calls_themselves_are_served_on_request_only()
    {
        var go = MakeElf("go", 2, interpreter: "/lib64/ld-linux-x86-64.so.2", noteOwner: "Go");
        Assert.Equal(
            (78, $"tosec: {go} is a Go program: it makes its system calls past the socket library (tosec run --all-syscalls serves it)"), await FailRunAsync(go));
        var musl = MakeElf("musl", 2, interpreter: "/lib/ld-musl-x86_64.so.1", noteOwner: "GNU");
        Assert.Equal(
            (78, $"tosec: {musl} is not linked with glibc (its loader is /lib/ld-musl-x86_64.so.1) (tosec run --all-syscalls serves it)"), await FailRunAsync(musl));

        var narrow = MakeElf("narrow", 1);
        Assert.Equal((78, $"tosec: {narrow} is a 32-bit program: only 64-bit system calls are served"), await FailSupervisedAsync(narrow));
        var privileged = MakeExecutable("privileged", File.ReadAllBytes("/bin/true"));
        File.SetUnixFileMode(privileged, File.GetUnixFileMode(privileged) | UnixFileMode.SetUser);
        Assert.Equal((78, $"tosec: {privileged} is setuid or setgid: a supervised program gets no privileges"), await FailSupervisedAsync(privileged));

        // The agent that answers here gives no attachment.
        var isStatic = MakeElf("static", 2);
        Assert.Equal(69, (await FailSupervisedAsync(isStatic)).Code);
    }

    [Fact]
    public async Task A_misspelt_fallback_is_refused()
    {
        var (code, _, errors) = await RunAsync(["run", "--run-directory", _directory.Path, "true"], new(Environment()) { ["TOSEC_FALLBACK"] = "Kernel" });
        Assert.Equal((78, "tosec: TOSEC_FALLBACK=Kernel: allowed: kernel, refuse"), (code, errors));
    }

    [Fact]
    public async Task What_the_kernel_refuses_is_not_executable()
    {
        var garbage = MakeExecutable("garbage", [1, 2, 3]);
        var (code, errors) = await FailRunAsync(garbage);
        Assert.Equal(126, code);
        Assert.StartsWith($"tosec: {garbage} cannot be executed: ", errors, StringComparison.Ordinal);
    }

    private Dictionary<string, string> Environment() => new() { ["TOSEC_PRELOAD"] = _preload };

    private Task<(int Code, string Output, string Errors)> RunAsync(string[] arguments, Dictionary<string, string>? environment = null) =>
        TosecProcess.RunAsync(arguments, environment ?? Environment());

    private async Task<(int Code, string Errors)> FailAsync(params string[] options)
    {
        var (code, output, errors) = await RunAsync(["run", .. options, "true"]);
        Assert.Equal("", output);
        return (code, errors);
    }

    private async Task<(int Code, string Errors)> FailRunAsync(string program)
    {
        var (code, _, errors) = await RunAsync(["run", "--run-directory", _directory.Path, "--", program]);
        return (code, errors);
    }

    private async Task<(int Code, string Errors)> FailSupervisedAsync(string program)
    {
        var (code, _, errors) = await RunAsync(["run", "--run-directory", _directory.Path, "--all-syscalls", "--", program]);
        return (code, errors);
    }

    private string MakeElf(string name, byte elfClass) =>
        MakeExecutable(name, [0x7f, .. "ELF"u8, elfClass, 1, 1, .. new byte[9], 2, 0, 62, 0, .. new byte[64]]);

    // Header, two program headers, the interpreter's name and a note.
    private string MakeElf(string name, byte elfClass, string interpreter, string noteOwner)
    {
        var file = new byte[512];
        ((byte[])[0x7f, .. "ELF"u8, elfClass, 1, 1]).CopyTo(file, 0);
        file[32] = 64;
        file[54] = 56;
        file[56] = 2;
        file[64] = 3;
        file[64 + 8] = 200;
        file[64 + 56] = 4;
        BinaryPrimitives.WriteInt64LittleEndian(file.AsSpan(64 + 56 + 8), 300);
        System.Text.Encoding.ASCII.GetBytes(interpreter).CopyTo(file, 200);
        file[300] = 4;
        System.Text.Encoding.ASCII.GetBytes(noteOwner).CopyTo(file, 312);
        return MakeExecutable(name, file);
    }

    private string MakeExecutable(string name, byte[] content)
    {
        File.WriteAllBytes(_directory[name], content);
        File.SetUnixFileMode(_directory[name], UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        return _directory[name];
    }
}
