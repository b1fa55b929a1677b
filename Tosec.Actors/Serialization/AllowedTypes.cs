using Hyperion;

namespace Tosec.Actors.Serialization;

/// <summary>
/// Hyperion's type filter over a closed list. Hyperion asks with its short name when it reads and with the assembly-qualified name
/// when it writes; its own filter knows the first only and would refuse to write what it lists.
/// </summary>
internal sealed class AllowedTypes : ITypeFilter
{
    private readonly HashSet<string> _names = new(StringComparer.Ordinal);

    public AllowedTypes(IEnumerable<Type> types)
    {
        var builder = TypeFilterBuilder.Create();
        foreach (var type in types)
        {
            builder = builder.Include(type);
            _names.Add(type.AssemblyQualifiedName!);
        }

        _names.UnionWith(builder.Build().FilteredTypes);
    }

    public bool IsAllowed(string typeName) => _names.Contains(typeName);
}
