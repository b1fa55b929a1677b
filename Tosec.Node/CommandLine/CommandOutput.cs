using System.Globalization;
using System.Text.Json;
using Spectre.Console;
using Tosec.Actors.Commands;

namespace Tosec.Node.CommandLine;

/// <summary>Writes a command's answer: tables for people, JSON for programs.</summary>
internal static class CommandOutput
{
    // Wide enough that no table of ours is wrapped where nobody looks at it (a file, a pipe).
    private const int WidthWithoutTerminal = 400;
    private static readonly JsonWriterOptions _indented = new() { Indented = true };

    /// <summary>A table as a list of objects, a text as <c>{"text": …}</c>, an error as <c>{"error": …}</c>.</summary>
    public static void WriteJson(Stream output, CommandResult result)
    {
        using (var writer = new Utf8JsonWriter(output, _indented))
        {
            if (!result.IsTable)
            {
                CommandJson.Write(writer, result);
            }
            else
            {
                writer.WriteStartArray();
                foreach (var row in result.Rows)
                {
                    writer.WriteStartObject();
                    foreach (var (column, cell) in result.Columns.Zip(row))
                    {
                        writer.WritePropertyName(column.Name.Replace(' ', '-'));
                        CommandJson.WriteCell(writer, cell);
                    }

                    writer.WriteEndObject();
                }

                writer.WriteEndArray();
            }
        }

        output.WriteByte((byte)'\n');
    }

    /// <summary>Writes tables and texts to <paramref name="output"/>. Errors are the caller's.</summary>
    public static void WriteText(TextWriter output, bool isTerminal, CommandResult result)
    {
        if (!result.IsTable)
        {
            output.WriteLine(Clean(result.Text ?? "", keepLines: true));
            return;
        }

        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(output),
            Ansi = isTerminal ? AnsiSupport.Detect : AnsiSupport.No,
        });
        if (!isTerminal)
            console.Profile.Width = WidthWithoutTerminal;
        var table = new Table { Border = TableBorder.Simple, UseSafeBorder = !isTerminal };
        for (var i = 0; i < result.Columns.Length; i++)
        {
            var column = result.Columns[i];
            var name = column.Unit.Length == 0 || column.Unit == "bytes" ? column.Name : $"{column.Name} [{column.Unit}]";
            var isNumber = result.Rows.Any(row => row[i] is long or ulong or double) && result.Rows.All(row => row[i] is not string);
            table.AddColumn(new TableColumn(new Text(name)) { Alignment = isNumber ? Justify.Right : Justify.Left, NoWrap = !isTerminal });
        }

        foreach (var row in result.Rows)
            table.AddRow(row.Zip(result.Columns).Select(pair => new Text(Show(pair.First, pair.Second.Unit))));
        console.Write(table);
        output.WriteLine(result.Rows.Length == 1 ? "1 row" : $"{result.Rows.Length} rows");
    }

    /// <summary>Without what would control the reader's terminal: names and texts may have been chosen by an attacker.</summary>
    public static string Clean(string text, bool keepLines = false) =>
        string.Concat(text.Select(c => char.IsControl(c) && !(keepLines && c == '\n') ? '?' : c));

    private static string Show(object? cell, string unit) => cell switch
    {
        null => "-",
        string text => Clean(text),
        bool flag => flag ? "yes" : "no",
        long bytes when unit == "bytes" => ShowBytes(bytes),
        IEnumerable<string> list => Clean(string.Join(", ", list)),
        _ => Clean(Convert.ToString(cell, CultureInfo.InvariantCulture) ?? ""),
    };

    private static string ShowBytes(long bytes) => bytes switch
    {
        < 1 << 10 => $"{bytes} B",
        < 1 << 20 => string.Create(CultureInfo.InvariantCulture, $"{bytes / (double)(1 << 10):0.#} KiB"),
        < 1 << 30 => string.Create(CultureInfo.InvariantCulture, $"{bytes / (double)(1 << 20):0.#} MiB"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{bytes / (double)(1 << 30):0.##} GiB"),
    };
}
