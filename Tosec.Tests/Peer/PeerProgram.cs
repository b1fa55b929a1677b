using Tosec.Node.CommandLine;
using Tosec.Node.Configuration;
using Tosec.Node.Hosting;
using Tosec.Tests.VirtualMachines;

namespace Tosec.Tests.Peer;

/// <summary>
/// <c>dotnet Tosec.Tests.dll node -c FILE</c>: the <c>tosec</c> program with a role that needs nothing, for tests of what every node
/// does. The test runner does not use this entry point.
/// </summary>
internal static class PeerProgram
{
    public static async Task<int> Main(string[] args)
    {
        if (ShmPeer.IsMeant(args))
            return ShmPeer.Run(args);
        if (ContractPeer.IsMeant(args))
            return ContractPeer.Run(args);
        if (GuestPeer.IsMeant(args))
            return GuestPeer.Run(args);
        if (ClientPeer.IsMeant(args))
            return await ClientPeer.RunAsync(args);
        var roles = new RoleTable();
        foreach (var role in Enum.GetValues<NodeRole>())
            roles.Add(role, static _ => new TestRole());
        return (int)await TosecCommandLine.RunAsync(args, roles);
    }
}
