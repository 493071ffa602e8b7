using System.Runtime.InteropServices;
using KubeCop.Core.Profiles;
using KubeCop.Sensor.Decoding;
using KubeCop.Sensor.Routing;
using KubeCop.Testing.Sensor;

namespace KubeCop.Benchmarks;

/// <summary>
/// The hot path without kernel and scheduler: records as the ring holds them, through decoder, router and monitor, on one thread. 64
/// containers with a final profile do what the profile knows: processes that fork, exec, open seven files and exit.
/// </summary>
internal static class PipelineBenchmark
{
    private const int Containers = 64;
    private const int ProcessesPerBlock = 1024;
    private const int BlocksPerRound = 100;
    private const int Rounds = 11;

    public static Task RunAsync()
    {
        var thread = new Thread(Measure) { Name = "pipeline" };
        thread.Start();
        thread.Join();
        return Task.CompletedTask;
    }

    private static void Measure()
    {
        var pipeline = new Pipeline(
            Containers,
            [.. Enumerable.Range(0, 8).Select(static program => new ExecEntry(
                $"/usr/bin/program-{program}", "/bin/busybox", ["--verbose", "run"], DateTimeOffset.UnixEpoch))],
            [
                .. from program in Enumerable.Range(0, 8)
                   from file in Enumerable.Range(0, 7)
                   select new OpenEntry($"/usr/share/application/data-{program}-{file}.conf", ["O_RDONLY"], DateTimeOffset.UnixEpoch),
            ]);
        var router = pipeline.Router;
        var records = Records();
        Feed(router, records, BlocksPerRound);
        var rates = new List<double>();
        var allocated = 0L;
        var events = (long)records.Length * BlocksPerRound;
        for (var round = 0; round < Rounds; round++)
        {
            var bytes = GC.GetAllocatedBytesForCurrentThread();
            var cpu = LinuxClock.ThreadCpuSeconds();
            Feed(router, records, BlocksPerRound);
            rates.Add(events / (LinuxClock.ThreadCpuSeconds() - cpu));
            allocated += GC.GetAllocatedBytesForCurrentThread() - bytes;
        }

        Console.WriteLine($"pipeline: {events:N0} events a round, {Rounds} rounds, {Containers} containers, profile in force, known behaviour");
        Console.WriteLine($"  events a CPU second   median {Statistics.Percentile(rates, 0.5):N0}   lowest {rates.Min():N0}   highest {rates.Max():N0}");
        Console.WriteLine($"  bytes an event        {(double)allocated / (events * Rounds):0.0000}");
        Console.WriteLine($"  alerts                {pipeline.Alerts} (expected 0), dropped {router.Dropped.Total} (expected 0) {pipeline.FirstAlert}");
    }

    private static void Feed(ContainerRouter router, byte[][] records, int blocks)
    {
        for (var block = 0; block < blocks; block++)
        {
            for (var index = 0; index < records.Length; index++)
            {
                var record = records[index];

                // Each block is of new processes: pids are used again, start times are not.
                MemoryMarshal.AsRef<EventHead>(record.AsSpan()).StartTimeNs += 10_000_000;
                router.Consume(record);
                if (index % 64 == 63)
                {
                    router.Settle();
                }
            }
        }

        router.Settle();
    }

    private static byte[][] Records()
    {
        var records = new List<byte[]>();
        for (var process = 0u; process < ProcessesPerBlock; process++)
        {
            var cgroup = CgroupOf(process % Containers);
            var program = process % 8;
            byte[][] life =
            [
                RecordBuilder.Fork(cgroup),
                RecordBuilder.Exec(cgroup, "/bin/busybox", $"/usr/bin/program-{program}", "/srv", $"program-{program}", "--verbose", "run"),
                .. Enumerable.Range(0, 7).Select(file => RecordBuilder.Open(cgroup, $"/usr/share/application/data-{program}-{file}.conf")),
                RecordBuilder.Exit(cgroup),
            ];
            foreach (var record in life)
            {
                MemoryMarshal.AsRef<EventHead>(record.AsSpan()).Pid = 1000 + process;
                records.Add(record);
            }
        }

        return [.. records];
    }

    private static ulong CgroupOf(uint container) => Pipeline.FirstCgroup + container;
}
