using System.Globalization;
using KubeCop.Core.Profiles;
using KubeCop.Sensor;
using KubeCop.Sensor.Bpf;
using KubeCop.Sensor.Containers;
using KubeCop.Sensor.Decoding;

namespace KubeCop.Benchmarks;

/// <summary>
/// Events that the filter of repeats is no help against: the kernel's ring is filled with opens of ever different files, which a profile
/// knows, and read, decoded, routed and judged by one thread. Then the same from real opens in a tracked cgroup.
/// </summary>
internal static class UniqueBenchmark
{
    private const int Containers = 4;

    /// <summary>More than decoder and interner remember, so each path is decoded anew.</summary>
    private const int Files = 256 * 1024;

    private const int Fill = 16 * 1024;
    private const int FillsPerRound = 64;
    private const int Rounds = 9;

    public static async Task RunAsync()
    {
        using var code = await NativeCode.CompileAsync();
        var thread = new Thread(() => Measure(code.Flood)) { Name = "unique" };
        thread.Start();
        thread.Join();
        await MeasureLiveAsync(code);
    }

    private static void Measure(string path)
    {
        using var programs = KernelPrograms.Load(new SensorOptions(), CgroupTree.Open("/").MountPoint);
        using var flood = new FloodObject(path, programs.Rings.Descriptors[1]);
        var pipeline = new Pipeline(
            Containers,
            [],
            [.. Enumerable.Range(0, Files).Select(static file => new OpenEntry($"/srv/cache/{file:x16}", ["O_RDONLY"], DateTimeOffset.UnixEpoch))]);
        var next = 0L;
        var lost = 0L;
        var counter = new Counter(pipeline.Router);
        _ = Round();
        var allocated = GC.GetAllocatedBytesForCurrentThread();
        var rates = Enumerable.Range(0, Rounds).Select(_ => Round()).ToList();
        allocated = GC.GetAllocatedBytesForCurrentThread() - allocated;
        const long Events = (long)Rounds * FillsPerRound * Fill;
        Conditions.Print("unique", $"{Rounds} rounds of {FillsPerRound * Fill:N0} opens of {Files:N0} files, {Containers} containers, CPU time of the one thread that reads");
        Console.WriteLine($"  events a CPU second   median {Statistics.Percentile(rates, 0.5):N0}   lowest {rates.Min():N0}   (goal: at least 500,000)");
        Console.WriteLine($"  bytes an event        {(double)allocated / Events:0}");
        Console.WriteLine($"  lost                  {lost} in the ring, {pipeline.Router.Dropped.Total} behind it   alerts {pipeline.Alerts}   (expected 0)");

        double Round()
        {
            var seconds = 0.0;
            for (var fill = 0; fill < FillsPerRound; fill++)
            {
                var written = flood.Write(next, Fill, Files, Containers);
                next += Fill;
                var before = counter.Count;
                var cpu = LinuxClock.ThreadCpuSeconds();
                while (programs.Rings.Read(counter, 4096) > 0)
                {
                    pipeline.Router.Settle();
                }

                seconds += LinuxClock.ThreadCpuSeconds() - cpu;
                lost += Fill - Math.Min(written, counter.Count - before);
            }

            return FillsPerRound * Fill / seconds;
        }
    }

    private static async Task MeasureLiveAsync(NativeCode code)
    {
        using var cgroup = new TrackedCgroup();
        var directory = Directory.CreateDirectory($"/dev/shm/kubecop-bench-{Environment.ProcessId}").FullName;
        var rates = new List<double>();
        for (var round = 0; round < 5; round++)
        {
            var (operations, seconds) = NativeCode.Parse(await cgroup.RunAsync($"{code.Load} new 2s {directory}", tracked: true));
            rates.Add(operations / seconds);
        }

        var (untracked, untrackedSeconds) = NativeCode.Parse(await cgroup.RunAsync($"{code.Load} new 2s {directory}", tracked: false));
        Directory.Delete(directory);
        var lost = cgroup.Programs.ReadLost().Sum(static loss => loss.Count);
        var live = Statistics.Percentile(rates, 0.5);
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"  new files a second    {live:N0} by one thread of a container (elsewhere {untracked / untrackedSeconds:N0}); lost {lost}"));
    }

    /// <summary>Counts the flood's records on their way: the kernel side reports what else goes on meanwhile too.</summary>
    private sealed class Counter(IRecordConsumer next) : IRecordConsumer
    {
        public long Count { get; private set; }

        public void Consume(ReadOnlySpan<byte> record)
        {
            if (EventDecoder.Head(record) is { Kind: RecordKind.Open, CgroupId: >= Pipeline.FirstCgroup and < Pipeline.FirstCgroup + Containers })
            {
                Count++;
                next.Consume(record);
            }
        }
    }
}
