using System.Net.Sockets;
using Tosec.Node.VirtualMachines;

namespace Tosec.Tests.Node.VirtualMachines;

public sealed class QmpClientSpecs
{
    private static readonly TimeSpan _long = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan _short = TimeSpan.FromMilliseconds(200);

    [Fact]
    public async Task A_command_is_answered_with_what_QEMU_returns()
    {
        using var qemu = new ScriptedQemu(ScriptedQemu.Greeting, ScriptedQemu.Agreed, """{"return": {"x": 5}, "id": 2}""" + "\r\n");
        using var client = await QmpClient.ConnectAsync(qemu.Path, _long);

        var answer = await client.ExecuteAsync("device_add", new { driver = "d,\"e" });

        Assert.Equal(5, answer.GetProperty("x").GetInt32());
        Assert.Equal(
            ["""{"execute":"qmp_capabilities","id":1}""", """{"execute":"device_add","arguments":{"driver":"d,\u0022e"},"id":2}"""], await qemu.Conversation);
    }

    [Fact]
    public async Task Events_and_answers_to_others_are_passed_over_and_an_answer_may_come_with_them_in_one_piece()
    {
        using var qemu = new ScriptedQemu(
            ScriptedQemu.Greeting + """{"event": "RESUME"}""" + "\n", ScriptedQemu.Agreed + """{"event": "A", "id": 2, "return": 1}""" + "\n",
            """{"return": 7, "id": 1}""" + "\n" + """{"return": 8, "id": "2"}""" + "\n" + """{"return": 9}""" + "\n" + """{"return": 10, "id": 2}""" + "\n");
        using var client = await QmpClient.ConnectAsync(qemu.Path, _long);

        Assert.Equal(10, (await client.ExecuteAsync("query")).GetInt32());
    }

    [Fact]
    public async Task A_refusal_has_QEMUs_words_on_one_line_and_the_conversation_goes_on()
    {
        using var qemu = new ScriptedQemu(
            ScriptedQemu.Greeting, ScriptedQemu.Agreed, """{"error": {"class": "GenericError", "desc": "Bus 'x'\nnot found"}, "id": 2}""" + "\n",
            """{"return": 1, "id": 3}""" + "\n");
        using var client = await QmpClient.ConnectAsync(qemu.Path, _long);

        var refusal = await Assert.ThrowsAsync<QmpException>(() => client.ExecuteAsync("device_add"));

        Assert.True(refusal.IsRefusal);
        Assert.Equal("QEMU refuses device_add: Bus 'x'; not found", refusal.Message);
        Assert.Equal(1, (await client.ExecuteAsync("query")).GetInt32());
    }

    [Theory]
    [InlineData("{\"error\": 5, \"id\": 2}\n", "QEMU refuses query: (it does not say why)")]
    [InlineData("{\"error\": {\"desc\": {}}, \"id\": 2}\n", "QEMU refuses query: (it does not say why)")]
    [InlineData("nonsense\n", "QEMU sends something that is no JSON")]
    [InlineData("[1]\n", "QEMU sends something that is no object")]
    [InlineData("\n", "QEMU sends something that is no JSON")]
    [InlineData("{\"return\": 1, \"id\": 2}", "QEMU has closed its control socket")]
    [InlineData("", "QEMU has closed its control socket")]
    public async Task What_is_no_answer_is_an_error_that_says_so(string answer, string message)
    {
        using var qemu = new ScriptedQemu(ScriptedQemu.Greeting, ScriptedQemu.Agreed, answer);
        using var client = await QmpClient.ConnectAsync(qemu.Path, _long);

        var failure = await Assert.ThrowsAsync<QmpException>(() => client.ExecuteAsync("query"));

        Assert.StartsWith(message, failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_line_without_an_end_and_events_without_an_end_are_not_read_for_ever()
    {
        using (var qemu = new ScriptedQemu(ScriptedQemu.Greeting, ScriptedQemu.Agreed, new string('x', QmpClient.MaxLineBytes + 65536)) { StaysSilent = true })
        using (var client = await QmpClient.ConnectAsync(qemu.Path, _long))
            Assert.StartsWith("QEMU sends a line of more than", (await Assert.ThrowsAsync<QmpException>(() => client.ExecuteAsync("query"))).Message, StringComparison.Ordinal);

        var events = string.Concat(Enumerable.Repeat("{\"event\": \"E\"}\n", QmpClient.MaxPassedOver + 1));
        using (var qemu = new ScriptedQemu(ScriptedQemu.Greeting, ScriptedQemu.Agreed, events) { StaysSilent = true })
        using (var client = await QmpClient.ConnectAsync(qemu.Path, _long))
            Assert.Equal("QEMU does not answer query", (await Assert.ThrowsAsync<QmpException>(() => client.ExecuteAsync("query"))).Message);
    }

    [Fact]
    public async Task A_peer_that_says_nothing_is_not_waited_for()
    {
        using var mute = new ScriptedQemu("") { StaysSilent = true };
        Assert.StartsWith("QEMU says nothing at", (await Assert.ThrowsAsync<QmpException>(() => QmpClient.ConnectAsync(mute.Path, _short))).Message, StringComparison.Ordinal);

        using var late = new ScriptedQemu(ScriptedQemu.Greeting) { StaysSilent = true };
        Assert.StartsWith("QEMU does not answer qmp_capabilities within", (await Assert.ThrowsAsync<QmpException>(() => QmpClient.ConnectAsync(late.Path, _short))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_not_QEMU_is_not_taken_for_it()
    {
        using var other = new ScriptedQemu("{\"hello\": 1}\n");
        Assert.EndsWith("is not QEMU", (await Assert.ThrowsAsync<QmpException>(() => QmpClient.ConnectAsync(other.Path, _long))).Message, StringComparison.Ordinal);
        await Assert.ThrowsAnyAsync<SocketException>(() => QmpClient.ConnectAsync("/nowhere/qmp.sock", _long));
    }

    [Fact]
    public async Task A_device_that_is_refused_leaves_no_character_device_behind()
    {
        using var qemu = new ScriptedQemu(
            ScriptedQemu.Greeting, ScriptedQemu.Agreed, """{"return": {}, "id": 2}""" + "\n", """{"error": {"desc": "no such bus"}, "id": 3}""" + "\n",
            """{"return": {}, "id": 4}""" + "\n");
        using var client = await QmpClient.ConnectAsync(qemu.Path, _long);
        var device = GuestDevice.OfTrusted("/r", TestPlans.Guest("bob"), "tovm")[0];

        Assert.Contains("no such bus", (await Assert.ThrowsAsync<QmpException>(() => HotPlug.AddAsync(client, device))).Message, StringComparison.Ordinal);

        var asked = await qemu.Conversation;
        Assert.Contains("\"path\":\"/r/bob/edge.tovm.sock\"", asked[1], StringComparison.Ordinal);
        Assert.Contains("\"vectors\":4,\"bus\":\"port-edge-bob\"", asked[2], StringComparison.Ordinal);
        Assert.Contains("chardev-remove", asked[3], StringComparison.Ordinal);
    }
}
