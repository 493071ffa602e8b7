using System.Threading.Channels;
using Microsoft.Extensions.Time.Testing;

namespace KubeCop.Testing;

/// <summary>
/// A fake clock on which time passes only while somebody pauses, by just as long as he does. So hours of trying take as long as the tries
/// themselves, and no try runs out of time because the machine is slow. For one who pauses at a time.
/// </summary>
/// <param name="longest">Longer timers are no pauses, but patience with an answer, which never ends here.</param>
public sealed class PauseClock(DateTimeOffset start, TimeSpan longest) : FakeTimeProvider(start)
{
    private readonly Channel<TimeSpan> _pauses = Channel.CreateUnbounded<TimeSpan>();

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = base.CreateTimer(callback, state, dueTime, period);
        if (dueTime > TimeSpan.Zero && dueTime <= longest)
        {
            _pauses.Writer.TryWrite(dueTime);
        }

        return timer;
    }

    /// <summary>Waits until somebody pauses, and lets that time pass.</summary>
    /// <returns>How long that was.</returns>
    /// <exception cref="TimeoutException">Nobody pauses.</exception>
    public async Task<TimeSpan> PassAsync()
    {
        var pause = await _pauses.Reader.ReadAsync().AsTask().WaitAsync(Wait.DefaultTimeout);
        Advance(pause);
        return pause;
    }

    /// <summary>Lets time pass, pause by pause, until something has ended.</summary>
    public async Task PassUntilAsync(Task ended)
    {
        while (!ended.IsCompleted)
        {
            // Whatever comes first; a pause that is not passed is passed by the next call.
            var pauses = _pauses.Reader.WaitToReadAsync().AsTask();
            await Task.WhenAny(ended, pauses).WaitAsync(Wait.DefaultTimeout);
            if (pauses.IsCompleted && _pauses.Reader.TryRead(out var pause))
            {
                Advance(pause);
            }
        }
    }
}
