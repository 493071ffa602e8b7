using KubeCop.Host.Configuration;

namespace KubeCop.Tests.Host.Configuration;

public sealed class DurationTests
{
    [Theory]
    [InlineData("90s", 90)]
    [InlineData("15m", 900)]
    [InlineData("12h", 43200)]
    [InlineData("1h30m", 5400)]
    [InlineData("1d2h3m4s", 93784)]
    [InlineData("0s", 0)]
    [InlineData("007s", 7)]
    [InlineData("366d", 31622400)]
    public void TryParse_Duration_Reads(string text, int seconds)
    {
        Assert.True(Duration.TryParse(text, out var duration));
        Assert.Equal(TimeSpan.FromSeconds(seconds), duration);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("90")]
    [InlineData("s")]
    [InlineData("-5s")]
    [InlineData("+5s")]
    [InlineData("1.5h")]
    [InlineData("15 m")]
    [InlineData(" 15m")]
    [InlineData("15m ")]
    [InlineData("15M")]
    [InlineData("15min")]
    [InlineData("5m5m")]
    [InlineData("30m1h")]
    [InlineData("1h30")]
    [InlineData("367d")]
    [InlineData("366d1s")]
    [InlineData("99999999999999999999s")]
    [InlineData("2147483648s")]
    [InlineData("1٣s")]
    [InlineData("banana")]
    public void TryParse_Nonsense_Refuses(string? text) => Assert.False(Duration.TryParse(text, out _));

    [Theory]
    [InlineData(0, "0s")]
    [InlineData(90, "1m30s")]
    [InlineData(5400, "1h30m")]
    [InlineData(86400, "1d")]
    public void Format_Duration_CanBeReadAgain(int seconds, string text)
    {
        Assert.Equal(text, Duration.Format(TimeSpan.FromSeconds(seconds)));
        Assert.True(Duration.TryParse(text, out var duration));
        Assert.Equal(seconds, duration.TotalSeconds);
    }
}
