using KubeCop.Core.Events;
using KubeCop.Core.Workloads;
using KubeCop.Grains.Abstractions.Containers;
using KubeCop.Sensor.Bpf;
using KubeCop.Sensor.Containers;
using KubeCop.Sensor.Containers.Runtimes;
using KubeCop.Sensor.Recording;
using KubeCop.Sensor.Routing;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace KubeCop.Sensor;

/// <summary>
/// The node's sensor: loads the kernel side before anything else starts, so that nothing is missed; feeds the grains once the silo runs;
/// at the end hands over everything that was seen.
/// </summary>
internal sealed partial class SensorService(
    CgroupTree tree,
    ContainerResolver resolver,
    ContainerInventory inventory,
    RuntimeSockets runtimes,
    KernelRepeatFilter repeats,
    ContainerGrains grains,
    IOptions<SensorOptions> options,
    TimeProvider time,
    IHostApplicationLifetime lifetime,
    ILoggerFactory loggers,
    RecordingWriter? recording = null) : IHostedLifecycleService, ISensor, IDisposable
{
    /// <summary>A part of the five seconds in which the host must be down.</summary>
    private static readonly TimeSpan StopTime = TimeSpan.FromSeconds(3);

    private readonly ILogger _logger = loggers.CreateLogger<SensorService>();
    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private KernelPrograms? _programs;
    private RingWaiter? _waiter;
    private ContainerDiscovery? _discovery;
    private ContainerRouter? _router;
    private RingReader? _reader;

    public Task Ready => _ready.Task;

    public IReadOnlyList<string> ContainerIds => _router is { } router ? [.. router.Containers.Values.Select(static channel => channel.Container!.Id)] : [];

    /// <exception cref="SensorException">The sensor cannot work here.</exception>
    public Task StartingAsync(CancellationToken cancellationToken)
    {
        _programs = KernelPrograms.Load(options.Value, tree.MountPoint);
        repeats.Attach(_programs);
        _waiter = new RingWaiter(_programs.Rings.Descriptors);
        _discovery = new ContainerDiscovery(tree, resolver, inventory, _waiter.Wake, loggers.CreateLogger<ContainerDiscovery>());
        _router = new ContainerRouter(
            recording is null ? _programs : new RecordedKernel(_programs, recording),
            recording is null ? _discovery : new RecordedDiscovery(_discovery, recording),
            grains,
            options.Value,
            time,
            _waiter.Wake,
            loggers.CreateLogger<ContainerRouter>());
        foreach (var hook in _programs.Hooks.Where(static hook => !hook.Attached))
        {
            LogHookMissing(hook.Name, hook.Detail);
        }

        return Task.CompletedTask;
    }

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken)
    {
        IRecordConsumer consumer = recording is null ? _router! : new RecordedRing(_router!, recording);
        AdoptRunningContainers(_router!, consumer);
        _reader = new RingReader(_programs!, consumer, _router!, _waiter!, loggers.CreateLogger<RingReader>());
        _reader.Start();
        _ = _reader.Completion.ContinueWith(
            _ => lifetime.StopApplication(),
            CancellationToken.None,
            TaskContinuationOptions.OnlyOnFaulted,
            TaskScheduler.Default);
        _ready.TrySetResult();
        return Task.CompletedTask;
    }

    public async Task StoppingAsync(CancellationToken cancellationToken)
    {
        if (_reader is null)
        {
            return;
        }

        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        timeout.CancelAfter(StopTime);
        try
        {
            await _reader.StopAsync().WaitAsync(timeout.Token);
            var flushes = _router!.Containers.Values
                .Select(channel => channel.Grain!.FlushAsync());
            await Task.WhenAll(flushes).WaitAsync(timeout.Token);
        }
        catch (Exception exception)
        {
            // What was learned and not yet stored is in the journal and is replayed at the next start.
            LogNotFlushed(exception);
        }
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public SensorStatus GetStatus() => new()
    {
        Ready = _ready.Task.IsCompletedSuccessfully && _reader is { Completion.IsFaulted: false },
        Hooks = _programs?.Hooks ?? [],
        Events = _router is { } router
            ? Enum.GetValues<EventKind>().Where(static kind => kind != EventKind.None).ToDictionary(static kind => kind, router.Events.Of)
            : new Dictionary<EventKind, long>(),
        Repeats = _programs is { } programs
            ? Enum.GetValues<EventKind>().ToDictionary(static kind => kind, programs.RepeatsOf)
            : new Dictionary<EventKind, long>(),
        FilteredCgroups = _programs?.UsedSlots ?? 0,
        LostByContainer = [.. LostByContainer()],
        Lost =
        [
            .. _programs?.ReadLost() ?? [],
            .. _router?.Dropped.AsLosses(LossCount.GrainBusy) ?? [],
            .. _router?.Unrecognised.AsLosses(LossCount.Unrecognised) ?? [],
            .. _router?.Unreadable.AsLosses(LossCount.Unreadable) ?? [],
        ],
        Containers = _router?.Containers.Count ?? 0,
        Cgroups = _programs?.CountCgroups() ?? 0,
        FollowedCgroups = _router?.Followed ?? 0,
        Rings = _programs?.Rings.Fill ?? [],
        BatchesInFlight = _router?.InFlight ?? 0,
        SetupProcesses = _programs?.CountSetupTasks() ?? 0,
        MapsNeedCapability = _programs?.MapsNeedCapability ?? false,
        Runtimes = runtimes.Status,
    };

    /// <inheritdoc/>
    /// <remarks>Without asking the kernel for anything.</remarks>
    public IReadOnlyList<EventOutage> Outages => HookEvents.Outages(_programs?.Hooks ?? []);

    private IEnumerable<ContainerLoss> LostByContainer()
    {
        if (_router is null || _programs is null)
        {
            yield break;
        }

        foreach (var (cgroupId, loss) in _programs.LostByContainer())
        {
            if (_router.Containers.GetValueOrDefault(cgroupId)?.Container is { } container)
            {
                yield return new ContainerLoss(container.Id, loss);
            }
        }

        foreach (var channel in _router.Containers.Values)
        {
            foreach (var loss in channel.Dropped.AsLosses(LossCount.GrainBusy))
            {
                yield return new ContainerLoss(channel.Container!.Id, loss);
            }
        }
    }

    public void Dispose()
    {
        repeats.Detach();
        _reader?.Dispose();
        _discovery?.Dispose();
        _waiter?.Dispose();
        _programs?.Dispose();

        // The container that made it disposes of it once for each of the faces it is registered under.
        (_reader, _discovery, _waiter, _programs) = (null, null, null, null);
    }

    /// <summary>
    /// Containers that ran before. The kernel side reports new cgroups already, so none falls between; those made since then are left to
    /// their own events, which tell of them from their start.
    /// </summary>
    private void AdoptRunningContainers(ContainerRouter router, IRecordConsumer consumer)
    {
        var now = time.GetUtcNow();
        var cgroups = tree.List(out _);
        var containers = new Dictionary<string, ContainerDescription>(StringComparer.Ordinal);
        foreach (var cgroup in cgroups)
        {
            if (_programs!.Knows(cgroup.Id))
            {
                continue;
            }

            var container = resolver.Resolve(cgroup.Id, cgroup.Path, ContainerOrigin.Attached, now);
            if (container is not null)
            {
                containers.TryAdd(container.Id, container);
            }
            else if (resolver.Classify(cgroup.Path).Verdict == Verdict.NotAContainer)
            {
                continue;
            }

            // What may yet become a container, such as a cgroup that was made beforehand for one, is kept in sight.
            if (!_programs.Add(cgroup.Id, container?.CgroupId))
            {
                LogCgroupsFull(cgroup.Path);
            }
        }

        foreach (var container in containers.Values)
        {
            inventory.Add(container);
            recording?.Adopted(container);
            router.Adopt(container);
        }

        foreach (var process in RunningProcesses())
        {
            consumer.Consume(process);
        }

        // What those that ended meanwhile had learned is in the journal.
        inventory.ForgetEnded();
    }

    private IReadOnlyList<byte[]> RunningProcesses()
    {
        try
        {
            return _programs!.ReadRunning();
        }
        catch (SensorException exception)
        {
            LogNoSnapshot(exception);
            return [];
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Of processes that ran before, alerts will tell neither program nor ancestors")]
    private partial void LogNoSnapshot(Exception exception);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Hook {Hook} is not there, detection goes on without its events: {Reason}")]
    private partial void LogHookMissing(string hook, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "Cgroup {Path} is not watched: the kernel side's table is full")]
    private partial void LogCgroupsFull(string path);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Not everything learned was stored before the end; the journal keeps it for the next start")]
    private partial void LogNotFlushed(Exception exception);
}
