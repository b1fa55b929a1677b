using System.Reflection;
using Tosec.Tests.Transport.Shm.Attachment;
using Tosec.Transport.Shm.Attachment;
using Tosec.Transport.Shm.Mapping;

namespace Tosec.Tests.VirtualMachines;

/// <summary>
/// <c>Tosec.Tests.dll vm-contract GUEST NUMBER HOST-NUMBER</c>, in a VM that has the devices of all parties: runs the contract of attachments, and
/// writes a line for each case, <c>passed NAME</c> or <c>failed NAME: why</c>.
/// </summary>
internal static class ContractPeer
{
    public static bool IsMeant(string[] args) => args.Length == 4 && args[0] == "vm-contract";

    public static int Run(string[] args)
    {
        var identity = new GuestIdentity(args[1], int.Parse(args[2], null), int.Parse(args[3], null));
        var failed = 0;
        foreach (var (name, method, arguments) in Cases())
        {
            try
            {
                method.Invoke(new PciContract(identity), arguments);
                Console.WriteLine($"passed {name}");
            }
            catch (TargetInvocationException failure)
            {
                failed++;
                Console.WriteLine($"failed {name}: {failure.InnerException!.ToString().ReplaceLineEndings(" | ")}");
            }
        }

        return failed == 0 ? 0 : 1;
    }

    /// <summary>Each test of the contract, each with the arguments it is to be called with.</summary>
    public static IEnumerable<(string Name, MethodInfo Method, object[] Arguments)> Cases()
    {
        foreach (var method in typeof(GuestAttachmentContract).GetMethods().Where(m => m.GetCustomAttribute<FactAttribute>() is not null).OrderBy(m => m.Name))
        {
            var rows = method.GetCustomAttributes<InlineDataAttribute>().SelectMany(a => a.GetData(method)).ToArray();
            foreach (var row in rows.Length == 0 ? [[]] : rows)
                yield return (row.Length == 0 ? method.Name : $"{method.Name}({string.Join(", ", row)})", method, row);
        }
    }

    private sealed class PciContract(GuestIdentity identity) : GuestAttachmentContract
    {
        private protected override GuestIdentity Identity => identity;

        private protected override IGuestAttachment Attach(string node) => PciAttachment.Connect(identity.Name, node, node != Guest);
    }
}
