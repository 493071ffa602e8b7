using KubeCop.Scanning.Pressure;
using KubeCop.Testing;
using Microsoft.Extensions.Time.Testing;

namespace KubeCop.Tests.Scanning.Pressure;

public sealed class SystemPressureTests : IDisposable
{
    private readonly TestDirectory _directory = new();
    private readonly FakeTimeProvider _time = new();
    private readonly SystemPressure _pressure;

    public SystemPressureTests() =>
        _pressure = new SystemPressure(new PressureOptions { CpuPercent = 60, IoPercent = 40, LongestPause = TimeSpan.FromMinutes(5) }, _time, _directory.Path);

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Pause_WhereNothingIsKnown_NeverComes()
    {
        Assert.False(_pressure.ShouldPause());
        Assert.False(_pressure.Reading.IsKnown);
    }

    [Theory]
    [InlineData("59.99", "39.99", false)]
    [InlineData("60.00", "0.00", true)]
    [InlineData("0.00", "40.00", true)]
    public void Pause_FromALimitOn_Comes(string cpu, string io, bool pauses) => Assert.Equal(pauses, Look(cpu, io));

    [Fact]
    public void Pause_UntilWellBelowTheLimit_Lasts()
    {
        Assert.True(Look("80.00", "0.00"));
        Assert.True(Look("50.00", "0.00"));
        Assert.False(Look("44.99", "0.00"));
        Assert.False(Look("50.00", "0.00"));
    }

    [Fact]
    public void Pause_UnderEndlessPressure_LetsTheScanGoOnNowAndThen()
    {
        var running = Enumerable.Range(0, 3600).Count(_ => !Look("99.00", "99.00"));

        // A fifth of the longest pause after each: about a sixth of the time.
        Assert.InRange(running, 500, 700);
    }

    [Fact]
    public void Pressure_WithinASecond_IsReadOnce()
    {
        Assert.True(Look("80.00", "0.00"));
        Write("0.00", "0.00");

        Assert.True(_pressure.ShouldPause());
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.False(_pressure.ShouldPause());
    }

    [Theory]
    [InlineData("some avg10=1.23 avg60=4.00 avg300=5.00 total=6\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n", 1.23)]
    [InlineData("some avg10=0.00 avg60", 0.0)]
    [InlineData("", null)]
    [InlineData("some avg10=", null)]
    [InlineData("some avg10=x avg60=1.00", null)]
    [InlineData("full avg10=1.00 avg60=1.00", null)]
    public void Parse_OfAnyContent_TakesTheAverageOfTenSeconds(string content, double? percent) => Assert.Equal(percent, SystemPressure.Parse(content));

    [Fact]
    public void Options_OutOfRange_AreMistakes()
    {
        Assert.Null(new PressureOptions().FindMistake());
        Assert.Contains("IoPercent", new PressureOptions { IoPercent = 101 }.FindMistake(), StringComparison.Ordinal);
        Assert.Contains("CpuPercent", new PressureOptions { CpuPercent = double.NaN }.FindMistake(), StringComparison.Ordinal);
        Assert.Contains("LongestPause", new PressureOptions { LongestPause = TimeSpan.Zero }.FindMistake(), StringComparison.Ordinal);
    }

    private bool Look(string cpu, string io)
    {
        Write(cpu, io);
        _time.Advance(TimeSpan.FromSeconds(1));
        return _pressure.ShouldPause();
    }

    private void Write(string cpu, string io)
    {
        foreach (var (name, percent) in ((string, string)[])[("cpu", cpu), ("io", io)])
        {
            File.WriteAllText(_directory.Combine(name), $"some avg10={percent} avg60=0.00 avg300=0.00 total=1\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n");
        }
    }
}
