using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using KubeCop.Core.Events;

namespace KubeCop.Sensor.Decoding;

/// <summary>
/// A DNS message of the wire (RFC 1035, section 4). A container chooses every byte of it: whatever does not fit is left out, nothing loops
/// and nothing is read twice.
/// </summary>
internal static class DnsMessage
{
    private const int Header = 12;
    private const int MaxAddresses = 64;

    /// <summary>RFC 1035, section 3.1: the longest name, and so the most labels it can have.</summary>
    private const int MaxName = 255;

    private const byte Inet = 2;
    private const byte Inet6 = 10;

    private static readonly string[] Outcomes =
        ["NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN", "YXRRSET", "NXRRSET", "NOTAUTH", "NOTZONE"];

    /// <summary>Reads what <c>struct kc_dns</c> has behind its head, and the message behind it.</summary>
    /// <returns>Null when it holds no question.</returns>
    public static DnsDetails? Decode(ReadOnlySpan<byte> bytes)
    {
        var record = default(DnsRecord);
        var tail = Unsafe.SizeOf<DnsRecord>() - Unsafe.SizeOf<EventHead>();
        bytes[..tail].CopyTo(MemoryMarshal.AsBytes(new Span<DnsRecord>(ref record))[Unsafe.SizeOf<EventHead>()..]);
        var message = bytes[tail..];
        if (message.Length < Header || Read(message, 4) == 0)
        {
            return null;
        }

        var at = Header;
        if (Name(message, ref at) is not { } name || at + 4 > message.Length)
        {
            return null;
        }

        var type = Read(message, at);
        at += 4;
        var isAnswer = (message[2] & 0x80) != 0;
        var outcome = message[3] & 0xf;
        return new DnsDetails(
            name,
            TypeName(type),
            isAnswer,
            !isAnswer ? "" : outcome < Outcomes.Length ? Outcomes[outcome] : $"RCODE{outcome.ToString(CultureInfo.InvariantCulture)}",
            isAnswer ? Addresses(message, at, Math.Max(Read(message, 4) - 1, 0), Read(message, 6)) : [],
            NetworkText.Protocol(record.Protocol),
            NetworkText.Address(record.Family, record.Address).ToString());
    }

    private static int Read(ReadOnlySpan<byte> message, int at) => BinaryPrimitives.ReadUInt16BigEndian(message[at..]);

    private static List<string> Addresses(ReadOnlySpan<byte> message, int at, int furtherQuestions, int answers)
    {
        var addresses = new List<string>();
        for (var question = 0; question < furtherQuestions; question++)
        {
            if (!SkipName(message, ref at) || (at += 4) > message.Length)
            {
                return addresses;
            }
        }

        for (var answer = 0; answer < answers && addresses.Count < MaxAddresses; answer++)
        {
            // Type, class, time to live, length of the data.
            if (!SkipName(message, ref at) || at + 10 > message.Length)
            {
                break;
            }

            var (type, length) = (Read(message, at), Read(message, at + 8));
            at += 10;
            if (at + length > message.Length)
            {
                break;
            }

            if (type == 1 && length == 4)
            {
                addresses.Add(NetworkText.Address(Inet, message.Slice(at, 4)).ToString());
            }
            else if (type == 28 && length == 16)
            {
                addresses.Add(NetworkText.Address(Inet6, message.Slice(at, 16)).ToString());
            }

            at += length;
        }

        return addresses;
    }

    private static bool SkipName(ReadOnlySpan<byte> message, ref int at)
    {
        while (at < message.Length)
        {
            var length = message[at];
            switch (length)
            {
                case 0:
                    at++;
                    return true;
                case >= 0xc0:
                    at += 2;
                    return at <= message.Length;
                case > 63:
                    return false;
                default:
                    at += length + 1;
                    break;
            }
        }

        return false;
    }

    /// <summary>A question's name, which is never compressed, in lower case and without the final dot. Bytes that a name should not have are written <c>\DDD</c>.</summary>
    private static string? Name(ReadOnlySpan<byte> message, ref int at)
    {
        var name = new StringBuilder();
        var start = at;
        while (at < message.Length && at - start < MaxName)
        {
            var length = message[at++];
            if (length == 0)
            {
                return name.Length == 0 ? "." : name.ToString();
            }

            if (length > 63 || at + length > message.Length)
            {
                return null;
            }

            if (name.Length > 0)
            {
                name.Append('.');
            }

            foreach (var value in message.Slice(at, length))
            {
                var letter = char.ToLowerInvariant((char)value);
                if (value < 128 && (char.IsAsciiLetterOrDigit(letter) || letter is '-' or '_'))
                {
                    name.Append(letter);
                }
                else
                {
                    // RFC 1035, section 5.1
                    name.Append(CultureInfo.InvariantCulture, $"\\{value:000}");
                }
            }

            at += length;
        }

        return null;
    }

    // The registry of "Domain Name System (DNS) Parameters" at IANA.
    private static string TypeName(int type) => type switch
    {
        1 => "A",
        2 => "NS",
        5 => "CNAME",
        6 => "SOA",
        10 => "NULL",
        12 => "PTR",
        15 => "MX",
        16 => "TXT",
        28 => "AAAA",
        33 => "SRV",
        35 => "NAPTR",
        41 => "OPT",
        43 => "DS",
        48 => "DNSKEY",
        64 => "SVCB",
        65 => "HTTPS",
        252 => "AXFR",
        255 => "ANY",
        257 => "CAA",
        _ => $"TYPE{type.ToString(CultureInfo.InvariantCulture)}",
    };
}
