using KubeCop.Grains.Workloads;
using Microsoft.Extensions.Time.Testing;

namespace KubeCop.Tests.Grains.Workloads;

public sealed class CoalescedWriteTests
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(30);

    [Fact]
    public Task WriteAsync_AskedDuringAWrite_OneMoreWriteServesAll() => OnOneScheduler(async () =>
    {
        var writes = new Queue<TaskCompletionSource>([new(), new()]);
        var begun = 0;
        var write = new CoalescedWrite(() =>
        {
            begun++;
            return writes.Dequeue().Task;
        });
        var (first, second) = (writes.First(), writes.Last());

        var asked = write.WriteAsync();
        while (begun == 0)
        {
            await Task.Yield();
        }

        Task[] during = [write.WriteAsync(), write.WriteAsync()];
        first.SetResult();
        await asked.WaitAsync(Timeout);
        Assert.All(during, static task => Assert.False(task.IsCompleted));

        second.SetResult();
        await Task.WhenAll(during).WaitAsync(Timeout);
        Assert.Equal(2, begun);
    });

    [Fact]
    public Task WriteAsync_PreviousFailed_OnlyItsCallersSeeIt() => OnOneScheduler(async () =>
    {
        var failing = true;
        var write = new CoalescedWrite(async () =>
        {
            await Task.Yield();
            if (failing)
            {
                throw new IOException("full");
            }
        });

        await Assert.ThrowsAsync<IOException>(write.WriteAsync);
        failing = false;
        await write.WriteAsync().WaitAsync(Timeout);
    });

    [Fact]
    public Task WriteSoonAsync_AfterAWrite_WaitsForItsTimeOrForSomebodyInAHurry() => OnOneScheduler(async () =>
    {
        var time = new FakeTimeProvider();
        var begun = 0;
        var write = new CoalescedWrite(() =>
        {
            begun++;
            return Task.CompletedTask;
        }, TimeSpan.FromSeconds(5), time);
        await write.WriteSoonAsync().WaitAsync(Timeout);

        var soon = write.WriteSoonAsync();
        time.Advance(TimeSpan.FromSeconds(4.9));
        for (var turn = 0; turn < 100; turn++)
        {
            await Task.Yield();
        }

        Assert.False(soon.IsCompleted);
        Assert.True(write.IsPending);
        time.Advance(TimeSpan.FromSeconds(0.1));
        await soon.WaitAsync(Timeout);
        Assert.Equal(2, begun);

        soon = write.WriteSoonAsync();
        Assert.Same(soon, write.WriteAsync());
        await soon.WaitAsync(Timeout);
        Assert.Equal(3, begun);
        Assert.False(write.IsPending);
    });

    // As in a grain: one thing at a time.
    private static Task OnOneScheduler(Func<Task> test) =>
        Task.Factory.StartNew(test, CancellationToken.None, TaskCreationOptions.None, new ConcurrentExclusiveSchedulerPair().ExclusiveScheduler).Unwrap();
}
