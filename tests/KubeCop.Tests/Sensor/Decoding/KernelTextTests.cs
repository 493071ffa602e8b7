using KubeCop.Sensor.Decoding;

namespace KubeCop.Tests.Sensor.Decoding;

public sealed class KernelTextTests
{
    [Theory]
    [InlineData(new byte[] { (byte)'/', 0xc3, 0xa4 }, "/ä")]
    [InlineData(new byte[] { (byte)'/', 0xff, (byte)'a' }, @"/\xffa")]
    [InlineData(new byte[] { 0xed, 0xa0, 0x80 }, @"\xed\xa0\x80")]
    [InlineData(new byte[] { 0xc3 }, @"\xc3")]
    [InlineData(new byte[] { (byte)'a', (byte)'\n', 0x1b }, "a\n\u001b")]
    [InlineData(new byte[0], "")]
    public void Decode_AnyBytes_KeepsTextAndMarksTheRest(byte[] bytes, string expected) => Assert.Equal(expected, KernelText.Decode(bytes));

    [Fact]
    public void Decode_DifferentBytes_NeverGiveTheSameText()
    {
        byte[][] all = [.. from first in AllBytes() from second in AllBytes() select new[] { first, second }, [.. @"\xff"u8], [.. @"\x5cxff"u8], [0xff]];

        Assert.Equal(all.Length, all.Select(static bytes => KernelText.Decode(bytes)).Distinct(StringComparer.Ordinal).Count());
    }

    private static IEnumerable<byte> AllBytes() => Enumerable.Range(0, 256).Select(static value => (byte)value);
}
