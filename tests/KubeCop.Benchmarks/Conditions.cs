namespace KubeCop.Benchmarks;

/// <summary>Under what a figure was measured.</summary>
internal static class Conditions
{
    /// <summary>The title of a table.</summary>
    public static void Print(string benchmark, string runs) =>
        Console.WriteLine($"{benchmark}: kernel {File.ReadAllText("/proc/sys/kernel/osrelease").Trim()}, {Environment.ProcessorCount} cpus, {runs}");
}
