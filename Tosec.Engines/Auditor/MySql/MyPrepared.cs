using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Tosec.Engines.Auditor.Policy;

namespace Tosec.Engines.Auditor.MySql;

/// <summary>Prepared statements of one connection, by the server's number. Bounded.</summary>
internal sealed class MyPrepared(int limit)
{
    private const int MaxParameters = 64;
    private const int MaxParameter = 256;

    private readonly Dictionary<uint, Prepared> _statements = [];
    private static readonly IReadOnlyList<Statement> _unknown = [Statement.Of(StatementClass.Unknown, "a statement that was not prepared in view")];
    private uint _last;

    /// <summary>The statements that the server was asked to prepare last.</summary>
    public IReadOnlyList<Statement> Asked { get; set; } = _unknown;

    /// <summary>The server has prepared what was asked. False: there are too many.</summary>
    public bool Answered(uint id, int parameters)
    {
        _statements[id] = new Prepared(Asked, parameters);
        _last = id;
        return _statements.Count <= limit;
    }

    public void Close(uint id) => _statements.Remove(id);

    public void Clear() => _statements.Clear();

    /// <summary>Reads COM_STMT_EXECUTE.</summary>
    /// <returns>False: it is malformed. A statement that is not known is one of class unknown.</returns>
    public bool TryRun(ReadOnlySpan<byte> body, out IReadOnlyList<Statement> statements, out IReadOnlyList<string?> parameters)
    {
        statements = _unknown;
        parameters = [];
        if (body.Length < 9) return false;
        var id = BinaryPrimitives.ReadUInt32LittleEndian(body);
        // MariaDB's -1 is the last one that was prepared.
        if (!_statements.TryGetValue(id == uint.MaxValue ? _last : id, out var prepared)) return true;
        statements = prepared.Statements;
        if (prepared.Parameters == 0) return true;
        var nulls = (prepared.Parameters + 7) / 8;
        var rest = body[9..];
        if (rest.Length < nulls + 1) return false;
        var isNull = rest[..nulls];
        var bound = rest[nulls] == 1;
        rest = rest[(nulls + 1)..];
        if (bound)
        {
            if (rest.Length < prepared.Parameters * 2) return false;
            prepared.Types = rest[..(prepared.Parameters * 2)].ToArray();
            rest = rest[(prepared.Parameters * 2)..];
        }

        if (prepared.Types is { } types) parameters = Values(rest, isNull, types, prepared.Parameters);
        return true;
    }

    // Stops where a value is not there (it came as long data) or of a type that is not read.
    private static List<string?> Values(ReadOnlySpan<byte> rest, ReadOnlySpan<byte> isNull, byte[] types, int count)
    {
        var values = new List<string?>();
        for (var i = 0; i < count && values.Count < MaxParameters; i++)
        {
            if ((isNull[i / 8] & 1 << i % 8) != 0)
            {
                values.Add(null);
                continue;
            }

            var size = types[i * 2] switch { 1 => 1, 2 or 13 => 2, 3 or 9 or 4 => 4, 8 or 5 => 8, _ => 0 };
            if (size > 0)
            {
                if (rest.Length < size) break;
                values.Add(Number(types[i * 2], rest[..size]));
                rest = rest[size..];
                continue;
            }

            if (!MyPackets.TryTakeInteger(ref rest, out var length) || length > (ulong)rest.Length) break;
            values.Add(Encoding.UTF8.GetString(rest[..Math.Min((int)length, MaxParameter)]));
            rest = rest[(int)length..];
        }

        return values;
    }

    private static string Number(byte type, ReadOnlySpan<byte> bytes) => type switch
    {
        1 => ((sbyte)bytes[0]).ToString(CultureInfo.InvariantCulture),
        2 or 13 => BinaryPrimitives.ReadInt16LittleEndian(bytes).ToString(CultureInfo.InvariantCulture),
        4 => BinaryPrimitives.ReadSingleLittleEndian(bytes).ToString(CultureInfo.InvariantCulture),
        5 => BinaryPrimitives.ReadDoubleLittleEndian(bytes).ToString(CultureInfo.InvariantCulture),
        8 => BinaryPrimitives.ReadInt64LittleEndian(bytes).ToString(CultureInfo.InvariantCulture),
        _ => BinaryPrimitives.ReadInt32LittleEndian(bytes).ToString(CultureInfo.InvariantCulture),
    };

    private sealed class Prepared(IReadOnlyList<Statement> statements, int parameters)
    {
        public IReadOnlyList<Statement> Statements { get; } = statements;

        public int Parameters { get; } = parameters;

        /// <summary>Of the parameters, as they were bound last: two bytes each.</summary>
        public byte[]? Types { get; set; }
    }
}
