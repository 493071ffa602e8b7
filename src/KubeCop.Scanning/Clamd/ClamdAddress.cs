using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace KubeCop.Scanning.Clamd;

/// <summary>Where a clamd listens: <c>unix:/run/clamav/clamd.ctl</c>, <c>HOST:PORT</c> or <c>[::1]:3310</c>.</summary>
internal sealed record ClamdAddress
{
    private const string UnixScheme = "unix:";

    // sun_path of unix(7) is 108 bytes with the zero that ends it.
    private const int MaxUnixPathBytes = 107;

    private readonly string _text;

    private ClamdAddress(string text, EndPoint endPoint) => (_text, EndPoint) = (text, endPoint);

    /// <summary>Whether it is a unix socket: then a file's descriptor can be given to clamd instead of its content.</summary>
    public bool IsLocal => EndPoint is UnixDomainSocketEndPoint;

    public EndPoint EndPoint { get; }

    /// <param name="mistake">What is wrong with the text and what is expected; empty when nothing is.</param>
    public static bool TryParse(string text, [NotNullWhen(true)] out ClamdAddress? address, out string mistake)
    {
        address = Parse(text) is { } endPoint ? new ClamdAddress(text, endPoint) : null;
        mistake = address is not null ? ""
            : $"'{text}' is no address of clamd; expected unix:/PATH (at most {MaxUnixPathBytes} bytes) or HOST:PORT, an IPv6 address in brackets.";
        return address is not null;
    }

    /// <returns>As it was typed.</returns>
    public override string ToString() => _text;

    private static EndPoint? Parse(string text)
    {
        if (text.StartsWith(UnixScheme, StringComparison.Ordinal))
        {
            var path = text[UnixScheme.Length..];
            return path.StartsWith('/') && !path.Contains('\0') && Encoding.UTF8.GetByteCount(path) <= MaxUnixPathBytes ? new UnixDomainSocketEndPoint(path) : null;
        }

        var colon = text.LastIndexOf(':');
        if (colon < 1 || !ushort.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port) || port == 0)
        {
            return null;
        }

        var host = text[..colon];
        if (host.StartsWith('[') && host.EndsWith(']'))
        {
            return IPAddress.TryParse(host[1..^1], out var address) && address.AddressFamily == AddressFamily.InterNetworkV6 ? new IPEndPoint(address, port) : null;
        }

        return Uri.CheckHostName(host) switch
        {
            UriHostNameType.IPv4 => new IPEndPoint(IPAddress.Parse(host), port),
            UriHostNameType.Dns => new DnsEndPoint(host, port),
            _ => null,
        };
    }
}
