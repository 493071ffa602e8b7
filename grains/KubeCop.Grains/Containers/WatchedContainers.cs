using System.Collections.Concurrent;
using KubeCop.Core.Alerts;
using KubeCop.Core.Events;
using KubeCop.Core.Malware;
using KubeCop.Core.Profiles;
using KubeCop.Core.Rules;
using KubeCop.Core.Workloads;
using KubeCop.Grains.Abstractions;
using KubeCop.Grains.Abstractions.Containers;
using KubeCop.Grains.Abstractions.Workloads;
using KubeCop.Grains.Profiles;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace KubeCop.Grains.Containers;

/// <summary>
/// The containers that this process watches, with the profiles they go by. Each goes on from the start of its container to its end whatever
/// becomes of the silo. For any thread.
/// </summary>
public sealed class WatchedContainers : IAsyncDisposable
{
    private static readonly TimeSpan TickPeriod = TimeSpan.FromSeconds(1);

    private readonly ConcurrentDictionary<string, WatchedContainer> _containers = new(StringComparer.Ordinal);
    private readonly Func<string, WatchedContainer> _create;
    private readonly Func<ContainerMonitor> _createMonitor;
    private readonly ITimer _timer;

    public WatchedContainers(
        NodeRules rules,
        IAlertDispatcher alerts,
        IRepeatFilter repeats,
        IKernelClock clock,
        IBehaviourJournal journal,
        IKeptProfiles kept,
        IPodWorkloads pods,
        IExecutedFiles executedFiles,
        CurrentSilo silo,
        TimeProvider time,
        IOptions<LearningOptions> learning,
        IOptions<AlertOptions> alertOptions,
        ILoggerFactory loggers)
    {
        var (warnings, logger) = (new StorageWarnings(time), loggers.CreateLogger<WatchedContainer>());
        var monitorLogger = loggers.CreateLogger<ContainerMonitor>();
        Profiles = new ProfileCache(silo, kept, warnings, time, loggers.CreateLogger<ProfileCache>());
        _create = id => new WatchedContainer(id, this, silo, journal, Profiles, pods, warnings, time, logger);
        _createMonitor = () => new ContainerMonitor(rules, alerts, repeats, clock, time, learning.Value, alertOptions.Value, monitorLogger, executedFiles);
        _timer = time.CreateTimer(static containers => ((WatchedContainers)containers!).Tick(), this, TickPeriod, TickPeriod);
    }

    internal ProfileCache Profiles { get; }

    /// <summary>Takes a container's events; begins to watch it if that is not so.</summary>
    public IContainerGrain Of(ContainerDescription container) => Get(container.Id);

    /// <returns>Null for a container that is not watched, or is not described yet.</returns>
    public Task<ContainerStatus?> GetStatusAsync(string id) => Find(id)?.GetStatusAsync() ?? Task.FromResult<ContainerStatus?>(null);

    /// <summary>What a container does with events now, without waiting for it; null for one that does not know, or is not watched.</summary>
    public ProfileAssignment? AssignmentOf(string id) => Find(id)?.Assignment;

    /// <summary>Has all take the rules now in force.</summary>
    public Task RebindAsync() => Task.WhenAll(_containers.Values.Select(static container => container.RebindAsync()));

    /// <summary>Has all go on with a silo that is there now.</summary>
    public void Resume()
    {
        foreach (var container in _containers.Values)
        {
            container.Resume();
        }
    }

    /// <summary>Sends what summaries of alerts are open. Nothing is to come any more.</summary>
    public async ValueTask DisposeAsync()
    {
        await _timer.DisposeAsync();
        await Task.WhenAll(_containers.Values.Select(static container => container.CompleteAsync()));
    }

    internal WatchedContainer Get(string id) => _containers.GetOrAdd(id, _create);

    internal WatchedContainer? Find(string id) => _containers.GetValueOrDefault(id);

    internal ContainerMonitor Begin(WatchedContainer container)
    {
        // One that had ended may be started again by who still holds it.
        _containers[container.Id] = container;
        GrainCounts.CountContainer(1);
        return _createMonitor();
    }

    internal void Ended(WatchedContainer container)
    {
        _containers.TryRemove(KeyValuePair.Create(container.Id, container));
        GrainCounts.CountContainer(-1);
    }

    private void Tick()
    {
        Profiles.Reconcile();
        foreach (var container in _containers.Values)
        {
            container.Tick();
        }
    }
}
