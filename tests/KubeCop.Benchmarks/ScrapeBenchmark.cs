using System.Diagnostics;
using System.Globalization;
using KubeCop.Core.Events;
using KubeCop.Core.Workloads;
using KubeCop.Grains.Containers;
using KubeCop.Host.Configuration;
using KubeCop.Host.Metrics;
using KubeCop.Host.Node;
using KubeCop.Sensor;
using KubeCop.Testing;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace KubeCop.Benchmarks;

/// <summary>What <c>/metrics</c> of a whole node costs that watches 500 containers. Only the kernel is not there: what it would tell is made up.</summary>
internal static class ScrapeBenchmark
{
    private const int Containers = 500;
    private const int WarmUp = 300;
    private const int Scrapes = 1000;

    public static async Task RunAsync()
    {
        using var directory = new TestDirectory();
        var sensor = new MadeUpSensor();
        await using var node = await NodeHost.StartAsync(
            Settings.Load(
                [
                    new(Keys.DataDirectory, directory.Combine("data")), new(Keys.HttpAddress, "127.0.0.1:0"), new(Keys.NodeName, "node"), new(Keys.LearningPeriod, "1h"), new(Keys.Bindings, ""),
                    new(Keys.Quiet, "true"),
                ],
                new Dictionary<string, string>(),
                "/there/is/no/file"),
            [],
            statusLine: null,
            CancellationToken.None,
            sensor.AddTo);
        await sensor.StartAsync(node.Services.GetRequiredService<WatchedContainers>());
        using var http = new HttpClient { BaseAddress = new Uri($"http://{node.Address}") };
        var answer = await http.GetStringAsync("/metrics");
        var series = answer.Split('\n').Count(static line => line.Length > 0 && line[0] != '#');
        Conditions.Print("scrape", $"{Containers} containers, {series} series, {answer.Length / 1024} KiB; {Scrapes} scrapes one after the other, {WarmUp} to warm up");

        var idle = Environment.CpuUsage.TotalTime;
        await Task.Delay(TimeSpan.FromSeconds(10));
        var idleShare = (Environment.CpuUsage.TotalTime - idle) / TimeSpan.FromSeconds(10);
        await MeasureAsync("over HTTP, the client's part included", idleShare, () => http.GetByteArrayAsync("/metrics"));
        var endpoint = node.Services.GetRequiredService<MetricsEndpoint>();
        await MeasureAsync("collecting and writing alone", idleShare, () => endpoint.InvokeAsync(new DefaultHttpContext { Response = { Body = Stream.Null } }));
    }

    private static async Task MeasureAsync(string what, double idleShare, Func<Task> scrape)
    {
        for (var i = 0; i < WarmUp; i++)
        {
            await scrape();
        }

        var times = new List<double>(Scrapes);
        var allocated = GC.GetTotalAllocatedBytes();
        var (cpu, all) = (Environment.CpuUsage.TotalTime, Stopwatch.StartNew());
        for (var i = 0; i < Scrapes; i++)
        {
            var started = Stopwatch.GetTimestamp();
            await scrape();
            times.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
        }

        // Without what the node does anyhow.
        var used = (Environment.CpuUsage.TotalTime - cpu) - (all.Elapsed * idleShare);
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"  {what,-40} median {Statistics.Percentile(times, 0.5):0.00} ms, 99th percentile {Statistics.Percentile(times, 0.99):0.00} ms (goal: at most 20 ms), highest {times.Max():0.00} ms; "
            + $"CPU {used.TotalMilliseconds / Scrapes:0.00} ms, {(GC.GetTotalAllocatedBytes() - allocated) / Scrapes / 1024} KiB allocated"));
    }

    /// <summary>Tells of a busy node.</summary>
    private sealed class MadeUpSensor : ISensor, IKernelClock
    {
        private readonly string[] _ids = [.. Enumerable.Range(0, Containers).Select(static number => $"{number:x64}")];

        public Task Ready => Task.CompletedTask;

        public IReadOnlyList<string> ContainerIds => [.. _ids];

        public DateTimeOffset ToUtc(long bootNanoseconds) => DateTimeOffset.UnixEpoch.AddTicks(bootNanoseconds / 100);

        public SensorStatus GetStatus() => new()
        {
            Ready = true,
            Hooks = [.. Enumerable.Range(0, 24).Select(static hook => new HookStatus($"hook_{hook}", $"hook_{hook}", "BTF tracepoint", true, ""))],
            Events = Enum.GetValues<EventKind>().ToDictionary(static kind => kind, static kind => 1_000_000L + (int)kind),
            Repeats = Enum.GetValues<EventKind>().ToDictionary(static kind => kind, static kind => 50_000_000L + (int)kind),
            Lost = [.. Enum.GetValues<EventKind>().SelectMany(static kind => LossCount.Reasons, static (kind, reason) => new LossCount(kind, reason, 7))],
            LostByContainer = [.. _ids.Select(static id => new ContainerLoss(id, new LossCount(EventKind.Open, "share_used", 3)))],
            Rings = [new RingFill("critical", 1 << 21, 100, 5000), new RingFill("bulk", 1 << 21, 100, 500_000)],
            BatchesInFlight = 3,
            Containers = Containers,
            Cgroups = Containers,
        };

        public void AddTo(IServiceCollection services)
        {
            services.AddSingleton<ISensor>(this);
            services.AddSingleton<IKernelClock>(this);
        }

        public async Task StartAsync(WatchedContainers watched)
        {
            foreach (var (number, id) in _ids.Index())
            {
                var container = new ContainerDescription
                {
                    Id = id,
                    Name = "app",
                    Runtime = "containerd",
                    Node = "node",
                    Workload = new WorkloadKey("default", "Container", $"workload-{number}"),
                    Image = "busybox:latest",
                    Origin = ContainerOrigin.Started,
                    SeenAt = DateTimeOffset.UtcNow,
                    CgroupId = (ulong)number + 1,
                    CgroupPath = $"/default/{id}",
                    Revision = "0123456789abcdef",
                };
                var grain = watched.Of(container);
                await grain.StartAsync(container);
                var batch = new EventBatch(64);
                for (var program = 0; program < 64; program++)
                {
                    batch.Add() = new SensorEvent
                    {
                        Kind = EventKind.Exec,
                        Timestamp = (DateTimeOffset.UtcNow - DateTimeOffset.UnixEpoch).Ticks * 100,
                        Process = new ProcessIdentity { Key = new ProcessKey(42, 1), Parent = new ProcessKey(1, 1), Comm = "sh" },
                        Path = $"/bin/{program}",
                        Executable = $"/bin/{program}",
                        Details = new ExecDetails($"/bin/{program}", "/", [$"/bin/{program}"]),
                        ParentComm = "sh",
                    };
                }

                await grain.IngestAsync(batch);
                await grain.FlushAsync();
            }
        }
    }
}
