using System.Globalization;
using System.Text.Json;

namespace Tosec.Actors.Commands;

/// <summary>Results as JSON, as they travel between a node and its caller. Times are seconds.</summary>
/// <remarks>
/// <code>
/// { "columns": [ { "name": "sent", "unit": "bytes" } ], "rows": [ [ 17 ] ] }
/// { "text": "…" }
/// { "error": "…", "help": "…" }
/// </code>
/// </remarks>
public static class CommandJson
{
    /// <summary>Writes the result as one JSON object.</summary>
    public static void Write(Utf8JsonWriter writer, CommandResult result)
    {
        writer.WriteStartObject();
        if (result.Error is { } error)
        {
            writer.WriteString("error", error);
            if (result.Help is { } help)
                writer.WriteString("help", help);
        }
        else if (result.IsTable)
        {
            WriteTable(writer, result);
        }
        else
        {
            writer.WriteString("text", result.Text);
        }

        writer.WriteEndObject();
    }

    /// <summary>Reads what <see cref="Write"/> wrote. Times and dates come back as the numbers and texts they were written as.</summary>
    /// <exception cref="JsonException">The element is nothing that <see cref="Write"/> writes.</exception>
    public static CommandResult Read(JsonElement element)
    {
        try
        {
            if (element.TryGetProperty("error", out var error))
                return CommandResult.Failed(error.GetString() ?? "", element.TryGetProperty("help", out var help) ? help.GetString() : null);
            if (element.TryGetProperty("text", out var text))
                return CommandResult.FromText(text.GetString() ?? "");
            return CommandResult.Table(
                element.GetProperty("columns").EnumerateArray().Select(column => new CommandColumn(
                    column.GetProperty("name").GetString() ?? "", column.GetProperty("unit").GetString() ?? "")),
                element.GetProperty("rows").EnumerateArray().Select(row => row.EnumerateArray().Select(ReadCell)));
        }
        catch (Exception e) when (e is InvalidOperationException or KeyNotFoundException or ArgumentException)
        {
            throw new JsonException("not the answer of a node: " + e.Message, e);
        }
    }

    private static void WriteTable(Utf8JsonWriter writer, CommandResult result)
    {
        writer.WriteStartArray("columns");
        foreach (var column in result.Columns)
        {
            writer.WriteStartObject();
            writer.WriteString("name", column.Name);
            writer.WriteString("unit", column.Unit);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteStartArray("rows");
        foreach (var row in result.Rows)
        {
            writer.WriteStartArray();
            foreach (var cell in row)
                WriteCell(writer, cell);
            writer.WriteEndArray();
        }

        writer.WriteEndArray();
    }

    /// <summary>Writes one cell of a table.</summary>
    public static void WriteCell(Utf8JsonWriter writer, object? cell)
    {
        switch (cell)
        {
            case null: writer.WriteNullValue(); break;
            case string text: writer.WriteStringValue(text); break;
            case bool flag: writer.WriteBooleanValue(flag); break;
            case byte or sbyte or short or ushort or int or uint or long: writer.WriteNumberValue(Convert.ToInt64(cell, CultureInfo.InvariantCulture)); break;
            case ulong number: writer.WriteNumberValue(number); break;
            case double number when double.IsFinite(number): writer.WriteNumberValue(number); break;
            case TimeSpan time: writer.WriteNumberValue(time.TotalSeconds); break;
            case DateTimeOffset date: writer.WriteStringValue(date); break;
            case IEnumerable<string> list:
                writer.WriteStartArray();
                foreach (var item in list)
                    writer.WriteStringValue(item);
                writer.WriteEndArray();
                break;
            default: writer.WriteStringValue(Convert.ToString(cell, CultureInfo.InvariantCulture)); break;
        }
    }

    private static object? ReadCell(JsonElement cell) => cell.ValueKind switch
    {
        JsonValueKind.Null => null,
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        JsonValueKind.Number => cell.TryGetInt64(out var whole) ? whole : cell.TryGetUInt64(out var large) ? (object)large : cell.GetDouble(),
        JsonValueKind.Array => cell.EnumerateArray().Select(item => item.GetString() ?? "").ToArray(),
        _ => cell.GetString(),
    };
}
