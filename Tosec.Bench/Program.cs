using Tosec.Bench.CommandLine;

return (int)await BenchCommandLine.RunAsync(args);
