using System.Text;
using Tosec.Actors.Inspection;

namespace Tosec.Tests.Engines.Example;

/// <summary>Lets a client's lines pass, one that has the word in it excepted: that one ends the connection.</summary>
public sealed class LineGuard(string word) : INetworkSecuritySystem
{
    private readonly byte[] _word = Encoding.ASCII.GetBytes(word);

    public string Type => "line-guard";

    public string Description => "blocks lines by a word";

    public IStreamInspector Open(in StreamFacts facts) => new Inspector(_word, facts.Initiator);

    public void Dispose()
    {
    }

    private sealed class Inspector(byte[] word, StreamDirection client) : IStreamInspector
    {
        // All that is kept of a stream: what is longer cannot be judged, and does not pass.
        private readonly byte[] _line = new byte[1024];
        private int _length;
        private Threat? _found;

        public Verdict Inspect(StreamDirection direction, ReadOnlySpan<byte> payload)
        {
            if (direction != client) return Verdict.Pass;
            foreach (var b in payload) _found ??= Take(b);
            return Answer(whenIncomplete: Verdict.Hold);
        }

        public Verdict End(StreamDirection direction) =>
            direction != client ? Verdict.Pass : Answer(whenIncomplete: Verdict.Block(Because("the stream ends inside a line")));

        public Verdict HoldLimit(StreamDirection direction) =>
            direction != client ? Verdict.Pass : Answer(whenIncomplete: Verdict.Block(Because("the line is not completed in time")));

        public void Dispose()
        {
        }

        private Threat? Take(byte b)
        {
            if (_length == _line.Length) return Because("the line is too long");
            _line[_length++] = b;
            if (b != '\n') return null;
            var line = _line.AsSpan(0, _length);
            _length = 0;
            return line.IndexOf(word) < 0 ? null : Because("the line has the word in it");
        }

        private Verdict Answer(Verdict whenIncomplete) =>
            _found is { } found ? Verdict.Block(found) : _length > 0 ? whenIncomplete : Verdict.Pass;

        private static Threat Because(string reason) => new()
        { SignatureId = 1, Signature = reason, Category = "policy-violation", Severity = 2, Answer = "no\n"u8.ToArray() };
    }
}
