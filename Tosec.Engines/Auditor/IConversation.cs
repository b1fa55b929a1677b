using Tosec.Actors.Inspection;

namespace Tosec.Engines.Auditor;

/// <summary>
/// Reads one connection's protocol. The client's bytes are given from the first undecided one on, again and with more behind them until
/// they are decided; the server's bytes once, in order.
/// </summary>
internal interface IConversation
{
    /// <summary>Nothing that was released awaits an answer, and the server's stream stands between two messages: an answer fits in.</summary>
    bool IsIdle { get; }

    /// <summary>By setting, nothing more is looked at: the connection is encrypted.</summary>
    bool IsOpaque { get; }

    /// <summary>The server speaks first, and what it says is changed: it is held until <see cref="Greeting"/> has decided.</summary>
    bool AwaitsGreeting => false;

    /// <summary>Decides on the server's first bytes, again and with more behind them until they are decided.</summary>
    Decision Greeting(ReadOnlySpan<byte> bytes) => Decision.More;

    /// <summary>Decides on the first unit of the client's that is complete. Must not be called with nothing.</summary>
    Decision Client(ReadOnlySpan<byte> bytes);

    /// <summary>Reads what the server says.</summary>
    /// <returns>Null, or why the connection has to end.</returns>
    string? Server(ReadOnlySpan<byte> bytes);
}

internal enum DecisionKind : byte
{
    /// <summary>The unit is not complete.</summary>
    More,
    Release,

    /// <summary>Take it out, answer when idle, go on.</summary>
    Refuse,

    /// <summary>End the connection.</summary>
    End,
}

/// <summary>What is to be done with the first bytes.</summary>
/// <param name="Kind">What.</param>
/// <param name="Count">How many bytes.</param>
/// <param name="Threat">An alert for <c>Release</c>; the reason for the others.</param>
/// <param name="Answer">To the client; made when its turn has come.</param>
/// <param name="Replacement">In place of what is refused.</param>
internal readonly record struct Decision(DecisionKind Kind, int Count, Threat? Threat, Func<byte[]>? Answer, ReadOnlyMemory<byte> Replacement)
{
    public static Decision More => default;

    public static Decision Release(int count, Threat? alert = null) => new(DecisionKind.Release, count, alert, null, default);

    public static Decision Refuse(int count, Threat? threat, Func<byte[]>? answer, ReadOnlyMemory<byte> replacement = default) =>
        new(DecisionKind.Refuse, count, threat, answer, replacement);

    public static Decision End(Threat threat, Func<byte[]>? answer) => new(DecisionKind.End, 0, threat, answer, default);
}
