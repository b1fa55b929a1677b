namespace Tosec.Node.Configuration;

/// <summary>
/// Checks HOCON text before Akka's parser sees it. The parser is forgiving where that is dangerous: text after a stray '}' is
/// ignored without a word (deny rules included), two objects side by side become one, an unresolved substitution becomes an endless
/// structure, and on much else that is no HOCON it takes memory until there is none. So only a plain part of the language is let past.
/// </summary>
internal sealed class HoconText
{
    private const int MaxDepth = 64;
    private readonly string _file;
    private readonly string _text;
    private int _at;
    private int _line = 1;
    private int _depth;

    private HoconText(string file, string text)
    {
        _file = file;
        _text = text;
    }

    private char Current => _at < _text.Length ? _text[_at] : '\0';

    private bool IsAtEnd => _at >= _text.Length;

    /// <exception cref="SettingsException">Names file and line of the first mistake.</exception>
    public static void Check(string file, string text)
    {
        var check = new HoconText(file, text);
        check.Members('\0', 1);
    }

    // Of an object, up to its '}', or of the file, up to its end.
    private void Members(char close, int opened)
    {
        while (true)
        {
            SkipBlank(newLines: true);
            while (Current == ',')
            {
                _at++;
                SkipBlank(newLines: true);
            }

            if (Ends(close, opened, '{'))
                return;
            Key();
            SkipBlank(newLines: false);
            if (Current == '{')
                Value();
            else if (!_include)
                Assigned();
            EndOfMember();
        }
    }

    private bool _include;

    private void Key()
    {
        _include = false;
        for (var first = true; ; first = false)
        {
            var start = _at;
            if (Current == '"')
            {
                if (IsAt("\"\"\""))
                    throw Wrong("a key in triple quotes is not supported");
                Quoted();
            }
            else
            {
                while (IsPlain(Current) && Current != '.' && !IsAt("//"))
                    _at++;
                if (_at == start)
                    throw Unexpected(first ? "a key" : "the next part of the key");
            }

            if (first && _text.AsSpan(start, _at - start).SequenceEqual("include"))
            {
                SkipBlank(newLines: false);
                if (Current == '"' && !IsAt("\"\"\""))
                {
                    Quoted();
                    _include = true;
                    return;
                }
            }

            if (Current != '.')
                return;
            _at++;
        }
    }

    private void Assigned()
    {
        if (IsAt("+="))
            throw Wrong("'+=' is not supported: write the whole list");
        if (Current is not ('=' or ':'))
            throw Unexpected("'=', ':' or '{' after a key");
        if (IsAt("::"))
            throw Wrong("write values with ':' in quotes");
        _at++;
        SkipBlank(newLines: false);
        if (Current is '\n' or '#' || IsAt("//"))
        {
            // Only what shows its end by itself may begin on a later line.
            SkipBlank(newLines: true);
            if (Current is not ('{' or '['))
                throw Wrong("a value is missing");
        }

        Value();
    }

    private void Value()
    {
        if (Current is '{' or '[')
        {
            if (++_depth > MaxDepth)
                throw Wrong($"more than {MaxDepth} brackets in one another");
            var opened = _line;
            if (_text[_at++] == '{')
                Members('}', opened);
            else
                Elements(opened);
            _depth--;
            return;
        }

        var start = _at;
        while (true)
        {
            if (IsAt("\"\"\""))
                TripleQuoted();
            else if (Current == '"')
                Quoted();
            else if (IsPlain(Current) && !IsAt("//"))
                _at++;
            else if (Current is ' ' or '\t' or '\r' && _at > start)
                _at++;
            else
                break;
        }

        if (_at == start)
            throw Unexpected("a value");
    }

    private void Elements(int opened)
    {
        while (true)
        {
            SkipBlank(newLines: true);
            if (Ends(']', opened, '['))
                return;
            var isObject = Current == '{';
            Value();
            SkipBlank(newLines: false);
            if (Current == ',')
            {
                _at++;
            }
            else if (Current is '=' or ':' && !isObject)
            {
                throw Wrong($"'{Current}' inside a list: the '[' of line {opened} is not closed, or quotes are missing");
            }
            else if (Current is not (']' or '}' or '\n' or '#') && !IsAt("//") && !IsAtEnd)
            {
                throw isObject ? Wrong("begin each object of a list on its own line, or put a comma between them") : Unexpected("',' or ']'");
            }
        }
    }

    private bool Ends(char close, int opened, char open)
    {
        if (IsAtEnd)
            return close == '\0' ? true : throw Wrong(_file, opened, $"the '{open}' of this line is never closed");
        if (Current is not ('}' or ']'))
            return false;
        if (close == '\0')
            throw Wrong($"'{Current}' closes nothing");
        if (Current != close)
            throw Wrong($"'{Current}' does not close the '{open}' of line {opened}");
        _at++;
        return true;
    }

    // After an object the next member may follow on the same line; a second value may not.
    private void EndOfMember()
    {
        var afterObject = _text[_at - 1] == '}';
        SkipBlank(newLines: false);
        if (IsAtEnd || Current is ',' or '\n' or '}' or ']' or '#' || IsAt("//"))
            return;
        if (!afterObject || !(IsPlain(Current) || Current == '"'))
            throw Unexpected("the end of the line");
    }

    private void SkipBlank(bool newLines)
    {
        while (true)
        {
            if (Current is ' ' or '\t' or '\r')
            {
                _at++;
            }
            else if (newLines && Current == '\n')
            {
                _line++;
                _at++;
            }
            else if (newLines && (Current == '#' || IsAt("//")))
            {
                while (!IsAtEnd && Current != '\n')
                    _at++;
            }
            else
            {
                return;
            }
        }
    }

    private void Quoted()
    {
        for (_at++; !IsAtEnd && Current != '\n'; _at++)
        {
            if (Current == '\\')
            {
                _at++;
            }
            else if (Current == '"')
            {
                _at++;
                return;
            }
        }

        throw Wrong("a text in quotes does not end on its line");
    }

    private void TripleQuoted()
    {
        var end = _text.IndexOf("\"\"\"", _at + 3, StringComparison.Ordinal);
        if (end < 0)
            throw Wrong("the text in triple quotes that begins here never ends");
        _line += _text.AsSpan(_at, end - _at).Count('\n');
        _at = end + 3;
    }

    private SettingsException Unexpected(string wanted)
    {
        if (IsAt("${"))
            return Wrong("substitutions (${...}) are not supported: write the value, or include a file");
        if (IsAtEnd || Current == '\n')
            return Wrong($"{wanted} is missing");
        if (IsPlain(Current) || Current is '{' or '}' or '[' or ']' or '=' or ',' or '"' or '#')
            return Wrong($"'{Current}' where {wanted} is expected");
        return Wrong(char.IsControl(Current) || char.IsWhiteSpace(Current)
            ? $"write values with the character U+{(int)Current:X4} in quotes" : $"write values with '{Current}' in quotes");
    }

    private SettingsException Wrong(string what) => Wrong(_file, _line, what);

    public static SettingsException Wrong(string file, int line, string what) => new($"{file}, line {line}: {what}");

    private bool IsAt(string what) => string.CompareOrdinal(_text, _at, what, 0, what.Length) == 0;

    // What needs no quotes, by the HOCON specification ("unquoted strings"), and is neither white space nor a control character.
    private bool IsPlain(char c) =>
        !IsAtEnd && !char.IsWhiteSpace(c) && !char.IsControl(c) && "$\"{}[]:=,+#`^?!@*&\\".IndexOf(c, StringComparison.Ordinal) < 0;
}
