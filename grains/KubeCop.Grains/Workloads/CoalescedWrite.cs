namespace KubeCop.Grains.Workloads;

/// <summary>
/// Makes one write serve everybody who asked while the previous one was under way, or waits for its time. Belongs to one grain: not for several
/// threads.
/// </summary>
/// <param name="write">Writes what is in memory when it is called.</param>
/// <param name="spacing">Between the beginnings of two writes that nobody is in a hurry for.</param>
internal sealed class CoalescedWrite(Func<Task> write, TimeSpan spacing, TimeProvider time)
{
    private Task _running = Task.CompletedTask;
    private Task? _next;
    private TaskCompletionSource _hurry = new();
    private long? _startedAt;

    /// <summary>With every write made at once.</summary>
    public CoalescedWrite(Func<Task> write)
        : this(write, TimeSpan.Zero, TimeProvider.System)
    {
    }

    /// <summary>Whether one is under way or will be.</summary>
    public bool IsPending => _next is not null || !_running.IsCompleted;

    /// <summary>Ends as the first write does that began after this call.</summary>
    public Task WriteAsync()
    {
        // In this order: who waits may go on within the second call, and its write is the one that is meant.
        var next = WriteSoonAsync();
        _hurry.TrySetResult();
        return next;
    }

    /// <summary>The same, at the time when a write is due.</summary>
    public Task WriteSoonAsync() => _next ??= WriteAfterAsync(_running);

    private async Task WriteAfterAsync(Task previous)
    {
        // Also lets requests that are already queued for this turn of the grain join.
        await Task.Yield();
        await previous.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        if (_startedAt is { } startedAt && spacing - time.GetElapsedTime(startedAt) is var wait && wait > TimeSpan.Zero)
        {
            await _hurry.Task.WaitAsync(wait, time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        }

        (_running, _next, _hurry, _startedAt) = (_next!, null, new TaskCompletionSource(), time.GetTimestamp());
        await write();
    }
}
