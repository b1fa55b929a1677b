using Tosec.Node.Configuration;

namespace Tosec.Tests.Node.Configuration;

public sealed class IncludeTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("tosec-include-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void Includes_are_relative_to_the_including_file_and_what_follows_wins()
    {
        Directory.CreateDirectory(Path.Combine(_directory, "site"));
        Write("site/all.conf", "include \"chains.conf\"\ntosec.node.host-number = 5\ntosec.log.level = error\n");
        Write("site/chains.conf", "tosec.chains.web.svms = [waf]\n");
        var settings = NodeSettingsLoader.Load(Write(
            "n.conf", "include \"site/all.conf\"\ntosec.node.name = a\ntosec.node.role = host\ntosec.log.level = debug\n"));
        Assert.Equal(((ushort)5, LogVerbosity.Debug), (settings.HostNumber, settings.Log.Level));
        Assert.Equal(["web"], settings.Policy.Chains.Keys);
    }

    [Theory]
    [InlineData("tosec.log.level = loud\n", "tosec.log.level in {0}/inner.conf is \"loud\"; allowed: verbose, debug")]
    [InlineData("tosec.log.lewel = info\n", "unknown key tosec.log.lewel in {0}/inner.conf; did you mean tosec.log.level?")]
    [InlineData("tosec.policy = [ { chain = x } ]\n", "tosec.policy[1].chain in {0}/inner.conf is \"x\"; allowed: deny")]
    [InlineData("a = 1\n}\n", "{0}/inner.conf, line 2: '}}' closes nothing (included by {0}/n.conf)")]
    [InlineData("include \"inner.conf\"\n", "{0}/inner.conf includes itself")]
    [InlineData("include \"nope.conf\"\n", "cannot read {0}/nope.conf: ")]
    public void Mistakes_are_in_the_file_that_made_them(string inner, string message)
    {
        Write("inner.conf", inner);
        var file = Write("n.conf", "include \"inner.conf\"\ntosec.node.name = a\ntosec.node.role = host\n");
        var e = Assert.Throws<SettingsException>(() => NodeSettingsLoader.Load(file));
        Assert.StartsWith(string.Format(message, _directory), e.Message.Replace(Path.GetRelativePath(".", _directory), _directory), StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_is_none_is_said_to_be_none()
    {
        Assert.StartsWith("cannot read /nope/n.conf: ", Assert.Throws<SettingsException>(() => NodeSettingsLoader.Load("/nope/n.conf")).Message, StringComparison.Ordinal);
        Assert.StartsWith($"cannot read {_directory}: ", Assert.Throws<SettingsException>(() => NodeSettingsLoader.Load(_directory)).Message, StringComparison.Ordinal);
    }

    private string Write(string name, string text)
    {
        var path = Path.Combine(_directory, name);
        File.WriteAllText(path, text);
        return path;
    }
}
