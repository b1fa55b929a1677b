using System.Text;

namespace Tosec.Tests.Engines.Waf;

/// <summary>Messages as clients and servers write them.</summary>
internal static class Http
{
    private const string Fields =
        "Host: shop.example\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\nAccept: text/html,*/*;q=0.8\r\n";

    public static string Get(string target, string fields = "") => $"GET {target} HTTP/1.1\r\n{Fields}{fields}\r\n";

    public static string Post(string target, string type, string body, string fields = "") =>
        $"POST {target} HTTP/1.1\r\n{Fields}Content-Type: {type}\r\nContent-Length: {Encoding.Latin1.GetByteCount(body)}\r\n{fields}\r\n{body}";

    public static string PostHead(string target, string type, string fields) =>
        $"POST {target} HTTP/1.1\r\n{Fields}Content-Type: {type}\r\n{fields}\r\n";

    public static string Form(string body) => Post("/form", "application/x-www-form-urlencoded", body);

    public static string Json(string body) => Post("/api", "application/json", body);

    public static string Chunked(string target, string type, params string[] chunks) =>
        PostHead(target, type, "Transfer-Encoding: chunked\r\n")
        + string.Concat(chunks.Select(c => $"{c.Length:x}\r\n{c}\r\n")) + "0\r\n\r\n";

    public static string Multipart(string boundary, string name, string fileName, string content) =>
        $"--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"{fileName}\"\r\n"
        + $"Content-Type: application/octet-stream\r\n\r\n{content}\r\n--{boundary}--\r\n";

    public static string Ok(string body, string type = "text/html", string fields = "") =>
        $"HTTP/1.1 200 OK\r\nContent-Type: {type}\r\nContent-Length: {Encoding.Latin1.GetByteCount(body)}\r\n{fields}\r\n{body}";
}
