using CsCheck;
using Tosec.Actors.Chains;
using Tosec.Actors.Commands;

namespace Tosec.Tests.Actors.Commands;

public class CommandTreeTests
{
    private readonly CommandTree _tree = new();

    public CommandTreeTests()
    {
        _tree.Add(
            "stream", "show", "One stream", Echo,
            CommandArgument.Positional("id", "which"),
            CommandArgument.Option("guest", "whose", "-g"),
            CommandArgument.Option("format", "how", @default: "short"));
        _tree.Add("stream", "list", "All streams", _ => CommandResult.Table(["id", "sent [bytes]"], [[1, 2L]]));
        _tree.Add("pool", "show", "The pools", _ => throw new CommandException("no such pool"));
        _tree.Add("svm", "list", "The SVMs", _ => throw new InvalidOperationException("a mistake"));
    }

    [Fact]
    public async Task Arguments_come_by_position_by_switch_and_by_default()
    {
        Assert.Equal("format=short id=7", (await _tree.RunAsync(["stream", "show", "7"])).Text);
        Assert.Equal("format=long guest=a id=7", (await _tree.RunAsync(["stream", "show", "-g", "a", "7", "--format=long"])).Text);
    }

    [Theory]
    [InlineData("there is no palette 'nope'", "pool show", "nope")]
    [InlineData("which command of stream?", "stream list", "stream")]
    [InlineData("there is no command 'nope' in palette stream", "stream list", "stream", "nope")]
    [InlineData("id is missing", "-g", "stream", "show")]
    [InlineData("--guest needs a value", "-g", "stream", "show", "1", "--guest")]
    [InlineData("stream show has no switch '--nope'", "--format", "stream", "show", "1", "--nope", "x")]
    [InlineData("stream show takes no argument '2'", "stream show ID", "stream", "show", "1", "2")]
    [InlineData("guest is given twice", "stream show ID", "stream", "show", "1", "-g", "a", "--guest", "b")]
    public async Task Wrong_words_are_answered_with_the_palettes_help(string error, string help, params string[] words)
    {
        var result = await _tree.RunAsync(words);
        Assert.Equal(error, result.Error);
        Assert.Contains(help, result.Help, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Help_is_a_text()
    {
        Assert.Contains("svm list", (await _tree.RunAsync([])).Text, StringComparison.Ordinal);
        Assert.DoesNotContain("svm list", (await _tree.RunAsync(["help", "stream"])).Text!, StringComparison.Ordinal);
        Assert.Contains("(default: short)", (await _tree.RunAsync(["stream", "show", "--help"])).Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_handlers_failure_is_an_answer_and_is_told()
    {
        var told = new List<string>();
        Assert.Equal("no such pool", (await _tree.RunAsync(["pool", "show"], default, (c, _) => told.Add(c.Palette))).Error);
        Assert.Empty(told);
        Assert.Contains("a mistake", (await _tree.RunAsync(["svm", "list"], default, (c, _) => told.Add(c.Palette))).Error, StringComparison.Ordinal);
        Assert.Equal(["svm"], told);
    }

    [Fact]
    public async Task A_handler_that_never_ends_ends_with_the_token()
    {
        _tree.Add("stream", "wait", "Waits", async (_, _) =>
        {
            await Task.Delay(Timeout.Infinite, CancellationToken.None);
            return CommandResult.FromText("");
        });
        using var limit = new CancellationTokenSource();
        var running = _tree.RunAsync(["stream", "wait"], limit.Token);
        await limit.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
    }

    [Fact]
    public void Names_and_switches_are_unique_and_rows_fit_their_table()
    {
        Assert.Throws<ArgumentException>(() => _tree.Add("stream", "list", "again", Echo));
        Assert.Throws<ArgumentException>(() => _tree.Add(
            "x", "y", "z", Echo, CommandArgument.Option("a", "", "-s"), CommandArgument.Option("b", "", "-s")));
        Assert.Throws<ArgumentException>(() => CommandResult.Table(["a", "b"], [[1]]));
    }

    [Fact]
    public void No_words_make_the_tree_throw() =>
        Gen.OneOf(Gen.String, Gen.OneOf<string>("stream", "show", "list", "help", "--guest", "-g", "--format=", "--", "-")).Array[0, 6]
            .Sample(words =>
            {
                var result = _tree.RunAsync(words).GetAwaiter().GetResult();
                Assert.True(result.IsTable || result.Text is not null || result.Error is not null);
            });

    [Fact]
    public async Task Policy_and_chains_are_shown_in_order_and_an_open_seal_is_named()
    {
        var chain = new ChainDefinition
        {
            Name = "web",
            SvmTypes = ["waf", "counter"],
            Seal = SealMode.Off,
            HoldLimitBytes = 1 << 20,
            HoldDeadline = TimeSpan.FromSeconds(10),
        };
        PolicyCommands.AddTo(_tree, () => new Policy([new PolicyRule { Guest = "a", Chain = "web" }, new PolicyRule()], [chain]));
        var rules = await _tree.RunAsync(["policy", "show"]);
        Assert.Equal(["web", "deny"], rules.Rows.Select(row => row[^1]));
        var chains = await _tree.RunAsync(["chain", "show"]);
        Assert.StartsWith("off", (string)chains.Rows[0][3]!, StringComparison.Ordinal);
    }

    private static CommandResult Echo(CommandCall call) =>
        CommandResult.FromText(string.Join(' ', call.Arguments.OrderBy(a => a.Key, StringComparer.Ordinal).Select(a => $"{a.Key}={a.Value}")));
}
