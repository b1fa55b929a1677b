using System.Globalization;
using Akka.Configuration.Hocon;

namespace Tosec.Engines.Auditor.Policy;

/// <summary>Reads one rule strictly: a key that is not known, or a value that says nothing, is an error.</summary>
internal static class AuditRuleReader
{
    public static (string, AuditAction)[] Actions { get; } = [("allow", AuditAction.Allow), ("alert", AuditAction.Alert), ("block", AuditAction.Block)];

    private static readonly string[] _keys = ["action", "user", "database", "class", "table", "function", "hours", "rows-over"];

    public static AuditRule Read(int number, HoconObject rule, Func<string, Exception> wrong)
    {
        foreach (var key in rule.Items.Keys)
            if (!_keys.Contains(key)) throw wrong($"unknown key {key}; there are {string.Join(", ", _keys)}");
        var action = Text("action", "");
        var (from, until) = Hours(Text("hours", "00:00-00:00"), wrong);
        if (!Actions.Any(a => a.Item1 == action)) throw wrong("action has to be allow, alert or block");
        var rows = Text("rows-over", "-1");
        if (!long.TryParse(rows, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var rowsOver) || rowsOver < -1)
            throw wrong($"rows-over \"{rows}\" is not a number of rows");
        var decided = Actions.First(a => a.Item1 == action).Item2;
        if (decided == AuditAction.Allow && rowsOver >= 0) throw wrong("rows-over goes with alert and block only");
        return new AuditRule(number, decided, Text("user", "*"), Text("database", "*"),
            Classes(rule, wrong), Text("table", "*"), Text("function", "*"), from, until, rowsOver);

        string Text(string key, string fallback)
        {
            if (!rule.Items.TryGetValue(key, out var value)) return fallback;
            var text = value.IsString() ? value.GetString() : "";
            return text.Length > 0 ? text : throw wrong($"{key} has to be a text");
        }
    }

    private static StatementClass Classes(HoconObject rule, Func<string, Exception> wrong)
    {
        if (!rule.Items.TryGetValue("class", out var value)) return StatementClass.None;
        var classes = StatementClass.None;
        var words = value.IsArray() ? value.GetStringList() : value.IsString() ? [value.GetString()] : [];
        foreach (var word in words)
        {
            if (word.Any(c => !char.IsAsciiLetterLower(c)) || !Enum.TryParse<StatementClass>(word, ignoreCase: true, out var one) || one == StatementClass.None)
                throw wrong($"\"{word}\" is no class of statements");
            classes |= one;
        }

        return classes != StatementClass.None ? classes : throw wrong("class has to name one at least");
    }

    private static (TimeOnly From, TimeOnly Until) Hours(string text, Func<string, Exception> wrong)
    {
        var ends = text.Split('-');
        var until = TimeOnly.MinValue;
        return ends.Length == 2 && TimeOnly.TryParseExact(ends[0], "HH:mm", CultureInfo.InvariantCulture, DateTimeStyles.None, out var from)
            && (ends[1] == "24:00" || TimeOnly.TryParseExact(ends[1], "HH:mm", CultureInfo.InvariantCulture, DateTimeStyles.None, out until))
            ? (from, until)
            : throw wrong($"hours \"{text}\" is not two times as \"08:00-18:00\"");
    }
}
