using Tosec.Tests.Peer;

namespace Tosec.Tests.Node.CommandLine;

public class RulesCommandTests
{
    private const string Good = "alert tcp $HOME_NET any -> any any (msg:\"x\"; content:\"one\"; sid:1;)\n";
    private const string Bad = "drop tcp any any -> any any (content:\"two\"; flowint:a,+,1; sid:2;)\n";

    [Fact]
    public async Task Check_counts_what_loads_and_says_why_the_rest_does_not()
    {
        using var directory = new TemporaryDirectory();
        var good = directory.Write("good.rules", Good);
        var bad = directory.Write("bad.rules", Bad);

        var right = await TosecProcess.RunAsync(["rules", "check", good]);
        Assert.Equal((0, ""), (right.Code, right.Errors));
        Assert.Equal("1 of 1 rules load: 1 alert", right.Output.Trim());

        var wrong = await TosecProcess.RunAsync(["rules", "check", good, bad]);
        Assert.Equal((78, ""), (wrong.Code, wrong.Errors));
        Assert.Equal(
            [$"{bad}:1: 2: flowint: counters of a connection are not kept", "1 of 2 rules load: 1 alert", "1 refused for flowint"],
            wrong.Output.Trim().Split('\n'));

        var missing = await TosecProcess.RunAsync(["rules", "check", directory["none.rules"]]);
        Assert.Equal(78, missing.Code);
        Assert.Contains("none.rules", missing.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Check_takes_variables_from_a_node_s_file()
    {
        using var directory = new TemporaryDirectory();
        var rules = directory.Write("own.rules", "alert tcp $MINE $MY_PORTS -> $HOME_NET any (content:\"one\"; sid:1;)\n");
        Assert.Equal(78, (await TosecProcess.RunAsync(["rules", "check", rules])).Code);

        var node = directory.Write("node.conf",
            "tosec { node { name = ips-1\nrole = svm }\nsvm.type = ips\nsvm.guests = []\nengines.ips { addresses { MINE = \"10.1.0.0/16\" }\nports { MY_PORTS = \"[7,9]\" } } }\n");
        var end = await TosecProcess.RunAsync(["rules", "check", "--config", node, rules]);
        Assert.Equal((0, ""), (end.Code, end.Errors));

        var unknown = directory.Write("unknown.conf", "tosec { node { name = n1\nrole = host }\nengines.ips { windows = 64 KiB } }\n");
        Assert.Contains("unknown key tosec.engines.ips.windows", (await TosecProcess.RunAsync(["config", "check", unknown])).Errors, StringComparison.Ordinal);
    }
}
