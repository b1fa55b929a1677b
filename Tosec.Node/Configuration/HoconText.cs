namespace Tosec.Node.Configuration;

/// <summary>
/// Checks HOCON text before Akka's parser sees it. The parser is forgiving where that is dangerous: text after a stray '}' is
/// ignored without a word (deny rules included), an unclosed '[' never returns, two objects side by side become one, and an
/// unresolved substitution becomes an endless structure.
/// </summary>
internal static class HoconText
{
    /// <exception cref="SettingsException">Names file and line of the first mistake.</exception>
    public static void Check(string file, string text)
    {
        var open = new Stack<(char Bracket, int Line)>();
        var line = 1;
        var afterObject = false;
        for (var i = 0; i < text.Length; i++)
        {
            var c = text[i];
            if (afterObject && !char.IsWhiteSpace(c) && c is not ('}' or ']' or ',' or '#') && !IsAt(text, i, "//"))
            {
                if (open.TryPeek(out var list) && list.Bracket == '[')
                    throw Wrong(file, line, "begin each object of a list on its own line, or put a comma between them");
                afterObject = false;
            }

            switch (c)
            {
                case '\n':
                    line++;
                    afterObject = false;
                    break;
                case ',':
                    afterObject = false;
                    break;
                case '#':
                    i = EndOfLine(text, i);
                    break;
                case '/' when IsAt(text, i, "//"):
                    i = EndOfLine(text, i);
                    break;
                case '"':
                    i = EndOfString(file, text, i, ref line);
                    break;
                case '{' or '[':
                    open.Push((c, line));
                    break;
                case '}' or ']':
                    if (!open.TryPop(out var opened))
                        throw Wrong(file, line, $"'{c}' closes nothing");
                    if (opened.Bracket != (c == '}' ? '{' : '['))
                        throw Wrong(file, line, $"'{c}' does not close the '{opened.Bracket}' of line {opened.Line}");
                    afterObject = c == '}';
                    break;
                case '=' or ':' when open.TryPeek(out var inside) && inside.Bracket == '[':
                    throw Wrong(file, line, $"'{c}' inside a list: the '[' of line {inside.Line} is not closed, or quotes are missing");
                case ':':
                    RequireValue(file, text, i, line);
                    break;
                case '+' when IsAt(text, i, "+="):
                    throw Wrong(file, line, "'+=' is not supported: write the whole list");
                case '$' when IsAt(text, i, "${"):
                    throw Wrong(file, line, "substitutions (${...}) are not supported: write the value, or include a file");
            }
        }

        if (open.TryPop(out var unclosed))
            throw Wrong(file, unclosed.Line, $"the '{unclosed.Bracket}' of this line is never closed");
    }

    public static SettingsException Wrong(string file, int line, string what) => new($"{file}, line {line}: {what}");

    // "::1" without quotes is read by the parser as two keys without values.
    private static void RequireValue(string file, string text, int i, int line)
    {
        if (IsAt(text, i, "::"))
            throw Wrong(file, line, "write values with ':' in quotes");
    }

    private static bool IsAt(string text, int i, string what) => string.CompareOrdinal(text, i, what, 0, what.Length) == 0;

    private static int EndOfLine(string text, int i)
    {
        var end = text.IndexOf('\n', i);
        return end < 0 ? text.Length : end - 1;
    }

    private static int EndOfString(string file, string text, int i, ref int line)
    {
        var began = line;
        if (IsAt(text, i, "\"\"\""))
        {
            var end = text.IndexOf("\"\"\"", i + 3, StringComparison.Ordinal);
            if (end < 0)
                throw Wrong(file, began, "the text in triple quotes that begins here never ends");
            line += text.AsSpan(i, end - i).Count('\n');
            return end + 2;
        }

        for (i++; i < text.Length && text[i] != '\n'; i++)
        {
            if (text[i] == '\\')
                i++;
            else if (text[i] == '"')
                return i;
        }

        throw Wrong(file, began, "a text in quotes does not end on its line");
    }
}
