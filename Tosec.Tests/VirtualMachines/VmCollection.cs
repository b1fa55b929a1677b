namespace Tosec.Tests.VirtualMachines;

/// <summary>Tests with virtual machines run one after another, and beside no other test: emulation takes all the CPU there is.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class VmCollection : ICollectionFixture<VmFixture>
{
    public const string Name = "vm";

    /// <summary>Skips the test where QEMU is not installed (<c>scripts/packages/vm</c>).</summary>
    public static void RequireQemu()
    {
        foreach (var program in new[] { "qemu-system-x86_64", "cpio" })
            Skip.IfNot(File.Exists("/usr/bin/" + program), $"{program} is not installed: scripts/packages/vm");
    }
}
