using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace KubeCop.Tests.Host.Http;

/// <summary>Sends a request as it is written: .NET's client makes paths neat before it sends them.</summary>
internal static class RawRequest
{
    /// <param name="target">What is between the method and the version.</param>
    /// <returns>The status.</returns>
    public static async Task<int> SendAsync(Uri server, string method, string target, string? token, CancellationToken cancellationToken)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(server.Host, server.Port, cancellationToken);
        var stream = client.GetStream();
        var request = $"{method} {target} HTTP/1.1\r\nHost: {server.Authority}\r\nConnection: close\r\nContent-Length: 0\r\n"
            + (token is null ? "" : $"Authorization: Bearer {token}\r\n") + "\r\n";
        await stream.WriteAsync(Encoding.ASCII.GetBytes(request), cancellationToken);
        using var reader = new StreamReader(stream, Encoding.ASCII);
        return await reader.ReadLineAsync(cancellationToken) is { } line && line.Split(' ') is [_, var status, ..]
            ? int.Parse(status, CultureInfo.InvariantCulture)
            : throw new InvalidDataException($"{method} {target} had no answer.");
    }

    /// <summary>A path in all the ways in which a server might take it for the same, and some in which it might not.</summary>
    public static IEnumerable<string> Variants(Uri server, string path)
    {
        var last = path.LastIndexOf('/');
        var (parent, name) = (path[..last], path[(last + 1)..]);
        return
        [
            path, $"{path}/", $"{path}//", $"{path}/.", $"{path}/x/..", $"{path}%2f", $"{path}%2e", $"{path};x", $"{path}?x=/healthz/live", $"{path}#x",
            $"/{path}", $"{parent}//{name}", $"{parent}/./{name}", $"{parent}/x/../{name}", $"{parent}/%2e/{name}", $"{parent}/x/%2e%2e/{name}", $"{parent}%2f{name}", $"{parent}%5c{name}",
            $"/.{path}", $"/healthz/live/../..{path}", $"/dashboard/sign-in/../..{path}", $"/healthz/live/%2e%2e/%2e%2e{path}",
            path.ToUpperInvariant(), $"{parent}/{name.ToUpperInvariant()}", path.Replace("/", "//", StringComparison.Ordinal), path.Replace("/", "%2F", StringComparison.Ordinal),
            name.Length > 0 ? $"{parent}/%{(int)name[0]:x2}{name[1..]}" : path, $"{server.GetLeftPart(UriPartial.Authority)}{path}", $"http://localhost{path}",
        ];
    }
}
