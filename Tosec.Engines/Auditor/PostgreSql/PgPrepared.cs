using System.Buffers.Binary;
using System.Text;
using Tosec.Engines.Auditor.Policy;
using Tosec.Engines.Auditor.Sql;

namespace Tosec.Engines.Auditor.PostgreSql;

/// <summary>What is judged as one: the statements of a unit, and those of them that it runs, with their parameters.</summary>
internal sealed class PgUnit
{
    public List<Statement> Statements { get; } = [];

    public List<(Statement Statement, IReadOnlyList<string?> Parameters)> Executions { get; } = [];

    public PgUnit With(IReadOnlyList<Statement> statements)
    {
        Statements.AddRange(statements);
        foreach (var statement in statements) Executions.Add((statement, []));
        return this;
    }
}

/// <summary>Prepared statements and portals of one connection, by name (PostgreSQL documentation, 55.2.3). Bounded.</summary>
internal sealed class PgPrepared(int limit)
{
    private const int MaxParameters = 64;
    private const int MaxParameter = 256;

    private readonly Dictionary<string, IReadOnlyList<Statement>> _statements = [];
    private readonly Dictionary<string, (IReadOnlyList<Statement> Statements, IReadOnlyList<string?> Parameters)> _portals = [];

    private static readonly IReadOnlyList<Statement> _unknown = [Statement.Of(StatementClass.Unknown, "a statement that was not prepared in view")];

    /// <summary>Takes a message of the extended protocol into a unit.</summary>
    /// <returns>Null, or what is wrong with it.</returns>
    public string? Take(byte type, ReadOnlySpan<byte> body, PgUnit unit)
    {
        var taken = (char)type switch
        {
            'P' => Parse(body, unit),
            'B' => Bind(body),
            'E' => Execute(body, unit),
            'C' => Close(body),
            _ => body.Length >= 2,
        };
        return !taken ? "a malformed message of an extended query"
            : _statements.Count + _portals.Count > limit ? "more prepared statements and portals than prepared-limit" : null;
    }

    private bool Parse(ReadOnlySpan<byte> body, PgUnit unit)
    {
        if (!PgText.TryTake(ref body, out var name)) return false;
        var end = body.IndexOf((byte)0);
        if (end < 0 || body.Length - end < 3) return false;
        var statements = SqlJudge.Judge(body[..end], SqlDialect.PostgreSql, backslashEscapes: false);
        _statements[name] = statements;
        unit.Statements.AddRange(statements);
        return true;
    }

    private bool Bind(ReadOnlySpan<byte> body)
    {
        if (!PgText.TryTake(ref body, out var portal) || !PgText.TryTake(ref body, out var name)) return false;
        if (body.Length < 2) return false;
        var formats = BinaryPrimitives.ReadUInt16BigEndian(body);
        body = body[2..];
        if (body.Length < formats * 2 + 2) return false;
        var format = body[..(formats * 2)];
        body = body[(formats * 2)..];
        var count = BinaryPrimitives.ReadUInt16BigEndian(body);
        body = body[2..];
        var parameters = new List<string?>();
        for (var i = 0; i < count; i++)
        {
            if (body.Length < 4) return false;
            var length = BinaryPrimitives.ReadInt32BigEndian(body);
            body = body[4..];
            if (length < -1 || length > body.Length) return false;
            var isBinary = formats > 0 && format[(formats == 1 ? 0 : Math.Min(i, formats - 1)) * 2 + 1] != 0;
            if (parameters.Count < MaxParameters) parameters.Add(length < 0 ? null : Shown(body[..length], isBinary));
            body = body[Math.Max(length, 0)..];
        }

        _portals[portal] = (_statements.GetValueOrDefault(name, _unknown), parameters);
        return true;
    }

    private bool Execute(ReadOnlySpan<byte> body, PgUnit unit)
    {
        if (!PgText.TryTake(ref body, out var portal) || body.Length != 4) return false;
        var (statements, parameters) = _portals.GetValueOrDefault(portal, (_unknown, []));
        // Judged again: it may be another time of the day than when it was prepared.
        unit.Statements.AddRange(statements.Where(s => !unit.Statements.Contains(s)));
        foreach (var statement in statements) unit.Executions.Add((statement, parameters));
        return true;
    }

    private bool Close(ReadOnlySpan<byte> body)
    {
        if (body.IsEmpty) return false;
        var kind = body[0];
        body = body[1..];
        if (!PgText.TryTake(ref body, out var name)) return false;
        if (kind == 'S') _statements.Remove(name);
        else _portals.Remove(name);
        return true;
    }

    private static string Shown(ReadOnlySpan<byte> value, bool isBinary)
    {
        var part = value[..Math.Min(value.Length, MaxParameter)];
        return isBinary ? "\\x" + Convert.ToHexStringLower(part) : Encoding.UTF8.GetString(part);
    }
}
