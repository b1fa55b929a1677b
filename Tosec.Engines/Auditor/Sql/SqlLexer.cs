namespace Tosec.Engines.Auditor.Sql;

/// <summary>Whose SQL.</summary>
internal enum SqlDialect
{
    PostgreSql,
    MySql,
}

internal enum SqlTokenKind : byte
{
    End,
    Word,
    QuotedName,
    String,
    Number,
    Parameter,
    Symbol,
}

internal readonly record struct SqlToken(SqlTokenKind Kind, int Start, int Length)
{
    public int End => Start + Length;
}

/// <summary>
/// Cuts SQL into tokens, on the bytes. It says <see cref="Ambiguous"/> of a text whose strings or comments servers end at different
/// places by their settings (backslash before a quote, a character set in which a backslash may be the half of a character,
/// comments that are executed): of such a text nothing may be believed.
/// </summary>
internal ref struct SqlLexer(ReadOnlySpan<byte> text, SqlDialect dialect, bool backslashEscapes)
{
    private readonly ReadOnlySpan<byte> _text = text;
    private int _at;

    /// <summary>The server may read the text otherwise than this lexer.</summary>
    public bool Ambiguous { get; private set; }

    /// <summary>A string, a name or a comment has no end.</summary>
    public bool Unterminated { get; private set; }

    public SqlToken Next()
    {
        SkipBlanks();
        if (_at >= _text.Length)
            return new SqlToken(SqlTokenKind.End, _text.Length, 0);
        var start = _at;
        var kind = Read(_text[start]);
        return new SqlToken(kind, start, _at - start);
    }

    private SqlTokenKind Read(byte b)
    {
        switch (b)
        {
            case (byte)'\'':
                return Quoted(b, backslashEscapes, SqlTokenKind.String);
            case (byte)'"':
                return dialect == SqlDialect.MySql ? Quoted(b, backslashEscapes, SqlTokenKind.String) : Quoted(b, false, SqlTokenKind.QuotedName);
            case (byte)'`' when dialect == SqlDialect.MySql:
                return Quoted(b, false, SqlTokenKind.QuotedName);
            case (byte)'$' when dialect == SqlDialect.PostgreSql:
                return Dollar();
            case (byte)'?' when dialect == SqlDialect.MySql:
                _at++;
                return SqlTokenKind.Parameter;
        }

        if (char.IsAsciiDigit((char)b) || (b == '.' && char.IsAsciiDigit((char)Peek(1))))
            return Number();
        if (IsWordStart(b))
            return Word();
        _at++;
        return SqlTokenKind.Symbol;
    }

    private SqlTokenKind Word()
    {
        var start = _at;
        while (_at < _text.Length && (IsWordStart(_text[_at]) || char.IsAsciiDigit((char)_text[_at]) || _text[_at] == '$'))
            _at++;
        var next = Peek(0);
        var length = _at - start;
        if (dialect == SqlDialect.PostgreSql)
        {
            if (length == 1 && next == '\'' && (_text[start] | 0x20) is var prefix && prefix is 'e' or 'b' or 'x' or 'n')
                return Quoted((byte)'\'', prefix == 'e', SqlTokenKind.String);
            if (length == 1 && (_text[start] | 0x20) == 'u' && next == '&' && Peek(1) is (byte)'\'' or (byte)'"')
            {
                _at++;
                return Quoted(Peek(0), false, Peek(0) == '"' ? SqlTokenKind.QuotedName : SqlTokenKind.String);
            }
        }
        else if (next == '\'' && length == 1 && (_text[start] | 0x20) is 'x' or 'b' or 'n')
        {
            return Quoted((byte)'\'', backslashEscapes, SqlTokenKind.String);
        }

        return SqlTokenKind.Word;
    }

    private SqlTokenKind Quoted(byte quote, bool escapes, SqlTokenKind kind)
    {
        _at++;
        var backslashes = 0;
        while (_at < _text.Length)
        {
            var b = _text[_at++];
            if (b == '\\')
            {
                // In some multi-byte character sets it is a character's second half.
                Ambiguous |= escapes && backslashes == 0 && _at >= 2 && _text[_at - 2] >= 0x80;
                backslashes++;
                continue;
            }

            var escaped = (backslashes & 1) != 0;
            backslashes = 0;
            if (b != quote)
                continue;
            if (escaped && kind == SqlTokenKind.String)
            {
                // Where the dialect's default is otherwise, a setting of the session can still turn it.
                if (escapes)
                    continue;
                Ambiguous = true;
            }

            if (kind == SqlTokenKind.QuotedName && quote == '`')
                Ambiguous |= _at >= 2 && _text[_at - 2] >= 0x80;
            if (Peek(0) != quote)
                return kind;
            _at++;
        }

        Unterminated = true;
        return kind;
    }

    private SqlTokenKind Dollar()
    {
        if (char.IsAsciiDigit((char)Peek(1)))
        {
            _at++;
            while (char.IsAsciiDigit((char)Peek(0)))
                _at++;
            return SqlTokenKind.Parameter;
        }

        var end = _at + 1;
        while (end < _text.Length && (IsWordStart(_text[end]) || (end > _at + 1 && char.IsAsciiDigit((char)_text[end]))))
            end++;
        if (end >= _text.Length || _text[end] != '$')
        {
            _at++;
            return SqlTokenKind.Symbol;
        }

        var tag = _text[_at..(end + 1)];
        var close = _text[(end + 1)..].IndexOf(tag);
        Unterminated |= close < 0;
        _at = close < 0 ? _text.Length : end + 1 + close + tag.Length;
        return SqlTokenKind.String;
    }

    private SqlTokenKind Number()
    {
        while (_at < _text.Length && (char.IsAsciiLetterOrDigit((char)_text[_at]) || _text[_at] is (byte)'.' or (byte)'_'
            || (_text[_at] is (byte)'+' or (byte)'-' && (_text[_at - 1] | 0x20) == 'e' && char.IsAsciiDigit((char)Peek(1)))))
            _at++;
        return SqlTokenKind.Number;
    }

    private void SkipBlanks()
    {
        while (_at < _text.Length)
        {
            var b = _text[_at];
            if (b is (byte)' ' or (>= 9 and <= 13))
                _at++;
            else if (b == '-' && Peek(1) == '-' && (dialect == SqlDialect.PostgreSql || Peek(2) <= ' '))
                SkipLine();
            else if (b == '#' && dialect == SqlDialect.MySql)
                SkipLine();
            else if (b == '/' && Peek(1) == '*')
                SkipComment();
            else
                return;
        }
    }

    private void SkipLine()
    {
        while (_at < _text.Length && _text[_at] is not ((byte)'\n' or (byte)'\r'))
            _at++;
        // PostgreSQL ends a comment at either; MySQL at the line feed alone.
        if (dialect == SqlDialect.MySql && _at < _text.Length && _text[_at] == '\r' && Peek(1) != '\n')
            Ambiguous = true;
    }

    private void SkipComment()
    {
        _at += 2;
        // MySQL and MariaDB execute what is in these, by their version.
        Ambiguous |= dialect == SqlDialect.MySql && (Peek(0) == '!' || ((Peek(0) | 0x20) == 'm' && Peek(1) == '!'));
        var depth = 1;
        while (_at < _text.Length)
        {
            if (_text[_at] == '*' && Peek(1) == '/')
            {
                _at += 2;
                if (--depth == 0)
                    return;
            }
            else if (_text[_at] == '/' && Peek(1) == '*')
            {
                // Nested here, not there; and what is nested there, versions read differently.
                Ambiguous |= dialect == SqlDialect.MySql;
                depth += dialect == SqlDialect.PostgreSql ? 1 : 0;
                _at += dialect == SqlDialect.PostgreSql ? 2 : 1;
            }
            else
            {
                _at++;
            }
        }

        Unterminated = true;
    }

    private readonly byte Peek(int ahead) => _at + ahead < _text.Length ? _text[_at + ahead] : (byte)0;

    private readonly bool IsWordStart(byte b) =>
        char.IsAsciiLetter((char)b) || b is (byte)'_' or >= 0x80 || (dialect == SqlDialect.MySql && b is (byte)'@' or (byte)'$');
}
