using Microsoft.Extensions.Time.Testing;

namespace KubeCop.Testing;

/// <summary>A fake clock that can be set as an administrator or a time server does: timers and timestamps know nothing of it.</summary>
public sealed class SettableClock(DateTimeOffset start) : FakeTimeProvider(start)
{
    private TimeSpan _step;

    public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + _step;

    // The base's is the wall clock's ticks.
    public override long GetTimestamp() => base.GetTimestamp() - _step.Ticks;

    public void Set(TimeSpan step) => _step += step;
}
