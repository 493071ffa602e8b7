using System.Net;
using System.Net.Sockets;

namespace KubeCop.Host.Http;

/// <summary>Whose requests and connections count together.</summary>
internal static class ClientNetwork
{
    /// <returns>An IPv4 address; of IPv6 the network of 64 bits, in which a machine has as many addresses as it likes (RFC 4291, 2.5.4).</returns>
    public static string Of(IPAddress? address) => address switch
    {
        null => "",
        { IsIPv4MappedToIPv6: true } => address.MapToIPv4().ToString(),
        { AddressFamily: AddressFamily.InterNetworkV6 } => Convert.ToHexString(address.GetAddressBytes().AsSpan(0, 8)),
        _ => address.ToString(),
    };
}
