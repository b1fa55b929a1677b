using Tosec.Engines.Ips.Model;
using Tosec.Engines.Ips.State;

namespace Tosec.Engines.Ips.Parsing;

/// <summary>A rule while its options are read, one after the other. One thread.</summary>
internal sealed class RuleBuilder(RuleContext context)
{
    private readonly List<Section> _sections = [new(BufferKind.Payload)];
    private readonly Dictionary<string, int> _variables = new(StringComparer.Ordinal);
    private Section? _current;
    private ContentStep? _content;
    private Base64Step? _base64;
    private bool _inBase64;

    public RuleContext Context { get; } = context;

    public long Sid { get; set; }

    public long Gid { get; set; } = 1;

    public long Revision { get; set; } = 1;

    public string Message { get; set; } = "";

    public string? Class { get; set; }

    public int? Priority { get; set; }

    public Sides Sides { get; set; } = Sides.Both;

    public bool Silent { get; set; }

    public bool PerMessage { get; set; }

    public List<FlowBitOperation> FlowBits { get; } = [];

    public ThresholdSpec? Threshold { get; set; }

    public ThresholdSpec? DetectionFilter { get; set; }

    public IReadOnlyList<Section> Sections => _sections;

    public int Variables => _variables.Count;

    /// <summary>The content that a modifier is about.</summary>
    public ContentStep Content(string keyword) => _content ?? throw new RuleException(keyword, "no content before it");

    /// <summary>What follows looks into this buffer.</summary>
    public void Select(BufferKind kind, Sides sides, string keyword)
    {
        Narrow(sides, keyword);
        _inBase64 = false;
        _content = null;
        _current = new Section(kind);
        _sections.Add(_current);
    }

    /// <summary>What follows looks into the bytes that <c>base64_decode</c> made.</summary>
    public void SelectBase64()
    {
        if (_base64 is null) throw new RuleException("base64_data", "no base64_decode before it");
        _inBase64 = true;
        _content = null;
    }

    /// <summary>Changes the buffer selected last before it is looked at.</summary>
    public void Transform(Transform transform, string keyword)
    {
        var section = Current;
        if (section.Kind == BufferKind.Payload || _inBase64) throw new RuleException(keyword, "no buffer before it");
        if (section.Steps.Count > 0) throw new RuleException(keyword, "behind what looks into its buffer");
        section.Transforms.Add(transform);
    }

    public void Add(Step step)
    {
        (_inBase64 ? _base64!.Inner : Current.Steps).Add(step);
        if (step is ContentStep content) _content = content;
        if (step is Base64Step base64)
        {
            if (_inBase64) throw new RuleException("base64_decode", "inside base64_data");
            _base64 = base64;
        }
    }

    /// <summary>Adds a step that is about a buffer of its own, whatever is selected.</summary>
    public void Add(Step step, BufferKind kind, Sides sides, string keyword)
    {
        Narrow(sides, keyword);
        SectionOf(kind).Steps.Add(step);
    }

    /// <summary>The older spelling: the last content looks into this buffer instead.</summary>
    public void MoveContent(BufferKind kind, Sides sides, string keyword)
    {
        var content = Content(keyword);
        if (Current.Kind != BufferKind.Payload || _inBase64) throw new RuleException(keyword, "inside another buffer");
        if (!Current.Steps.Remove(content)) throw new RuleException(keyword, "the content has a buffer already");
        Narrow(sides, keyword);
        SectionOf(kind).Steps.Add(content);
    }

    /// <summary>The index of a variable that a step makes.</summary>
    public int Declare(string name, string keyword)
    {
        if (name.Length == 0 || !char.IsAsciiLetter(name[0])) throw new RuleException(keyword, $"\"{name}\" is no name");
        if (!_variables.TryAdd(name, _variables.Count)) throw new RuleException(keyword, $"{name} is there already");
        return _variables[name];
    }

    /// <summary>A number, or the name of a variable that an earlier step makes.</summary>
    public Operand Operand(string keyword, string text, long least = int.MinValue, long most = uint.MaxValue)
    {
        text = text.Trim();
        if (text.Length == 0 || !char.IsAsciiLetter(text[0])) return new Operand(Values.Number(keyword, text, least, most));
        return _variables.TryGetValue(text, out var variable)
            ? new Operand(0, variable) : throw new RuleException(keyword, $"{text} is no number and no variable");
    }

    /// <summary>The rule is about these sides only.</summary>
    public void Narrow(Sides sides, string keyword)
    {
        Sides &= sides;
        if (Sides == Sides.None) throw new RuleException(keyword, "the rule is about the other direction");
    }

    /// <summary>The buffer that is selected.</summary>
    public BufferKind Selected => Current.Kind;

    private Section Current => _current ??= _sections[0];

    private Section SectionOf(BufferKind kind)
    {
        foreach (var section in _sections)
            if (section.Kind == kind && section.Transforms.Count == 0) return section;
        var made = new Section(kind);
        _sections.Add(made);
        return made;
    }

    /// <summary>What a rule asks of one buffer, as far as it is read.</summary>
    internal sealed class Section(BufferKind kind)
    {
        public BufferKind Kind { get; } = kind;

        public List<Transform> Transforms { get; } = [];

        public List<Step> Steps { get; } = [];
    }
}
