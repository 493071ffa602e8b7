using KubeCop.Core.Malware;
using KubeCop.Scanning;

namespace KubeCop.Tests.Scanning;

public sealed class ScanScheduleTests
{
    private static readonly DateTimeOffset Noon = new(2026, 5, 6, 12, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData("0 3 * * *", 0, "2026-05-07T03:00:00Z")]
    [InlineData("0 3 * * *", 1, "2026-05-07T03:15:00Z")]
    [InlineData("*/20 * * * *", 1, "2026-05-06T12:22:00Z")]
    [InlineData("@daily", 0, "2026-05-07T00:00:00Z")]
    [InlineData("30 4 * * SUN", 0.5, "2026-05-10T04:37:30Z")]
    public void NextAfter_Cron_IsItsNextTimeInUtcAndALittleLater(string cron, double delay, string expected)
    {
        Assert.True(ScanSchedule.TryParse(cron, out var schedule, out var mistake), mistake);

        Assert.Equal(DateTimeOffset.Parse(expected, System.Globalization.CultureInfo.InvariantCulture), schedule.NextAfter(Noon, delay));
        Assert.False(schedule.BeginsAtOnce);
    }

    [Fact]
    public void NextAfter_Interval_IsUpToATenthLater()
    {
        var schedule = ScanSchedule.Every(TimeSpan.FromHours(1));

        Assert.Equal(Noon.AddMinutes(60), schedule.NextAfter(Noon, delay: 0));
        Assert.Equal(Noon.AddMinutes(66), schedule.NextAfter(Noon, delay: 1));
        Assert.Equal(TimeSpan.FromHours(1), schedule.Period(Noon));
    }

    [Fact]
    public void NextAfter_OnDemand_IsNever()
    {
        Assert.Null(ScanSchedule.OnDemand.NextAfter(Noon, delay: 0));
        Assert.True(ScanSchedule.Every(TimeSpan.Zero).IsOnDemand, "an interval of zero is for scans on demand");
    }

    [Theory]
    [InlineData("nonsense")]
    [InlineData("61 * * * *")]
    [InlineData("* * * *")]
    [InlineData("0 0 30 2 *")]
    public void FindMistake_NoSchedule_NamesTheSettingAndTheForm(string cron)
    {
        var mistake = new MalwareOptions { Schedule = cron }.FindMistake();

        Assert.Contains("KubeCop:Malware:Schedule", mistake, StringComparison.Ordinal);
        Assert.Contains(cron, mistake, StringComparison.Ordinal);
        Assert.Contains("0 3 * * *", mistake, StringComparison.Ordinal);
    }

    [Fact]
    public void FindMistake_Schedule_IsAccepted() => Assert.Null(new MalwareOptions { Schedule = "0 3 * * 1-5" }.FindMistake());
}
