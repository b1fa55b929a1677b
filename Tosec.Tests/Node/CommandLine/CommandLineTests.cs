using Tosec.Tests.Peer;

namespace Tosec.Tests.Node.CommandLine;

/// <summary>Exit codes and messages of real processes.</summary>
public class CommandLineTests
{
    private const string Good = "tosec.node.name = n1\ntosec.node.role = host\n";

    [Theory]
    [InlineData(64, "Required command was not provided", "")]
    [InlineData(64, "Unrecognized command", "frobnicate")]
    [InlineData(64, "'--config' is required", "node")]
    [InlineData(64, "tosec: ", "run")]
    [InlineData(78, "cannot read /nope.conf", "node", "-c", "/nope.conf")]
    [InlineData(78, "cannot read /nope.conf", "config", "check", "/nope.conf")]
    [InlineData(127, "nosuchprogram: no such program", "run", "nosuchprogram", "--flag")]
    [InlineData(127, "/nope/prog: no such program", "run", "/nope/prog")]
    [InlineData(126, "/etc/passwd is not executable", "run", "/etc/passwd")]
    [InlineData(126, "/etc is not executable", "run", "/etc")]
    [InlineData(69, "there is no node in /nope", "cmd", "--run-directory", "/nope", "stream", "list")]
    [InlineData(69, "there is no node x in /nope; there is none at all", "cmd", "stream", "list", "--node", "x", "--run-directory=/nope")]
    [InlineData(69, "no node answers at /nope.ctl", "cmd", "--socket", "/nope.ctl", "stream", "list")]
    public async Task What_goes_wrong_is_one_line_and_a_code(int code, string message, params string[] arguments)
    {
        var end = await TosecProcess.RunAsync(arguments.Where(argument => argument.Length > 0));
        Assert.Equal(code, end.Code);
        Assert.StartsWith("tosec: ", end.Errors, StringComparison.Ordinal);
        Assert.Contains(message, end.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', end.Errors);
    }

    [Fact]
    public async Task Version_and_help_go_to_stdout()
    {
        var version = await TosecProcess.RunAsync(["version"]);
        Assert.Equal(0, version.Code);
        Assert.StartsWith("tosec ", version.Output, StringComparison.Ordinal);
        var help = await TosecProcess.RunAsync(["cmd", "--help"]);
        Assert.Equal(0, help.Code);
        Assert.Contains("--run-directory <DIR>", help.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Config_check_says_what_a_file_holds_or_what_is_wrong_with_it()
    {
        using var directory = new TemporaryDirectory();
        var good = await TosecProcess.RunAsync(["config", "check", directory.Write("good.conf", Good)]);
        Assert.Equal((0, ""), (good.Code, good.Errors));
        Assert.Contains("good.conf is right: node n1, role host", good.Output, StringComparison.Ordinal);

        var bad = await TosecProcess.RunAsync(["config", "check", directory.Write("bad.conf", Good + "tosec.svm.typ = waf\n")]);
        Assert.Equal(78, bad.Code);
        Assert.Contains("unknown key tosec.svm.typ in ", bad.Errors, StringComparison.Ordinal);
        Assert.Contains("did you mean tosec.svm.type?", bad.Errors, StringComparison.Ordinal);
    }
}
