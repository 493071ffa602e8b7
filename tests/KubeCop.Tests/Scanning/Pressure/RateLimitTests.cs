using KubeCop.Scanning.Pressure;
using Microsoft.Extensions.Time.Testing;

namespace KubeCop.Tests.Scanning.Pressure;

public sealed class RateLimitTests
{
    private readonly FakeTimeProvider _time = new();

    [Fact]
    public void Take_WithoutLimits_NeverWaits()
    {
        var limit = new RateLimit(0, 0, _time);

        Assert.All(Enumerable.Range(0, 1000), _ => Assert.Equal(TimeSpan.Zero, limit.Take(long.MaxValue / 2)));
    }

    [Fact]
    public void Take_OfManyFiles_HoldsThemToTheRate()
    {
        var limit = new RateLimit(100, 0, _time);
        for (var i = 0; i < 500; i++)
        {
            _time.Advance(limit.Take(0));
        }

        Assert.Equal(4.99, (_time.GetUtcNow() - _time.Start).TotalSeconds, 0.05);
    }

    [Fact]
    public void Take_OfALargeFile_MakesTheNextOneWait()
    {
        var limit = new RateLimit(0, 1000, _time);

        Assert.Equal(TimeSpan.Zero, limit.Take(5000));
        Assert.Equal(5, limit.Take(long.MaxValue).TotalSeconds, 0.001);
        Assert.Equal(65, limit.Take(1).TotalSeconds, 0.001);
    }

    [Fact]
    public void Take_AfterALongRest_GetsOneSecondAtOnce()
    {
        var limit = new RateLimit(10, 0, _time);
        _time.Advance(TimeSpan.FromHours(1));

        Assert.All(Enumerable.Range(0, 11), _ => Assert.Equal(TimeSpan.Zero, limit.Take(0)));
        Assert.True(limit.Take(0) > TimeSpan.Zero, "a rest of an hour is worth more than a second");
    }

    [Fact]
    public async Task Wait_OverTheRate_EndsInTime()
    {
        var limit = new RateLimit(1, 0, _time);
        await limit.WaitAsync(0, TestContext.Current.CancellationToken);
        var second = limit.WaitAsync(0, TestContext.Current.CancellationToken);

        Assert.False(second.IsCompleted);
        _time.Advance(TimeSpan.FromSeconds(1));
        await second;
    }
}
