using System.Runtime.InteropServices;
using KubeCop.Core.Alerts;
using KubeCop.Core.Events;
using KubeCop.Core.Profiles;
using KubeCop.Core.Rules;
using KubeCop.Core.Workloads;
using KubeCop.Grains.Abstractions.Containers;
using KubeCop.Grains.Abstractions.Workloads;
using KubeCop.Grains.Containers;
using KubeCop.Sensor;
using KubeCop.Sensor.Bpf;
using KubeCop.Sensor.Decoding;
using KubeCop.Sensor.Routing;
using KubeCop.Testing.Sensor;
using Microsoft.Extensions.Logging.Abstractions;

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
        var alerts = new CountingDispatcher();
        var discovery = new KnownContainers();
        var router = new ContainerRouter(
            new NoKernel(), discovery, container => new MonitorGrain(container, alerts), new SensorOptions(), TimeProvider.System, static () => { }, NullLogger<ContainerRouter>.Instance);
        var records = Records();
        for (var container = 0u; container < Containers; container++)
        {
            router.Consume(RecordBuilder.Cgroup(RecordKind.CgroupCreated, CgroupOf(container), $"/c{container}"));
        }

        router.Settle();
        Feed(router, records, BlocksPerRound);
        var rates = new List<double>();
        var allocated = 0L;
        var events = (long)records.Length * BlocksPerRound;
        for (var round = 0; round < Rounds; round++)
        {
            var bytes = GC.GetAllocatedBytesForCurrentThread();
            var cpu = ThreadCpuSeconds();
            Feed(router, records, BlocksPerRound);
            rates.Add(events / (ThreadCpuSeconds() - cpu));
            allocated += GC.GetAllocatedBytesForCurrentThread() - bytes;
        }

        Console.WriteLine($"pipeline: {events:N0} events a round, {Rounds} rounds, {Containers} containers, profile in force, known behaviour");
        Console.WriteLine($"  events a CPU second   median {Statistics.Percentile(rates, 0.5):N0}   lowest {rates.Min():N0}   highest {rates.Max():N0}");
        Console.WriteLine($"  bytes an event        {(double)allocated / (events * Rounds):0.0000}");
        Console.WriteLine($"  alerts                {alerts.Count} (expected 0), dropped {router.Dropped.Total} (expected 0)");
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

    private static ulong CgroupOf(uint container) => 1000 + container;

    private static double ThreadCpuSeconds() => LinuxClock.ThreadCpuSeconds();

    /// <summary>A container grain without Orleans around it.</summary>
    private sealed class MonitorGrain : IContainerGrain
    {
        private readonly ContainerMonitor _monitor;

        public MonitorGrain(ContainerDescription container, IAlertDispatcher alerts)
        {
            _monitor = new ContainerMonitor(
                RuleCatalog.DefaultRules, alerts, new NoRepeatFilter(), new BootClock(), TimeProvider.System, new LearningOptions(), NullLogger<ContainerMonitor>.Instance);
            _monitor.Describe(container);
            var slot = new ProfileSlot(container.Name, container.Revision, Partial: false);
            _monitor.Assign(new ProfileAssignment { Slot = slot, Generation = 1, State = ProfileState.Final, CompletesAt = DateTimeOffset.UnixEpoch });
            _monitor.Guard(new CompiledProfile(Profile(container)));
        }

        public Task StartAsync(ContainerDescription container) => Task.CompletedTask;

        public Task IngestAsync(EventBatch batch)
        {
            _monitor.Ingest(batch);
            return Task.CompletedTask;
        }

        public Task StopAsync() => Task.CompletedTask;

        public Task FlushAsync() => Task.CompletedTask;

        public Task<ContainerStatus?> GetStatusAsync() => Task.FromResult<ContainerStatus?>(null);

        private static ContainerProfile Profile(ContainerDescription container) => new()
        {
            Name = container.Name,
            Revision = container.Revision,
            State = ProfileState.Final,
            Version = 1,
            Generation = 1,
            LearningStartedAt = DateTimeOffset.UnixEpoch,
            CompletesAt = DateTimeOffset.UnixEpoch,
            IsPartial = false,
            Execs = [.. Enumerable.Range(0, 8).Select(static program => new ExecEntry($"/usr/bin/program-{program}", "/bin/busybox", [], DateTimeOffset.UnixEpoch))],
            Opens =
            [
                .. from program in Enumerable.Range(0, 8)
                   from file in Enumerable.Range(0, 7)
                   select new OpenEntry($"/usr/share/application/data-{program}-{file}.conf", ["O_RDONLY"], DateTimeOffset.UnixEpoch),
            ],
        };
    }

    private sealed class KnownContainers : IContainerDiscovery
    {
        private readonly Queue<DiscoveryResult> _results = new();

        public bool HasResults => _results.Count > 0;

        public void Ask(DiscoveryRequest request) => _results.Enqueue(new DiscoveryResult(
            request.CgroupId,
            new ContainerDescription
            {
                Id = request.Path[1..],
                Name = request.Path[1..],
                Runtime = "runc",
                Node = "node",
                Workload = new WorkloadKey("default", "Container", request.Path[1..]),
                Origin = ContainerOrigin.Started,
                SeenAt = request.SeenAt,
                CgroupId = request.CgroupId,
                CgroupPath = request.Path,
                Revision = "revision",
            },
            IsNoContainer: false));

        public bool TryTake([System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out DiscoveryResult? result) => _results.TryDequeue(out result);

        public void Forget(ContainerDescription container)
        {
        }
    }

    private sealed class NoKernel : IKernelCgroups
    {
        public long TakeLost(ulong cgroupId) => 0;

        public void ForgetAll(ulong cgroupId)
        {
        }

        public void Removed(ulong cgroupId)
        {
        }

        public bool Knows(ulong cgroupId) => true;

        public void Sweep()
        {
        }

        public void Watch(ulong cgroupId, ulong containerCgroupId)
        {
        }

        public void Rest(ulong cgroupId)
        {
        }

        public void Ignore(ulong cgroupId)
        {
        }
    }

    private sealed class CountingDispatcher : IAlertDispatcher
    {
        public long Count { get; private set; }

        public void Dispatch(Alert alert) => Count++;
    }

    private sealed class BootClock : IKernelClock
    {
        private static readonly DateTimeOffset Boot = DateTimeOffset.UtcNow;

        public DateTimeOffset ToUtc(long bootNanoseconds) => Boot.AddTicks(bootNanoseconds / TimeSpan.NanosecondsPerTick);
    }
}
