using System.Diagnostics;

namespace KubeCop.Testing;

/// <summary>Waits for what happens elsewhere: the timeout is generous, because it is only ever spent by a test that fails.</summary>
public static class Wait
{
    public static readonly TimeSpan DefaultTimeout = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan DefaultInterval = TimeSpan.FromMilliseconds(20);

    /// <summary>Looks until <paramref name="look"/> shows what <paramref name="condition"/> accepts.</summary>
    /// <param name="what">What is waited for, for the message.</param>
    /// <param name="interval">Between two looks: longer where looking keeps from happening what is waited for.</param>
    /// <exception cref="TimeoutException">It did not come; the message shows what was seen last.</exception>
    public static async Task<T> UntilAsync<T>(Func<Task<T>> look, Func<T, bool> condition, string what, TimeSpan? timeout = null, TimeSpan? interval = null)
    {
        var limit = timeout ?? DefaultTimeout;
        var watch = Stopwatch.StartNew();
        while (true)
        {
            var seen = await look();
            if (condition(seen))
            {
                return seen;
            }

            if (watch.Elapsed > limit)
            {
                throw new TimeoutException($"After {limit.TotalSeconds:0} s still no {what}. Seen last: {Describe(seen)}");
            }

            await Task.Delay(interval ?? DefaultInterval);
        }
    }

    /// <inheritdoc cref="UntilAsync{T}(Func{Task{T}}, Func{T, bool}, string, TimeSpan?, TimeSpan?)"/>
    public static Task<T> UntilAsync<T>(Func<T> look, Func<T, bool> condition, string what, TimeSpan? timeout = null) =>
        UntilAsync(() => Task.FromResult(look()), condition, what, timeout);

    private static string Describe<T>(T seen) => seen switch
    {
        null => "nothing",
        string text => text,
        System.Collections.IEnumerable items => string.Join(Environment.NewLine, items.Cast<object>().Prepend("")),
        _ => seen.ToString() ?? "",
    };
}
