using System.Net;

namespace KubeCop.Host.Configuration;

/// <summary>The HTTP endpoints. Section <c>KubeCop:Http</c>.</summary>
internal sealed class HttpOptions
{
    public const string Section = "KubeCop:Http";

    /// <summary>
    /// Where to listen, <c>address:port</c>; port 0 takes a free one. On loopback everybody on this machine may read; elsewhere everything
    /// but health needs a token. Default: 127.0.0.1:9090.
    /// </summary>
    public string Address { get; set; } = "127.0.0.1:9090";

    /// <summary>
    /// Names by which the endpoints may be asked for besides the machine's own, <c>localhost</c> and any IP address, as that of a Kubernetes
    /// service. Requests for others are refused with 421. Default: empty.
    /// </summary>
    public IList<string> AllowedHosts { get; } = [];

    /// <summary>
    /// A certificate, and those between it and its authority, in PEM form; with it and <see cref="KeyFile"/> the endpoints speak HTTPS and nothing else. Both files
    /// are read again when they change. Default: empty, for plain HTTP.
    /// </summary>
    public string CertificateFile { get; set; } = "";

    /// <summary>The key of the certificate, in PEM form and not encrypted. Default: empty.</summary>
    public string KeyFile { get; set; } = "";

    public bool IsHttps => CertificateFile.Length > 0;

    /// <summary>
    /// Whether metrics can be read without a token also elsewhere than on loopback. They tell which rules and hooks there are and how many
    /// alerts, which whoever attacks likes to know. Default: false.
    /// </summary>
    public bool PublicMetrics { get; set; }

    /// <summary>
    /// Whom tokens of Kubernetes have to be made for (<c>audience</c> of a projected service account token). Default: empty, for those made for
    /// the API server, as every pod has one.
    /// </summary>
    public string TokenAudience { get; set; } = "";

    /// <exception cref="UsageException">The address is none.</exception>
    public IPEndPoint EndPoint => Parse(Address);

    /// <summary>Whether the text can be one of <see cref="AllowedHosts"/>.</summary>
    public static bool IsHostName(string text) => Uri.CheckHostName(text) == UriHostNameType.Dns;

    /// <exception cref="UsageException">The text is not <c>address:port</c>.</exception>
    public static IPEndPoint Parse(string text)
    {
        var number = text.StartsWith("localhost:", StringComparison.Ordinal) ? string.Concat("127.0.0.1", text.AsSpan("localhost".Length)) : text;

        // IPEndPoint.Parse takes an address without a port for port 0 and an IPv6 address's last group for a port.
        return number.LastIndexOf(':') is var colon and > 0
            && IPEndPoint.TryParse(number, out var endPoint)
            && int.TryParse(number.AsSpan(colon + 1), out var port) && port == endPoint.Port
            && (endPoint.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork || number[colon - 1] == ']')
            ? endPoint
            : throw new UsageException($"--http '{text}' is not an address to listen on; expected ADDRESS:PORT, for example 127.0.0.1:9090, [::1]:9090, or port 0 for a free one.");
    }
}
