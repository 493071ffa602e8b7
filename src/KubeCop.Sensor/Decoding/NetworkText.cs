using System.Globalization;
using System.Net;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using KubeCop.Core.Events;

namespace KubeCop.Sensor.Decoding;

/// <summary>Addresses and protocols as text.</summary>
internal static class NetworkText
{
    private const byte Inet = 2;

    public static IPAddress Address(byte family, ReadOnlySpan<byte> address) => new(family == Inet ? address[..4] : address);

    /// <summary>include/uapi/linux/in.h</summary>
    public static string Protocol(byte protocol) => protocol switch
    {
        1 => "icmp",
        6 => "tcp",
        17 => "udp",
        58 => "icmpv6",
        132 => "sctp",
        _ => protocol.ToString(CultureInfo.InvariantCulture),
    };

    /// <summary>Reads what <c>struct kc_network</c> has behind its head.</summary>
    public static NetworkDetails Details(ReadOnlySpan<byte> bytes)
    {
        var record = default(NetworkRecord);
        bytes.CopyTo(MemoryMarshal.AsBytes(new Span<NetworkRecord>(ref record))[Unsafe.SizeOf<EventHead>()..]);
        return new NetworkDetails((NetworkAction)record.Action, Protocol(record.Protocol), Address(record.Family, record.Address).ToString(), record.Port);
    }
}
