using KubeCop.Sensor.Decoding;
using KubeCop.Testing;

namespace KubeCop.Tests.Sensor.Decoding;

public sealed class KernelClockTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(-1)]
    public async Task ToUtc_ClockSet_Follows(int hours)
    {
        var time = new SettableClock(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
        var clock = new KernelClock(time);
        Assert.Equal(time.GetUtcNow(), Now(), TimeSpan.FromSeconds(20));

        time.Set(TimeSpan.FromHours(hours));

        await Wait.UntilAsync(Now, now => (now - time.GetUtcNow()).Duration() < TimeSpan.FromMinutes(10), "time of the clock that was set");

        DateTimeOffset Now() => clock.ToUtc(KernelClock.Now());
    }
}
