using System.Text;
using Tosec.Engines.Auditor.Policy;

namespace Tosec.Engines.Auditor.Sql;

/// <summary>A text of SQL as its tokens tell it: normalized, with its literals, cut into statements.</summary>
internal sealed class SqlReader
{
    // What is kept for records: characters of all literals together, and of one.
    private const int MaxLiterals = 2048;
    private const int MaxLiteral = 256;

    private SqlReader()
    {
    }

    /// <summary>Why nothing of the text may be believed; null: it reads the same to every server of its dialect.</summary>
    public string? Flaw { get; private set; }

    /// <summary>Tokens in all: a bound on how deep a parser can get into it.</summary>
    public int Tokens { get; private set; }

    /// <summary>The statements between semicolons, those without a token left out.</summary>
    public List<SqlPart> Parts { get; } = [];

    /// <param name="text">SQL; UTF-8 or any character set that has ASCII in it.</param>
    /// <param name="dialect">Whose.</param>
    /// <param name="backslashEscapes">Whether a backslash escapes in a plain string, as far as is known.</param>
    public static SqlReader Read(ReadOnlySpan<byte> text, SqlDialect dialect, bool backslashEscapes)
    {
        var reader = new SqlReader();
        var lexer = new SqlLexer(text, dialect, backslashEscapes);
        var part = new SqlPart();
        for (var token = lexer.Next(); token.Kind != SqlTokenKind.End; token = lexer.Next())
        {
            reader.Tokens++;
            var bytes = text.Slice(token.Start, token.Length);
            if (token.Kind == SqlTokenKind.Symbol && bytes[0] == ';')
            {
                reader.Add(part);
                part = new SqlPart();
                continue;
            }

            part.Add(token.Kind, bytes);
        }

        reader.Add(part);
        reader.Flaw = lexer.Unterminated ? "a string, name or comment does not end"
            : lexer.Ambiguous ? "strings or comments that settings of the session can read otherwise" : null;
        return reader;
    }

    private void Add(SqlPart part)
    {
        if (part.Words.Count > 0)
            Parts.Add(part);
    }

    /// <summary>One statement's tokens.</summary>
    internal sealed class SqlPart
    {
        private readonly StringBuilder _normalized = new();
        private readonly Dictionary<int, string> _names = [];
        private int _literals;

        /// <summary>Every token: words in lower case, quoted names without their quotes, literals as <c>?</c>.</summary>
        public List<(SqlTokenKind Kind, string Text)> Words { get; } = [];

        public List<string> Literals { get; } = [];

        public string Normalized => _normalized.ToString();

        public string Word(int index) => index < Words.Count && Words[index].Kind == SqlTokenKind.Word ? Words[index].Text : "";

        /// <summary>Whether a token is a name, or may be one.</summary>
        public bool IsName(int index) => index < Words.Count
            && (Words[index].Kind is SqlTokenKind.Word or SqlTokenKind.QuotedName || _names.ContainsKey(index));

        /// <summary>The name that a token is.</summary>
        public string NameAt(int index) => _names.GetValueOrDefault(index) ?? Words[index].Text;

        public bool IsSymbol(int index, char symbol) =>
            index >= 0 && index < Words.Count && Words[index].Kind == SqlTokenKind.Symbol && Words[index].Text[0] == symbol;

        public void Add(SqlTokenKind kind, ReadOnlySpan<byte> bytes)
        {
            var text = Encoding.UTF8.GetString(bytes);
            switch (kind)
            {
                case SqlTokenKind.Word:
                    text = text.ToLowerInvariant();
                    break;
                case SqlTokenKind.QuotedName:
                    text = text.Length >= 2 ? text[1..^1] : "";
                    break;
                case SqlTokenKind.String or SqlTokenKind.Number:
                    if (_literals < MaxLiterals)
                        Literals.Add(text.Length <= MaxLiteral ? text : text[..MaxLiteral]);
                    _literals += 1 + Math.Min(text.Length, MaxLiteral);
                    // To a session of MySQL's with ANSI_QUOTES it is a name.
                    if (bytes[0] == '"')
                        _names[Words.Count] = text.Trim('"');
                    text = "?";
                    break;
                case SqlTokenKind.Parameter:
                    text = "?";
                    break;
            }

            Words.Add((kind, text));
            Append(kind == SqlTokenKind.QuotedName ? Encoding.UTF8.GetString(bytes) : text);
        }

        // Lists of literals are one question mark, however long: IN (?) is one statement.
        private void Append(string text)
        {
            if (text == "?" && EndsWith("? ,"))
            {
                _normalized.Length -= 2;
                return;
            }

            if (_normalized.Length > 0)
                _normalized.Append(' ');
            _normalized.Append(text);
        }

        private bool EndsWith(string end)
        {
            if (_normalized.Length < end.Length)
                return false;
            for (var i = 0; i < end.Length; i++)
                if (_normalized[_normalized.Length - end.Length + i] != end[i])
                    return false;
            return true;
        }
    }
}
