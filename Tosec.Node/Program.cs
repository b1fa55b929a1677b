using Tosec.Node.CommandLine;
using Tosec.Node.Hosting;

return (int)await TosecCommandLine.RunAsync(args, RoleTable.Shipped).ConfigureAwait(false);
