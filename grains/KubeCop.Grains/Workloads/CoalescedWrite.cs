namespace KubeCop.Grains.Workloads;

/// <summary>
/// Makes one write serve everybody who asked while the previous one was under way. Belongs to one grain: not for several threads.
/// </summary>
/// <param name="write">Writes what is in memory when it is called.</param>
internal sealed class CoalescedWrite(Func<Task> write)
{
    private Task _running = Task.CompletedTask;
    private Task? _next;

    /// <summary>Ends as the first write does that began after this call.</summary>
    public Task WriteAsync() => _next ??= WriteAfterAsync(_running);

    private async Task WriteAfterAsync(Task previous)
    {
        // Also lets requests that are already queued for this turn of the grain join.
        await Task.Yield();
        await previous.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        _running = _next!;
        _next = null;
        await write();
    }
}
