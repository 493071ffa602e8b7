using KubeCop.Testing;

namespace KubeCop.Benchmarks;

/// <summary>
/// What our programs cost in the kernel, by the kernel's own measure (bpf_stats), which is part of what it measures: the empty program shows
/// how much.
/// </summary>
internal static class KernelBenchmark
{
    private const int Rounds = 9;
    private const int Containers = 500;

    public static async Task RunAsync()
    {
        using var code = await NativeCode.CompileAsync();
        var othersMaps = BpfObjects.Maps().Select(static map => map.Id).ToHashSet();
        var others = BpfObjects.Programs().Select(static program => program.Id).ToHashSet();
        using var cgroup = new TrackedCgroup();
        using var files = new TestDirectory();
        using var endedFiles = new TestDirectory();
        await cgroup.EndNewFilesAsync($"{code.Load} new 1 {endedFiles.Path}");
        var ours = BpfObjects.Programs().Select(static program => program.Id).Except(others).ToHashSet();
        var maps = BpfObjects.Maps().Where(map => !othersMaps.Contains(map.Id)).OrderByDescending(static map => map.Bytes).ToList();
        using var measuring = BpfObjects.Measure();
        Operation[] operations =
        [
            new("system call, not in a container", "calls 300000", 300_000, false),
            new("system call in a container", "calls 300000", 300_000, true),
            new("failing close in a container", "close 300000", 300_000, true),
            new("open and close of a known file", "open 200000 /etc/passwd", 200_000, true),
            new("new file made, closed and removed", $"new 20000 {files.Path}", 20_000, true),
            new("the same in a directory of which all is known", $"new 20000 {endedFiles.Path}", 20_000, true),
            new("fork, exec and exit of a known program", "exec 1000", 1000, true),
        ];
        for (var round = 0; round <= Rounds; round++)
        {
            foreach (var operation in operations)
            {
                var before = BpfObjects.Programs();
                _ = await cgroup.RunAsync($"{code.Load} {operation.Load}", operation.Tracked);
                if (round > 0)
                {
                    operation.Add(before, BpfObjects.Programs().Where(program => ours.Contains(program.Id)));
                }
            }
        }

        Conditions.Print("kernel", $"median of {Rounds} rounds, bpf_stats on");
        Console.WriteLine("  ns an operation, all our programs together");
        foreach (var operation in operations)
        {
            Console.WriteLine($"  {operation.Name,-46} {operation.Total,9:0.0}   {operation.Parts}");
        }

        Console.WriteLine($"  {"open of a known file",-46} {operations[3].Total - operations[2].Total,9:0.0}   the difference of the two above (goal: at most 250)");
        Console.WriteLine($"  {"empty program at the same place",-46} {await FloorAsync(cgroup, code),9:0.0}");
        Console.WriteLine($"  KiB of kernel memory{"",-27}{maps.Sum(static map => map.Bytes) / 1024,9}   {string.Join(", ", maps.Select(static map => $"{map.Name} {map.Bytes / 1024}"))}");
        Console.WriteLine($"  slots in use with {Containers} cgroups more{"",-12} {cgroup.CountSlotsOf(Containers),9}   (goal: at least {Containers})");
    }

    private static async Task<double> FloorAsync(TrackedCgroup cgroup, NativeCode code)
    {
        using var flood = new FloodObject(code.Flood, cgroup.Programs.Rings.Descriptors[1]);
        flood.AttachNothing();
        var samples = new List<double>();
        for (var round = 0; round < Rounds; round++)
        {
            var before = Nothing();
            _ = await cgroup.RunAsync($"{code.Load} calls 300000", tracked: false);
            var after = Nothing();
            samples.Add((after.Nanoseconds - before.Nanoseconds) / (after.Runs - before.Runs));
        }

        return Statistics.Percentile(samples, 0.5);

        static ProgramRuns Nothing() => BpfObjects.Programs().Last(static program => program.Name == "nothing");
    }

    /// <param name="Load">Arguments of the load program.</param>
    private sealed record Operation(string Name, string Load, int Count, bool Tracked)
    {
        private readonly List<(double Total, List<ProgramRuns> Parts)> _rounds = [];

        private (double Total, List<ProgramRuns> Parts) Median => _rounds.OrderBy(static round => round.Total).ElementAt(_rounds.Count / 2);

        public double Total => Median.Total;

        /// <summary>Runs an operation and nanoseconds a run, of the programs that are worth telling.</summary>
        public string Parts => string.Join(
            ", ",
            Median.Parts.Where(program => program.Nanoseconds / Count > 0.02 * Total).OrderByDescending(static program => program.Nanoseconds)
                .Select(program => $"{program.Name} {program.Runs / Count:0.0} x {program.Nanoseconds / program.Runs:0}"));

        public void Add(IReadOnlyList<ProgramRuns> before, IEnumerable<ProgramRuns> after)
        {
            var parts = after.Join(
                before,
                static program => program.Id,
                static program => program.Id,
                static (now, then) => now with { Nanoseconds = now.Nanoseconds - then.Nanoseconds, Runs = now.Runs - then.Runs }).ToList();
            _rounds.Add((parts.Sum(static program => program.Nanoseconds) / Count, parts));
        }
    }
}
