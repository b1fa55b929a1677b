using System.Buffers;
using System.Text.Json;
using Tosec.Actors.Commands;

namespace Tosec.Tests.Actors.Commands;

public class CommandJsonTests
{
    [Fact]
    public void Tables_texts_and_errors_come_back_as_they_were_written()
    {
        var table = RoundTrip(CommandResult.Table(
            ["name", "sent [bytes]", "up", "since", "svms", "load", "large"],
            [["a\"\n\u001b", 7, true, TimeSpan.FromSeconds(1.5), new[] { "x", "y" }, 0.25, ulong.MaxValue], [null, null, null, null, null, double.NaN, null]]));
        Assert.Equal(new CommandColumn("sent", "bytes"), table.Columns[1]);
        Assert.Equal<object?>(["a\"\n\u001b", 7L, true, 1.5, new[] { "x", "y" }, 0.25, ulong.MaxValue], table.Rows[0]);
        Assert.Equal("NaN", table.Rows[1][5]);
        Assert.Equal("hello", RoundTrip(CommandResult.FromText("hello")).Text);
        var error = RoundTrip(CommandResult.Failed("no", "but"));
        Assert.Equal(("no", "but"), (error.Error, error.Help));
    }

    [Theory]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("7")]
    [InlineData("{\"columns\": [{\"name\": \"a\", \"unit\": \"\"}], \"rows\": [[1, 2]]}")]
    [InlineData("{\"columns\": 1, \"rows\": 2}")]
    public void Anything_else_is_refused(string json) =>
        Assert.Throws<JsonException>(() => CommandJson.Read(JsonDocument.Parse(json).RootElement));

    private static CommandResult RoundTrip(CommandResult result)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer))
            CommandJson.Write(writer, result);
        return CommandJson.Read(JsonDocument.Parse(buffer.WrittenMemory).RootElement);
    }
}
