using System.Diagnostics;
using Tosec.Tests.Peer;

namespace Tosec.Tests.EndToEnd;

/// <summary>Programs that make their system calls past the C library's loader: Go's, and statically linked ones.</summary>
[Collection(SiteCollection.Name)]
public sealed class AllSyscallsTests(Site site)
{
    private const string StaticClient = """
        #include <arpa/inet.h>
        #include <stdio.h>
        #include <stdlib.h>
        #include <string.h>
        #include <unistd.h>
        int main(int argc, char **argv) {
            struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[2]))};
            inet_pton(AF_INET, argv[1], &to.sin_addr);
            int fd = socket(AF_INET, SOCK_STREAM, 0);
            if (connect(fd, (struct sockaddr *)&to, sizeof to) != 0) return perror("connect"), 3;
            dprintf(fd, "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: static\r\nAccept: */*\r\nConnection: close\r\n\r\n", argv[3], argv[1]);
            char bytes[4096];
            for (ssize_t n; (n = read(fd, bytes, sizeof bytes)) > 0;) fwrite(bytes, 1, n, stdout);
            return 0;
        }
        """;

    [SkippableFact]
    public async Task A_web_server_in_Go_is_reached_through_its_chain_and_a_client_in_Go_reaches_it()
    {
        var web = await BuildGo();
        var server = site.StartSupervised("alice", web, "serve", $"{site.Alice}:{Site.WebPort}", $"{site.Alice}:{Site.CountedPort}");
        await Site.Listening(server, site.Alice, Site.WebPort);
        await Site.Listening(server, site.Alice, Site.CountedPort);
        var url = $"http://{site.Alice}:{Site.WebPort}";

        var page = await site.RunOutside("curl", "-sS", "-m", "20", $"{url}/");
        Assert.StartsWith("go from ", page.Output, StringComparison.Ordinal);
        var attack = await site.RunOutside("curl", "-sS", "-m", "20", "-o", "/dev/null", "-w", "%{http_code}", $"{url}/?id=1'%20OR%20'1'='1");
        Assert.Equal("403", attack.Output);
        var client = await Site.EndOf(site.StartSupervised("bob", web, "get", $"http://{site.Alice}:{Site.CountedPort}", "20"));
        Assert.Equal((0, "done 20\n"), (client.Code, client.Output));

        await site.EndsClean(server);
    }

    [Fact]
    public async Task A_static_program_is_inspected_and_a_refused_connection_told()
    {
        var program = await BuildStatic();
        File.WriteAllText(site["www/static.html"], "to a static program\n");
        var server = site.Start("alice", "python3", "-m", "http.server", "--bind", site.Alice, $"{Site.WebPort}");
        await Site.Listening(server, site.Alice, Site.WebPort);

        var page = await Site.EndOf(site.StartSupervised("bob", program, site.Alice, $"{Site.WebPort}", "/static.html"));
        Assert.Equal(0, page.Code);
        Assert.EndsWith("\r\n\r\nto a static program\n", page.Output, StringComparison.Ordinal);
        var attack = await Site.EndOf(site.StartSupervised("bob", program, site.Alice, $"{Site.WebPort}", "/?id=1'%20OR%20'1'='1"));
        Assert.StartsWith("HTTP/1.1 403 ", attack.Output, StringComparison.Ordinal);
        await site.EndsClean(server);

        var refused = await Site.EndOf(site.StartSupervised("bob", program, site.Alice, $"{Site.WebPort}", "/"));
        Assert.Equal((3, "connect: Connection refused\n"), (refused.Code, refused.Errors));
        var denied = await Site.EndOf(site.StartSupervised("bob", program, "192.0.2.1", "80", "/"));
        Assert.Equal((3, "connect: Permission denied\n"), (denied.Code, denied.Errors));
        await site.IsClean(socketsLeft: 0);
    }

    [Fact]
    public async Task A_killed_supervisor_leaves_nothing()
    {
        var server = site.StartSupervised("alice", "python3", "-m", "http.server", "--bind", site.Alice, $"{Site.BarePort}");
        await Site.Listening(server, site.Alice, Site.BarePort);
        server.Kill(); // the supervisor alone: the program ends with it
        await server.WaitForExitAsync();
        await site.IsClean(socketsLeft: 0);
    }

    [Fact]
    public async Task A_supervised_program_ends_tosec_run_with_its_exit_code()
    {
        Assert.Equal(42, (await Site.EndOf(site.StartSupervised("bob", "sh", "-c", "exit 42"))).Code);
        Assert.Equal(143, (await Site.EndOf(site.StartSupervised("bob", "sh", "-c", "kill $$"))).Code);
        Assert.Equal(127, (await Site.EndOf(site.StartSupervised("bob", "no-such-program"))).Code);
    }

    private Task<string> BuildStatic()
    {
        File.WriteAllText(site["static.c"], StaticClient);
        return Build("gcc", site["static"], null, "-static", "-o", site["static"], site["static.c"]);
    }

    private async Task<string> BuildGo()
    {
        var version = await TryAsync("go", "version");
        Skip.If(version is null, "no Go compiler is installed (package golang-go)");
        return await Build("go", site["web"], site["go-cache"], "build", "-o", site["web"], Path.Combine(AppContext.BaseDirectory, "EndToEnd", "Programs", "web.go"));
    }

    private static async Task<string> Build(string compiler, string made, string? cache, params string[] arguments)
    {
        var start = new ProcessStartInfo(compiler, arguments) { RedirectStandardError = true };
        if (cache is not null)
        {
            start.Environment["GOCACHE"] = cache;
            start.Environment["GO111MODULE"] = "off";
            start.Environment["CGO_ENABLED"] = "0";
        }

        using var process = Process.Start(start)!;
        var errors = await process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync().WaitAsync(TosecProcess.Patience);
        Assert.True(process.ExitCode == 0, errors);
        return made;
    }

    private static async Task<string?> TryAsync(string program, string argument)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(program, argument) { RedirectStandardOutput = true })!;
            return await process.StandardOutput.ReadToEndAsync();
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null;
        }
    }
}
