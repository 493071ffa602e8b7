using KubeCop.Core.Alerts;
using KubeCop.Core.Events;
using KubeCop.Core.Profiles;
using KubeCop.Core.Rules;
using KubeCop.Core.Workloads;
using KubeCop.Grains;
using KubeCop.Grains.Abstractions.Containers;
using KubeCop.Grains.Abstractions.Workloads;
using KubeCop.Host.Bindings;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using Orleans.Runtime.Hosting;
using Orleans.Storage;
using Orleans.TestingHost;

namespace KubeCop.Cluster.Tests.Grains;

/// <summary>
/// Silos with KubeCop's grains, in this process. Grains live in <see cref="Time"/>, which only moves when a test waits for something;
/// Orleans itself lives in real time.
/// </summary>
internal sealed class GrainCluster : IAsyncDisposable
{
    public static readonly TimeSpan Period = TimeSpan.FromSeconds(20);

    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(60);

    private readonly InProcessTestCluster _cluster;

    private GrainCluster(InProcessTestCluster cluster, FakeTimeProvider time, SharedGrainStorage storage, RecordingDispatcher alerts, RecordingJournal journal) =>
        (_cluster, Time, Storage, Alerts, Journal) = (cluster, time, storage, alerts, journal);

    public FakeTimeProvider Time { get; }

    public SharedGrainStorage Storage { get; }

    public RecordingDispatcher Alerts { get; }

    public RecordingJournal Journal { get; }

    public InProcessTestCluster Silos => _cluster;

    public IGrainFactory Grains => _cluster.Client;

    /// <summary>The name of the first silo's node.</summary>
    public string Node => _cluster.Silos[0].Name;

    public static async Task<GrainCluster> StartAsync(
        short silos = 1, SharedGrainStorage? storage = null, FakeTimeProvider? time = null, RuleSet? rules = null, TimeSpan? period = null,
        IKeptProfiles? kept = null, Action<string, ISiloBuilder>? configure = null)
    {
        time ??= new FakeTimeProvider(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
        storage ??= new SharedGrainStorage();
        var (alerts, journal) = (new RecordingDispatcher(), new RecordingJournal());
        var builder = new InProcessTestClusterBuilder(silos);
        builder.ConfigureSilo((options, silo) =>
        {
            configure?.Invoke(options.SiloName, silo);
            silo.AddKubeCopGrains();
            silo.Services.AddWatchedContainers();
            silo.Services.UseTimeProviderForBackgroundAreas(TimeProvider.System);
            silo.Services
                .AddSingleton<TimeProvider>(time)
                .AddSingleton<IKernelClock, EpochClock>()
                .AddSingleton(kept ?? new NoKeptProfiles())
                .AddSingleton<IAlertDispatcher>(alerts)
                .AddSingleton<IBehaviourJournal>(journal)
                .AddSingleton(new NodeRules(new FixedRules(rules ?? DefaultBinding.Rules), new RuleCounters()))
                .AddGrainStorage(GrainStorage.Name, (services, _) => storage.For(services.GetRequiredService<IGrainStorageSerializer>()))
                .Configure<LearningOptions>(options => options.Period = period ?? Period);
        });
        var cluster = builder.Build();
        await cluster.DeployAsync();
        return new GrainCluster(cluster, time, storage, alerts, journal);
    }

    public IWorkloadGrain Workload(ContainerDescription container) => Grains.GetGrain<IWorkloadGrain>(container.Workload.GrainKey);

    public IContainerGrain Container(ContainerDescription container) => Grains.GetGrain<IContainerGrain>($"{container.Node}/{container.Id}");

    public ContainerDescription Describe(
        string id, ContainerOrigin origin = ContainerOrigin.Started, ObservationGap? gap = null, string? node = null, string revision = "r1") => new()
        {
            Id = id,
            Name = "app",
            Runtime = "containerd",
            Node = node ?? Node,
            Workload = new WorkloadKey("default", "Deployment", "web"),
            Origin = origin,
            SeenAt = Time.GetUtcNow(),
            Gap = gap,
            CgroupId = 1,
            CgroupPath = "/" + id,
            Revision = revision,
        };

    public Task ExecAsync(ContainerDescription container, params string[] paths) => ExecAtAsync(container, Time.GetUtcNow(), paths);

    public Task ExecAtAsync(ContainerDescription container, DateTimeOffset at, params string[] paths)
    {
        var batch = new EventBatch(Math.Max(1, paths.Length));
        foreach (var path in paths)
        {
            ref var exec = ref batch.Add();
            exec.Kind = EventKind.Exec;
            exec.Timestamp = EpochClock.ToBoot(at);
            exec.Process = new ProcessIdentity { Key = new ProcessKey(100, 1), Parent = new ProcessKey(1, 1), Comm = "sh" };
            exec.Path = path;
            exec.Executable = path;
            exec.ParentComm = "sh";
            exec.Details = new ExecDetails(path, "/", new[] { path, "-x" });
        }

        return Container(container).IngestAsync(batch);
    }

    /// <summary>Lets time pass in small steps until something is so.</summary>
    public async Task UntilAsync(Func<Task<bool>> condition, string what)
    {
        var started = TimeProvider.System.GetTimestamp();
        while (!await condition())
        {
            Assert.True(TimeProvider.System.GetElapsedTime(started) < Timeout, $"Not within {Timeout.TotalSeconds} s: {what}");
            Time.Advance(Step);
            await Task.Delay(TimeSpan.FromMilliseconds(10), TestContext.Current.CancellationToken);
        }
    }

    public Task UntilAsync(Func<bool> condition, string what) => UntilAsync(() => Task.FromResult(condition()), what);

    public Task UntilStateAsync(ContainerDescription container, ProfileState state) => UntilAsync(
        async () => await Container(container).GetStatusAsync() is { } status && status.ProfileState == state,
        $"{container.Id} is {state}");

    /// <summary>Lets time pass and gives everything a chance to happen that should not.</summary>
    public async Task PassAsync(TimeSpan duration)
    {
        for (var end = Time.GetUtcNow() + duration; Time.GetUtcNow() < end;)
        {
            Time.Advance(Step);
            await Task.Delay(TimeSpan.FromMilliseconds(5), TestContext.Current.CancellationToken);
        }
    }

    public string? Stored(ContainerDescription container) => Storage.TextOf("workload", Workload(container).GetGrainId());

    public async ValueTask DisposeAsync() => await _cluster.DisposeAsync();
}
