using System.Globalization;

namespace KubeCop.Core.Rules.Matching;

/// <summary>Whether an address is one of the internet, rather than of a network of one's own or of none. Allocates nothing.</summary>
internal static class PublicAddress
{
    // "IANA IPv4 Special-Purpose Address Registry": not globally reachable. Multicast and class E follow from 224.0.0.0/3.
    private static readonly (uint Prefix, int Length)[] SpecialV4 =
    [
        (V4(0, 0, 0, 0), 8), // RFC 791, this network
        (V4(10, 0, 0, 0), 8), // RFC 1918
        (V4(100, 64, 0, 0), 10), // RFC 6598, shared by carriers, and by clusters
        (V4(127, 0, 0, 0), 8), // RFC 1122, loopback
        (V4(169, 254, 0, 0), 16), // RFC 3927, link-local; metadata services of clouds
        (V4(172, 16, 0, 0), 12), // RFC 1918
        (V4(192, 0, 0, 0), 24), // RFC 6890, protocol assignments
        (V4(192, 0, 2, 0), 24), // RFC 5737, documentation
        (V4(192, 88, 99, 0), 24), // RFC 7526, deprecated relays
        (V4(192, 168, 0, 0), 16), // RFC 1918
        (V4(198, 18, 0, 0), 15), // RFC 2544, benchmarking
        (V4(198, 51, 100, 0), 24), // RFC 5737, documentation
        (V4(203, 0, 113, 0), 24), // RFC 5737, documentation
        (V4(224, 0, 0, 0), 3), // RFC 1112: multicast, reserved, broadcast
    ];

    // "IANA IPv6 Special-Purpose Address Registry", within 2000::/3 (RFC 4291), outside of which nothing is global unicast.
    private static readonly (UInt128 Prefix, int Length)[] SpecialV6 =
    [
        (V6(0x2001, 0), 23), // RFC 2928, protocol assignments, among them Teredo, ORCHID and benchmarking
        (V6(0x2001, 0xdb8), 32), // RFC 3849, documentation
        (V6(0x3fff, 0), 20), // RFC 9637, documentation
    ];

    private static readonly UInt128 Nat64 = V6(0x64, 0xff9b);
    private static readonly UInt128 SixToFour = V6(0x2002, 0);

    /// <param name="address">IPv4 or IPv6 as <see cref="System.Net.IPAddress"/> writes it.</param>
    /// <returns>False also for what is no address.</returns>
    public static bool Is(ReadOnlySpan<char> address)
    {
        if (!address.Contains(':'))
        {
            return TryParseV4(address, out var v4) && IsPublic(v4);
        }

        // A zone makes it an address of a link.
        return !address.Contains('%') && TryParseV6(address, out var v6) && IsPublic(v6);
    }

    private static bool IsPublic(uint address)
    {
        foreach (var (prefix, length) in SpecialV4)
        {
            if ((address ^ prefix) >> (32 - length) == 0)
            {
                return false;
            }
        }

        return true;
    }

    private static bool IsPublic(UInt128 address)
    {
        // Those that stand for an IPv4 address: mapped (RFC 4291), NAT64 (RFC 6052), 6to4 (RFC 3056).
        if (address >> 32 == 0xffff || (address ^ Nat64) >> 32 == 0)
        {
            return IsPublic((uint)address);
        }

        if ((address ^ SixToFour) >> 112 == 0)
        {
            return IsPublic((uint)(address >> 80));
        }

        if (address >> 125 != 1)
        {
            return false;
        }

        foreach (var (prefix, length) in SpecialV6)
        {
            if ((address ^ prefix) >> (128 - length) == 0)
            {
                return false;
            }
        }

        return true;
    }

    private static bool TryParseV4(ReadOnlySpan<char> text, out uint address)
    {
        address = 0;
        var parts = 0;
        foreach (var range in text.Split('.'))
        {
            if (++parts > 4 || !byte.TryParse(text[range], NumberStyles.None, CultureInfo.InvariantCulture, out var part))
            {
                return false;
            }

            address = address << 8 | part;
        }

        return parts == 4;
    }

    private static bool TryParseV6(ReadOnlySpan<char> text, out UInt128 address)
    {
        address = 0;
        var gap = text.IndexOf("::", StringComparison.Ordinal);
        if (gap < 0)
        {
            return TryParseGroups(text, out address, out var all) && all == 8;
        }

        if (!TryParseGroups(text[..gap], out var front, out var before) || !TryParseGroups(text[(gap + 2)..], out var back, out var behind) || before + behind > 7)
        {
            return false;
        }

        address = before == 0 ? back : front << (16 * (8 - before)) | back;
        return true;
    }

    private static bool TryParseGroups(ReadOnlySpan<char> text, out UInt128 address, out int groups)
    {
        (address, groups) = (0, 0);
        if (text.IsEmpty)
        {
            return true;
        }

        foreach (var range in text.Split(':'))
        {
            var group = text[range];
            if (group.Contains('.') && range.End.GetOffset(text.Length) == text.Length && TryParseV4(group, out var v4))
            {
                address = address << 32 | v4;
                groups += 2;
            }
            else if (group.Length is > 0 and <= 4 && ushort.TryParse(group, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value))
            {
                address = address << 16 | value;
                groups++;
            }
            else
            {
                return false;
            }

            if (groups > 8)
            {
                return false;
            }
        }

        return true;
    }

    private static uint V4(byte a, byte b, byte c, byte d) => (uint)(a << 24 | b << 16 | c << 8 | d);

    private static UInt128 V6(ushort first, ushort second) => (UInt128)((uint)first << 16 | second) << 96;
}
