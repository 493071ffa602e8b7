namespace KubeCop.Grains;

/// <summary>How many of what acts for containers are in this process's memory.</summary>
public static class GrainCounts
{
    private static int _containers;

    /// <summary>Those of containers that run, and of ended ones until they have handed over everything.</summary>
    public static int Containers => Volatile.Read(ref _containers);

    internal static void CountContainer(int change) => Interlocked.Add(ref _containers, change);
}
