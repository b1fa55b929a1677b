using Tosec.Node.Configuration;
using Tosec.Node.Hosting.Roles;

namespace Tosec.Node.Hosting;

/// <summary>Makes a role; takes nothing that needs releasing before <see cref="INodeRole.StartAsync"/>.</summary>
public delegate INodeRole RoleFactory(NodeSettings settings);

/// <summary>The roles this program can play.</summary>
public sealed class RoleTable
{
    private readonly Dictionary<NodeRole, RoleFactory> _factories = [];

    /// <summary>Those that the <c>tosec</c> program is shipped with.</summary>
    public static RoleTable Shipped { get; } = new RoleTable()
        .Add(NodeRole.Host, static _ => new HostRole())
        .Add(NodeRole.Tovm, static _ => new TovmRole())
        .Add(NodeRole.Svm, static _ => new SvmRole())
        .Add(NodeRole.Guest, static _ => new GuestRole());

    /// <exception cref="ArgumentException">The role has a factory already.</exception>
    public RoleTable Add(NodeRole role, RoleFactory factory)
    {
        _factories.Add(role, factory);
        return this;
    }

    /// <exception cref="NodeStartException">The program has nothing for this role.</exception>
    public INodeRole Create(NodeSettings settings) =>
        _factories.TryGetValue(settings.Role, out var factory)
            ? factory(settings)
            : throw new NodeStartException($"this program has no role {settings.Role.ToString().ToLowerInvariant()} built in");
}
