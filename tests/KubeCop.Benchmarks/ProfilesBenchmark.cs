using System.Globalization;
using KubeCop.Core.Profiles;
using KubeCop.Core.Workloads;
using KubeCop.Grains.Workloads;

namespace KubeCop.Benchmarks;

/// <summary>What a workload's profile costs: merging what containers learn, giving it out, compiling it, looking into it.</summary>
internal static class ProfilesBenchmark
{
    private const int Entries = 5000;
    private const int Replicas = 20;
    private const int DeltaItems = 100;
    private const int Rounds = 21;

    private static readonly DateTimeOffset Start = DateTimeOffset.UnixEpoch;
    private static readonly WorkloadKey Workload = new("default", "Deployment", "web");
    private static readonly ProfileSlot Slot = new("app", "r1", Partial: false);

    public static Task RunAsync()
    {
        Conditions.Print(
            "profiles", $"{Entries} entries, {Replicas} replicas, deltas of {DeltaItems} items, {Rounds} rounds after two to warm up, CPU of this thread");
        var items = Items();
        var deltas = Enumerable.Range(0, Replicas).SelectMany(replica => items.Chunk(DeltaItems).Select(chunk => Delta(chunk, replica))).ToArray();
        var (merge, giveOut, compile, known, unknown) = (new List<double>(), new List<double>(), new List<double>(), new List<double>(), new List<double>());
        var strangers = items.Select(static item => (item.Item as OpenItem)?.Path + ".new").ToArray();
        var paths = items.Select(static item => item.Item).OfType<OpenItem>().Select(static item => item.Path).ToArray();
        for (var round = -2; round < Rounds; round++)
        {
            var learning = new WorkloadLearning(Workload, new LearningOptions());
            learning.Register(Container, Start);
            var mergeTime = CpuSeconds(() =>
            {
                foreach (var delta in deltas)
                {
                    learning.Merge(delta, Start);
                }
            });
            ContainerProfile? profile = null;
            var giveOutTime = CpuSeconds(() => profile = learning.Find(Slot));
            CompiledProfile? compiled = null;
            var compileTime = CpuSeconds(() => compiled = new CompiledProfile(profile!));
            var knownTime = CpuSeconds(() => LookUp(compiled!, paths, isKnown: true));
            var unknownTime = CpuSeconds(() => LookUp(compiled!, strangers, isKnown: false));
            if (round >= 0)
            {
                merge.Add(deltas.Sum(static delta => delta.Items.Count) / mergeTime);
                giveOut.Add(giveOutTime * 1000);
                compile.Add(compileTime * 1000);
                known.Add(knownTime * 1e9 / (paths.Length * Replicas));
                unknown.Add(unknownTime * 1e9 / (strangers.Length * Replicas));
            }
        }

        Print("items merged a second, each shown by all replicas", merge, "0", merge.Min(), "lowest");
        Print("giving out a changed profile, with patterns and its size", giveOut, "0.00 ms", giveOut.Max(), "highest");
        Print("compiling it", compile, "0.00 ms", compile.Max(), "highest");
        Print("looking for a file it has", known, "0.0 ns", known.Max(), "highest");
        Print("looking for a file it has not", unknown, "0.0 ns", unknown.Max(), "highest");
        return Task.CompletedTask;
    }

    private static ContainerDescription Container => new()
    {
        Id = "c",
        Name = "app",
        Runtime = "containerd",
        Node = "node",
        Workload = Workload,
        Origin = ContainerOrigin.Started,
        SeenAt = Start,
        CgroupId = 1,
        CgroupPath = "/c",
        Revision = "r1",
    };

    // As a large application has them: nearly all files, most of them sensitive ones; some programs, names, connections and system calls.
    private static ObservedItem[] Items() => [.. Enumerable.Range(0, Entries).Select(static BehaviourItem (index) => (index % 20) switch
    {
        0 => new ExecItem($"/usr/bin/tool-{index}", $"/usr/bin/tool-{index}", new ArgumentList([$"-{index}"])),
        1 => new DnsItem($"host-{index}.example", new ArgumentList([$"10.{index % 250}.0.1"])),
        2 => new NetworkItem(true, "tcp", (ushort)(index + 1), "10.0.0.1"),
        3 => new OpenItem($"/srv/app/cache/{index}", 1),
        < 8 => new OpenItem($"/srv/app/module_{Letters(index)}/part.so", 1),
        _ => new OpenItem($"/usr/lib/app/{index % 50}/module_{index}.so", 1),
    }).Select(static item => new ObservedItem(item, Start))];

    private static string Letters(int number) => string.Concat(number.ToString(CultureInfo.InvariantCulture).Select(static digit => (char)('a' + digit - '0')));

    private static ProfileDelta Delta(ObservedItem[] items, int replica) =>
        new() { Slot = Slot, Generation = 1, Items = items, Replicas = ReplicaSketch.Of($"container-{replica}") };

    private static void LookUp(CompiledProfile profile, string[] paths, bool isKnown)
    {
        var found = 0;
        for (var round = 0; round < Replicas; round++)
        {
            foreach (var path in paths)
            {
                found += profile.ContainsOpen(path, 1) ? 1 : 0;
            }
        }

        // What was not looked for would be fast.
        if (isKnown != (found == paths.Length * Replicas))
        {
            throw new InvalidOperationException($"{found} of {paths.Length * Replicas} were found.");
        }
    }

    private static double CpuSeconds(Action action)
    {
        var cpu = LinuxClock.ThreadCpuSeconds();
        action();
        return LinuxClock.ThreadCpuSeconds() - cpu;
    }

    private static void Print(string what, List<double> values, string format, double worst, string worstName) => Console.WriteLine(string.Create(
        CultureInfo.InvariantCulture,
        $"  {what,-60} median {Statistics.Percentile(values, 0.5).ToString(format, CultureInfo.InvariantCulture),12}   {worstName} {worst.ToString(format, CultureInfo.InvariantCulture),12}"));
}
