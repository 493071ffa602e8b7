namespace KubeCop.Testing;

/// <summary>Measures what code allocates on its own thread.</summary>
public static class Allocations
{
    private const int Tries = 10;

    /// <summary>
    /// The fewest bytes that any of ten runs of <paramref name="work"/> allocates. What the code itself allocates, it does in each of them;
    /// what the runtime allocates while it replaces the code by a faster version, it does in one.
    /// </summary>
    public static long Of(Action work)
    {
        var least = long.MaxValue;
        for (var attempt = 0; attempt < Tries; attempt++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            work();
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        return least;
    }
}
