namespace Tosec.Node.VirtualMachines;

/// <summary>Plugs a guest's devices into a running VM (QEMU docs/qdev-device-use, qapi/char.json).</summary>
internal static class HotPlug
{
    /// <param name="qmp">To the VM's QEMU.</param>
    /// <param name="device">With a doorbell; its bridge is there from the start.</param>
    /// <exception cref="QmpException">QEMU refuses; nothing of the device is left behind.</exception>
    public static async Task AddAsync(QmpClient qmp, GuestDevice device)
    {
        await qmp.ExecuteAsync("chardev-add", new
        {
            id = device.Id,
            backend = new
            {
                type = "socket",
                data = new { addr = new { type = "unix", data = new { path = device.Path } }, server = false },
            },
        }).ConfigureAwait(false);
        try
        {
            await qmp.ExecuteAsync("device_add", new
            {
                driver = "ivshmem-doorbell",
                id = device.Id,
                chardev = device.Id,
                vectors = device.Vectors,
                bus = QemuCommandLine.PortOf(device),
            }).ConfigureAwait(false);
        }
        catch (QmpException refusal) when (refusal.IsRefusal)
        {
            await qmp.ExecuteAsync("chardev-remove", new { id = device.Id }).ConfigureAwait(false);
            throw;
        }
    }
}
