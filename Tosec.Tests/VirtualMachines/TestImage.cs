using System.Buffers.Binary;
using System.Text;
using Tosec.Node.VirtualMachines;
using Tosec.Tests.Peer;

namespace Tosec.Tests.VirtualMachines;

/// <summary>
/// An image whose kernel is some eighty bytes: it says on the serial port what the image's first program says, and resets the machine
/// when the power button is pressed. It boots in a second, emulated.
/// </summary>
internal static class TestImage
{
    private const int SetupBytes = 5 * 512;
    private const int Entry = 0x200;
    private const int Code = 0x268;

    /// <param name="directory">Where the image goes.</param>
    /// <param name="says">What the kernel says, once.</param>
    /// <param name="obeys">Whether it minds the power button.</param>
    /// <returns>Path of the image.</returns>
    public static string Make(TemporaryDirectory directory, string says = VmConsole.Ready + "\n", bool obeys = true)
    {
        var image = Directory.CreateDirectory(directory["image"]).FullName;
        File.WriteAllBytes(Path.Combine(image, VmImage.PackedKernel), Kernel(says, obeys));
        File.WriteAllBytes(Path.Combine(image, VmImage.FirstFileSystem), new byte[512]);
        File.WriteAllBytes(Path.Combine(image, VmImage.RootFileSystem), new byte[1 << 20]);
        return image;
    }

    // A kernel by the Linux/x86 boot protocol (Linux Documentation/x86/boot) whose set-up code never leaves real mode.
    private static byte[] Kernel(string says, bool obeys)
    {
        var kernel = new byte[SetupBytes + 512];
        kernel[0x1f1] = SetupBytes / 512 - 1;
        BinaryPrimitives.WriteUInt16LittleEndian(kernel.AsSpan(0x1fe), 0xaa55);
        kernel[Entry] = 0xeb;
        kernel[Entry + 1] = Code - Entry - 2;
        "HdrS"u8.CopyTo(kernel.AsSpan(0x202));
        BinaryPrimitives.WriteUInt16LittleEndian(kernel.AsSpan(0x206), 0x20c);
        kernel[0x211] = 1;
        BinaryPrimitives.WriteUInt32LittleEndian(kernel.AsSpan(0x22c), 0x0fffffff);
        byte[] code =
        [
            0x0e, 0x1f, // push cs; pop ds
            0xe8, 0x00, 0x00, // call next
            0x5e, // next: pop si
            0x83, 0xc6, 0x00, // add si, text - next (filled in below)
            0xba, 0xf8, 0x03, // mov dx, 0x3f8
            0xac, // say: lodsb
            0x84, 0xc0, // test al, al
            0x74, 0x03, // jz wait
            0xee, // out dx, al
            0xeb, 0xf8, // jmp say
            0xba, 0x02, 0x06, // wait: mov dx, PM1 enable (the firmware puts the registers of power management at 0x600)
            0xb8, 0x00, 0x01, // mov ax, power button
            0xef, // out dx, ax
            0xfb, 0xf4, // tick: sti; hlt, until the next tick of the clock
            0xba, 0x00, 0x06, // mov dx, PM1 status
            0xed, // in ax, dx
            0xf6, 0xc4, obeys ? (byte)0x01 : (byte)0x00, // test ah, power button
            0x74, 0xf5, // jz tick
            0xb0, 0xfe, // mov al, 0xfe
            0xe6, 0x64, // out 0x64, al: reset
            0xeb, 0xfe, // jmp here
        ];
        const int Next = 5;
        code[8] = (byte)(code.Length - Next);
        code.CopyTo(kernel, Code);
        Encoding.ASCII.GetBytes(says).CopyTo(kernel, Code + code.Length);
        return kernel;
    }
}
