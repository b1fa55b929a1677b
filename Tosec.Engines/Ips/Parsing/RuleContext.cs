using Tosec.Engines.Ips.State;

namespace Tosec.Engines.Ips.Parsing;

/// <summary>What the rules of one set share while they are read: numbers of flow bits, sets of data, classes. One thread.</summary>
internal sealed class RuleContext(RuleVariables variables, IReadOnlyDictionary<string, RuleClass> classes)
{
    private const int MaxFlowBits = 4096;
    private const int DatasetCapacity = 1_000_000;

    private readonly Dictionary<string, int> _flowBits = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Dataset> _datasets = new(StringComparer.Ordinal);

    public HeaderParser Header { get; } = new(variables);

    public IReadOnlyDictionary<string, RuleClass> Classes { get; } = classes;

    /// <summary>Folder of the file that is being read: what it names is beside it.</summary>
    public string Folder { get; set; } = ".";

    public int FlowBits => _flowBits.Count;

    public int FlowBit(string name)
    {
        if (_flowBits.TryGetValue(name, out var bit)) return bit;
        if (_flowBits.Count == MaxFlowBits) throw new RuleException("flowbits", $"more than {MaxFlowBits} names");
        return _flowBits[name] = _flowBits.Count;
    }

    /// <summary>The set of this name; read from <paramref name="load"/> when it is new and that is not null.</summary>
    public Dataset Dataset(string name, DatasetType? type, string? load)
    {
        if (_datasets.TryGetValue(name, out var known))
        {
            return type is null || known.Type == type
                ? known : throw new RuleException("dataset", $"{name} has another type in an earlier rule");
        }

        var made = new Dataset(
            name, type ?? throw new RuleException("dataset", $"{name} has no type yet"), DatasetCapacity);
        if (load is not null)
        {
            try
            {
                made.Load(Path.Combine(Folder, load));
            }
            catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or FormatException or ArgumentException)
            {
                throw new RuleException("dataset", failure.Message);
            }
        }

        return _datasets[name] = made;
    }
}

/// <summary>What a rule's <c>classtype</c> stands for.</summary>
/// <param name="Description">For people.</param>
/// <param name="Priority">1 (most severe) to 255.</param>
internal sealed record RuleClass(string Description, int Priority);
