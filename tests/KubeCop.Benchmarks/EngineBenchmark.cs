using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using KubeCop.Core.Alerts;
using KubeCop.Core.Events;
using KubeCop.Core.Profiles;
using KubeCop.Core.Rules;
using KubeCop.Core.Workloads;
using KubeCop.Grains.Abstractions.Containers;
using KubeCop.Grains.Replay;
using KubeCop.Host.Bindings;
using KubeCop.Sensor;
using KubeCop.Sensor.Recording;
using KubeCop.Testing.Sensor;
using Microsoft.Extensions.Logging.Abstractions;

namespace KubeCop.Benchmarks;

/// <summary>
/// The rules alone: all of them bound, asked about the events of a recording that lead to no alert, with the profile that was learned from it.
/// An evaluation is one rule's judgement of one event that it looks at.
/// </summary>
public class EngineBenchmark
{
    private SensorEvent[] _events = [];
    private RuleSet _rules = RuleSet.Empty;
    private RuleContext _context;

    /// <summary>Of one run through all events.</summary>
    private int _evaluations;

    public static Task RunAsync()
    {
        var config = ManualConfig.CreateEmpty()
            .AddJob(Job.Default.WithToolchain(InProcessEmitToolchain.Instance).WithWarmupCount(5).WithIterationCount(15))
            .AddDiagnoser(BenchmarkDotNet.Diagnosers.MemoryDiagnoser.Default)
            .AddColumnProvider(DefaultColumnProviders.Instance)
            .AddLogger(new ConsoleLogger());
        var report = BenchmarkRunner.Run<EngineBenchmark>(config).Reports.Single();
        var engine = new EngineBenchmark();
        engine.Setup();
        var nanoseconds = report.ResultStatistics!.Median / engine._evaluations;
        Console.WriteLine($"engine: {engine._rules.InForce.Count} rules, {engine._events.Length} events ({engine.Mix()}), {engine._evaluations} evaluations");
        Console.WriteLine($"  evaluations a second   {1e9 / nanoseconds:N0} ({nanoseconds:0.0} ns each)   goal: at least 3 000 000");
        Console.WriteLine($"  bytes for all of them  {report.GcStats.GetBytesAllocatedPerOperation(report.BenchmarkCase)}   goal: 0");
        return Task.CompletedTask;
    }

    [GlobalSetup]
    public void Setup()
    {
        using var replay = new RecordingReplay(Recordings.LearnThenAttack);
        var workloads = new ReplayedWorkloads(
            new NodeRules(new FixedRules(DefaultBinding.Rules), new RuleCounters()),
            new NoAlerts(),
            replay.Time,
            replay.Time,
            new LearningOptions { Period = Recordings.LearningPeriod },
            new AlertOptions(),
            NullLoggerFactory.Instance);
        var recorded = new List<Recorder>();
        replay.Run(
            container =>
            {
                var known = recorded.Find(recorder => recorder.Container.Id == container.Id);
                if (known is null)
                {
                    known = new Recorder(container, workloads.Container(container));
                    recorded.Add(known);
                }

                return known;
            },
            new SensorOptions(),
            workloads.Tick,
            NullLoggerFactory.Instance,
            CancellationToken.None);
        workloads.End();

        var (container, events) = recorded.Select(static one => (one.Container, one.Events)).MaxBy(static one => one.Events.Count);
        var profile = workloads.Profiles.Single(profile => profile.Workload == container.Workload).Containers[0];
        _context = new RuleContext(container, new CompiledProfile(profile), "10.96.0.1");
        _rules = DefaultBinding.Rules.ForContainer(null);
        _events = [.. events.Where(IsSilent)];
        _rules = DefaultBinding.Rules.ForContainer(null);
        _evaluations = _events.Sum(one => _rules.For(one.Kind).Length);
    }

    /// <returns>Findings; there are none.</returns>
    [Benchmark]
    public int Judge()
    {
        var findings = 0;
        foreach (ref readonly var one in _events.AsSpan())
        {
            foreach (var bound in _rules.For(one.Kind))
            {
                findings += bound.Rule.Evaluate(one, _context) is null ? 0 : 1;
            }
        }

        return findings;
    }

    private bool IsSilent(SensorEvent sensorEvent)
    {
        foreach (var bound in _rules.For(sensorEvent.Kind))
        {
            if (bound.Rule.Evaluate(sensorEvent, _context) is not null)
            {
                return false;
            }
        }

        return true;
    }

    private string Mix() => string.Join(", ", _events.CountBy(static one => one.Kind).OrderByDescending(static kind => kind.Value).Select(static kind => $"{kind.Value} {kind.Key}"));

    private sealed class NoAlerts : IAlertDispatcher
    {
        public void Dispatch(Alert alert)
        {
        }
    }

    /// <summary>Keeps the events on their way to whoever learns from them.</summary>
    private sealed class Recorder(ContainerDescription container, IContainerGrain inner) : IContainerGrain
    {
        public ContainerDescription Container => container;

        public List<SensorEvent> Events { get; } = [];

        public Task StartAsync(ContainerDescription description) => inner.StartAsync(description);

        public Task IngestAsync(EventBatch batch)
        {
            Events.AddRange(batch.Events);
            return inner.IngestAsync(batch);
        }

        public Task StopAsync() => inner.StopAsync();

        public Task FlushAsync() => inner.FlushAsync();

        public Task RebindAsync() => inner.RebindAsync();

        public Task<ContainerStatus?> GetStatusAsync() => inner.GetStatusAsync();
    }
}
