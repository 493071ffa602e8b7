using KubeCop.Grains;
using KubeCop.Testing;

namespace KubeCop.Tests.Grains;

public sealed class SteppedClockTests
{
    private static readonly TimeSpan Hour = TimeSpan.FromHours(1);

    private readonly SettableClock _time = new(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));

    [Fact]
    public void Look_TimePasses_IsNoStep()
    {
        var clock = new SteppedClock(_time);
        _time.Advance(Hour);

        Assert.Equal(_time.GetUtcNow(), clock.Look(out var step));
        Assert.Equal(TimeSpan.Zero, step);
    }

    [Theory]
    [InlineData(24)]
    [InlineData(-24)]
    public void Look_ClockSet_TellsTheStepOnce(int hours)
    {
        var clock = new SteppedClock(_time);
        _time.Advance(Hour);
        _time.Set(TimeSpan.FromHours(hours));

        clock.Look(out var step);
        clock.Look(out var next);

        Assert.Equal((TimeSpan.FromHours(hours), TimeSpan.Zero), (step, next));
    }

    [Fact]
    public void Backoff_ClockSetBack_IsDueAllTheSame()
    {
        var backoff = new Backoff();
        backoff.Failed(_time);
        Assert.False(backoff.IsDue(_time), "It is due at once.");

        _time.Set(-Hour);
        _time.Advance(TimeSpan.FromSeconds(1));

        Assert.True(backoff.IsDue(_time), "It waits for the time it failed at.");
    }
}
