using Tosec.Actors.Inspection;
using Tosec.Engines.Ips;
using Tosec.Engines.Ips.Parsing;
using Tosec.Tests.Peer;

namespace Tosec.Tests.Engines.Ips;

/// <summary>Some rules in force, and conversations that they judge.</summary>
internal sealed class IpsBench : IDisposable
{
    private readonly TemporaryDirectory _folder = new();
    private readonly string _file;

    public IpsBench(string rules, Func<IpsSettings, IpsSettings>? change = null, TimeProvider? time = null)
    {
        _file = _folder.Write("test.rules", rules);
        var settings = Reference with { Rules = [_file], Classification = null };
        System = new IpsSystem(change?.Invoke(settings) ?? settings, time ?? TimeProvider.System);
    }

    public static IpsSettings Reference => IpsSettings.From(ReferenceConfig.Read("ips.conf").GetConfig(IpsSettings.Path));

    public IpsSystem System { get; }

    /// <summary>Options as one rule for each, numbered from 1, about any TCP.</summary>
    public static string Alert(params string[] options) =>
        string.Join('\n', options.Select((text, i) => $"alert tcp any any -> any any (msg:\"rule {i + 1}\"; {text} sid:{i + 1};)"));

    public void Rewrite(string rules) => File.WriteAllText(_file, rules);

    public void Remove() => File.Delete(_file);

    public string Write(string name, string text) => _folder.Write(name, text);

    /// <summary>The numbers of the rules that a talk makes fire, each as often as it does, ordered.</summary>
    public long[] Sids(IEnumerable<Said> talk, bool ends = true)
    {
        using var conversation = new Conversation(System);
        foreach (var said in talk) conversation.Give(said.IsClient ? StreamDirection.Incoming : StreamDirection.Outgoing, said.Bytes);
        if (ends)
        {
            conversation.ClientEnds();
            conversation.ServerEnds();
        }

        return Sids(conversation);
    }

    public static long[] Sids(Conversation conversation) => conversation.Signatures;

    /// <summary>The numbers that fire, whichever way the talk's bytes are parted: whole, byte by byte, and cut at each byte.</summary>
    public long[] SidsOfAnySplit(params Said[] talk)
    {
        var whole = Sids(talk);
        var single = talk.SelectMany(said => said.Bytes.Select(b => said with { Bytes = [b] }));
        Assert.Equal(whole, Sids(single));
        for (var i = 0; i < talk.Length; i++)
        {
            for (var cut = 1; cut < talk[i].Bytes.Length; cut++)
            {
                var parts = talk.ToList();
                parts[i] = talk[i] with { Bytes = talk[i].Bytes[..cut] };
                parts.Insert(i + 1, talk[i] with { Bytes = talk[i].Bytes[cut..] });
                var found = Sids(parts);
                Assert.True(whole.SequenceEqual(found), $"part {i} cut at {cut}: {string.Join(' ', found)} instead of {string.Join(' ', whole)}");
            }
        }

        return whole;
    }

    public void Dispose()
    {
        System.Dispose();
        _folder.Dispose();
    }
}
