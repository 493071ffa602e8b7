using KubeCop.Scanning.Clamd;

namespace KubeCop.Tests.Scanning.Clamd;

public sealed class ClamdAddressTests
{
    [Theory]
    [InlineData("unix:/run/clamav/clamd.ctl", true)]
    [InlineData("localhost:3310", false)]
    [InlineData("127.0.0.1:3310", false)]
    [InlineData("[::1]:3310", false)]
    public void TryParse_AnAddress_IsTakenAndShownAsTyped(string text, bool isLocal)
    {
        Assert.True(ClamdAddress.TryParse(text, out var address, out var mistake), mistake);
        Assert.Equal((isLocal, text, ""), (address.IsLocal, address.ToString(), mistake));
    }

    [Theory]
    [InlineData("")]
    [InlineData("unix:")]
    [InlineData("unix:relative.ctl")]
    [InlineData("localhost")]
    [InlineData("localhost:")]
    [InlineData(":3310")]
    [InlineData("localhost:0")]
    [InlineData("localhost:65536")]
    [InlineData("::1:3310")]
    [InlineData("[localhost]:3310")]
    [InlineData("two words:3310")]
    public void TryParse_AnythingElse_SaysWhatIsExpected(string text)
    {
        Assert.False(ClamdAddress.TryParse(text, out _, out var mistake));
        Assert.Contains($"'{text}'", mistake, StringComparison.Ordinal);
        Assert.Contains("HOST:PORT", mistake, StringComparison.Ordinal);
    }

    [Fact]
    public void TryParse_APathTooLongForASocket_IsRefused() => Assert.False(ClamdAddress.TryParse($"unix:/{new string('a', 107)}", out _, out _));

    [Fact]
    public void FindMistake_OfOptions_NamesTheOption()
    {
        Assert.Null(new ClamdOptions().FindMistake());
        Assert.StartsWith(nameof(ClamdOptions.MaxConnections), new ClamdOptions { MaxConnections = 0 }.FindMistake(), StringComparison.Ordinal);
        Assert.StartsWith(nameof(ClamdOptions.MaxFileBytes), new ClamdOptions { MaxFileBytes = 5L << 30 }.FindMistake(), StringComparison.Ordinal);
        Assert.StartsWith(nameof(ClamdOptions.ReplyTimeout), new ClamdOptions { ReplyTimeout = TimeSpan.Zero }.FindMistake(), StringComparison.Ordinal);
    }
}
