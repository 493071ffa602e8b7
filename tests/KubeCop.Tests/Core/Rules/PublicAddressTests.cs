using System.Net;
using CsCheck;
using KubeCop.Core.Rules.Matching;
using KubeCop.Testing;

namespace KubeCop.Tests.Core.Rules;

public sealed class PublicAddressTests
{
    [Theory]
    [InlineData("1.1.1.1", true)]
    [InlineData("9.255.255.255", true)]
    [InlineData("10.0.0.0", false)]
    [InlineData("10.255.255.255", false)]
    [InlineData("11.0.0.0", true)]
    [InlineData("100.63.255.255", true)]
    [InlineData("100.64.0.0", false)]
    [InlineData("100.127.255.255", false)]
    [InlineData("100.128.0.0", true)]
    [InlineData("127.0.0.1", false)]
    [InlineData("169.254.169.254", false)]
    [InlineData("172.15.255.255", true)]
    [InlineData("172.16.0.0", false)]
    [InlineData("172.31.255.255", false)]
    [InlineData("172.32.0.0", true)]
    [InlineData("192.0.0.8", false)]
    [InlineData("192.0.1.0", true)]
    [InlineData("192.0.2.1", false)]
    [InlineData("192.167.255.255", true)]
    [InlineData("192.168.1.1", false)]
    [InlineData("198.18.0.1", false)]
    [InlineData("198.20.0.0", true)]
    [InlineData("203.0.113.9", false)]
    [InlineData("223.255.255.255", true)]
    [InlineData("224.0.0.1", false)]
    [InlineData("240.0.0.1", false)]
    [InlineData("255.255.255.255", false)]
    [InlineData("0.0.0.0", false)]
    [InlineData("2606:4700:4700::1111", true)]
    [InlineData("2a00::", true)]
    [InlineData("::", false)]
    [InlineData("::1", false)]
    [InlineData("fe80::1", false)]
    [InlineData("fe80::1%2", false)]
    [InlineData("fc00::1", false)]
    [InlineData("fdff:ffff::1", false)]
    [InlineData("fec0::1", false)]
    [InlineData("ff02::1", false)]
    [InlineData("2001:db8::1", false)]
    [InlineData("2001:db7:ffff::1", true)]
    [InlineData("2001:db9::1", true)]
    [InlineData("2001::1", false)]
    [InlineData("2001:1ff:ffff::1", false)]
    [InlineData("2001:200::1", true)]
    [InlineData("3fff:fff::1", false)]
    [InlineData("3fff:1000::1", true)]
    [InlineData("4000::1", false)]
    [InlineData("::ffff:8.8.8.8", true)]
    [InlineData("::ffff:10.0.0.1", false)]
    [InlineData("64:ff9b::8.8.8.8", true)]
    [InlineData("64:ff9b::a00:1", false)]
    [InlineData("64:ff9b:1::808:808", false)]
    [InlineData("2002:808:808::1", true)]
    [InlineData("2002:a00:1::1", false)]
    [InlineData("", false)]
    [InlineData("example.com", false)]
    [InlineData("1.2.3", false)]
    [InlineData("1.2.3.4.5", false)]
    [InlineData("1.2.3.256", false)]
    [InlineData(":::", false)]
    [InlineData("2a00:::1", false)]
    [InlineData("2a00::1::2", false)]
    [InlineData("2a00:0:0:0:0:0:0:0:1", false)]
    [InlineData("2a00:12345::", false)]
    [InlineData("2a00", false)]
    public void Is_Address_OnlyOfTheInternet(string address, bool isPublic) => Assert.Equal(isPublic, PublicAddress.Is(address));

    /// <summary>However .NET writes an address: with the same bits set it is the same.</summary>
    [Fact]
    public void Is_AnyV6AsWritten_ReadsEveryBit() => Gen.Byte.Array[16].Sample(static bytes =>
    {
        bytes[0] = 0x2a;
        var inside = PublicAddress.Is(new IPAddress(bytes).ToString());
        bytes[0] = 0xfd;
        return inside && !PublicAddress.Is(new IPAddress(bytes).ToString());
    });

    [Fact]
    public void Is_AllocatesNothing()
    {
        string[] addresses = ["8.8.8.8", "10.0.0.1", "2606:4700:4700::1111", "::ffff:8.8.8.8", "fd00::1", "no address"];
        Look();
        Assert.Equal(0, Allocations.Of(Look));

        void Look()
        {
            for (var round = 0; round < 1000; round++)
            {
                foreach (var address in addresses)
                {
                    PublicAddress.Is(address);
                }
            }
        }
    }
}
