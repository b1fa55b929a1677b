using System.Text;
using Tosec.Engines.Ips.Model;

namespace Tosec.Engines.Ips.Parsing;

/// <summary>What was read of some rule files. Immutable.</summary>
/// <param name="Rules">In the order of the files.</param>
/// <param name="Problems">The rules that are not among them.</param>
/// <param name="FlowBits">How many flow bits the rules name.</param>
internal sealed record ReadRules(IReadOnlyList<Rule> Rules, IReadOnlyList<RuleProblem> Problems, int FlowBits);

/// <summary>Reads rule files and the file of classes.</summary>
internal static class RuleFiles
{
    /// <summary>
    /// Reads the files; what cannot be honoured is among the problems. Blocks. Throws <see cref="IOException"/> or
    /// <see cref="UnauthorizedAccessException"/> when a file cannot be read, <see cref="InvalidDataException"/> when the file of
    /// classes is malformed.
    /// </summary>
    /// <param name="files">Paths of rule files.</param>
    /// <param name="classification">A <c>classification.config</c>; null: none.</param>
    /// <param name="variables">What the rules may name.</param>
    public static ReadRules Read(IEnumerable<string> files, string? classification, RuleVariables variables)
    {
        var context = new RuleContext(variables, classification is null ? new Dictionary<string, RuleClass>() : Classes(classification));
        var parser = new RuleParser(context);
        var rules = new List<Rule>();
        var problems = new List<RuleProblem>();
        var seen = new Dictionary<(long, long), Rule>();
        foreach (var file in files)
        {
            context.Folder = Path.GetDirectoryName(Path.GetFullPath(file))!;

            // Bytes, not characters: a content may hold any.
            foreach (var (line, text) in RuleText.Rules(File.ReadLines(file, Encoding.Latin1)))
            {
                var (rule, problem) = parser.Parse(file, line, text);
                if (rule is not null && !seen.TryAdd((rule.Info.Gid, rule.Info.Sid), rule))
                {
                    var first = seen[(rule.Info.Gid, rule.Info.Sid)].Info;
                    problem = new RuleProblem(file, line, rule.Info.Sid, "sid", $"is that of {first.File}:{first.Line} already");
                    rule = null;
                }

                if (rule is not null) rules.Add(rule);
                if (problem is not null) problems.Add(problem);
            }
        }

        return new ReadRules(rules, problems, context.FlowBits);
    }

    // config classification: name,description,priority
    private static Dictionary<string, RuleClass> Classes(string file)
    {
        const string Start = "config classification:";
        var classes = new Dictionary<string, RuleClass>(StringComparer.Ordinal);
        var number = 0;
        foreach (var line in File.ReadLines(file, Encoding.UTF8))
        {
            number++;
            var text = line.Trim();
            if (text.Length == 0 || text[0] == '#') continue;
            var parts = text.StartsWith(Start, StringComparison.Ordinal) ? text[Start.Length..].Split(',', StringSplitOptions.TrimEntries) : [];
            if (parts.Length != 3 || !byte.TryParse(parts[2], out var priority) || priority == 0)
                throw new InvalidDataException($"{file}:{number}: is not \"{Start} name,description,priority\"");
            classes[parts[0]] = new RuleClass(parts[1], priority);
        }

        return classes;
    }
}
