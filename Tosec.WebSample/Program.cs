using System.Net;
using Tosec.AspNetCore;
using Tosec.Transport.Shm.Client;

// An ASP.NET Core server in a guest, on TOSEC sockets, and an HttpClient on them that it uses itself:
//
//     Tosec.WebSample AGENT SERVE-HALF-CLOSED ADDRESS:PORT...
//
// It tells on standard error what its callers cannot see.
if (args.Length < 3 || !bool.TryParse(args[1], out var serveHalfClosed))
{
    Console.Error.WriteLine("usage: Tosec.WebSample AGENT-SOCKET true|false ADDRESS:PORT...");
    return 2;
}

var builder = WebApplication.CreateSlimBuilder();
builder.Logging.ClearProviders();
builder.WebHost.UseTosec(options =>
{
    options.Agent = args[0];
    options.ServeHalfClosed = serveHalfClosed;
});
builder.WebHost.ConfigureKestrel(kestrel =>
{
    kestrel.Limits.MaxRequestBodySize = null;
    foreach (var endPoint in args[2..])
        kestrel.Listen(IPEndPoint.Parse(endPoint));
});
await using var app = builder.Build();
using var client = new HttpClient(new SocketsHttpHandler { ConnectCallback = TosecHttp.ConnectAsync });

app.MapGet("/hello", (HttpContext context) => $"hello {context.Connection.RemoteIpAddress}\n");
app.MapPost("/echo", (HttpContext context) => context.Request.Body.CopyToAsync(context.Response.Body, context.RequestAborted));
app.MapGet("/fetch", (string url, HttpContext context) => client.GetStringAsync(url, context.RequestAborted));
app.MapGet("/abort", (HttpContext context) => context.Abort());
app.MapGet("/slow", async () =>
{
    Console.Error.WriteLine("slow begun");
    await Task.Delay(500);
    return "slow but whole\n";
});
app.MapGet("/wait", async (HttpContext context) =>
{
    Console.Error.WriteLine("waiting");
    await Task.Delay(Timeout.Infinite, context.RequestAborted).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    Console.Error.WriteLine("wait aborted");
});
app.MapGet("/endless", async (HttpContext context) =>
{
    var block = new byte[64 << 10];
    try
    {
        while (true)
            await context.Response.Body.WriteAsync(block, context.RequestAborted);
    }
    finally
    {
        Console.Error.WriteLine("endless ended");
    }
});

await app.StartAsync();
Console.Error.WriteLine("listening");
await app.WaitForShutdownAsync();
return 0;
