using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using KubeCop.Cluster.Tests.Grains;
using KubeCop.Core.Events;
using KubeCop.Core.Workloads;
using KubeCop.Grains.Abstractions;
using KubeCop.Grains.Abstractions.Containers;
using KubeCop.Grains.Abstractions.Workloads;
using KubeCop.Sensor;
using KubeCop.Sensor.Routing;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace KubeCop.Cluster.Tests.Faults;

/// <summary>
/// A sensor without a kernel: containers of a <see cref="Simulation"/> act on a thread of their own, and what they do goes to their grains
/// as the real sensor sends it, through <see cref="ContainerChannel"/>. After a restart those that ran go on, with the gap recorded.
/// </summary>
internal sealed partial class SimulatedSensor : ISensor, IHostedLifecycleService, IDisposable
{
    /// <summary>As in <see cref="SensorOptions"/>.</summary>
    private const int StagedBatches = 32;
    private const int BatchSize = 256;

    private static readonly TimeSpan Round = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan Heartbeat = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan StopTime = TimeSpan.FromSeconds(3);

    private readonly Simulation _simulation;
    private readonly ContainerGrains _grains;
    private readonly CurrentSilo _silo;
    private readonly ILogger<SimulatedSensor> _logger;
    private readonly EmissionLog _log;
    private readonly Random _random;
    private readonly BatchPool _pool = new(BatchSize);
    private readonly KindCounts _dropped = new();
    private readonly ConcurrentDictionary<string, Container> _containers = new(StringComparer.Ordinal);
    private readonly PriorityQueue<Container, DateTimeOffset> _due = new();
    private readonly ConcurrentQueue<Container> _endedCalls = new();
    private readonly ConcurrentQueue<(Container Container, ProfileAssignment Assignment)> _assigned = new();
    private readonly Dictionary<int, SensorEvent[]> _routines = [];
    private readonly AutoResetEvent _wake = new(false);
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Thread _thread;
    private ulong _lastCgroup;
    private volatile bool _quiet;
    private volatile bool _stopping;
    private int _failures;

    public SimulatedSensor(Simulation simulation, ContainerGrains grains, CurrentSilo silo, ILogger<SimulatedSensor> logger)
    {
        (_simulation, _grains, _silo, _logger) = (simulation, grains, silo, logger);
        _log = new EmissionLog(simulation.EmissionLog);
        _random = new Random(HashCode.Combine(simulation.Seed, simulation.Node.GetHashCode(StringComparison.Ordinal), Environment.ProcessId));
        _thread = new Thread(Run) { Name = "containers", IsBackground = true };
    }

    public Task Ready => Task.CompletedTask;

    public IReadOnlyList<string> ContainerIds => [.. _containers.Keys];

    /// <summary>Calls to grains that failed, whose events are lost.</summary>
    public int Failures => _failures;

    /// <summary>Events dropped because a grain was busy or had failed.</summary>
    public long Dropped => _dropped.Total;

    public SensorStatus GetStatus() => new()
    {
        Ready = true,
        Hooks = [],
        Events = new Dictionary<EventKind, long>(),
        Lost = [.. _dropped.AsLosses(LossCount.GrainBusy)],
        Containers = _containers.Count,
        Cgroups = _containers.Count,
    };

    /// <summary>From now on containers do nothing, but none ends.</summary>
    public void Quiet() => _quiet = true;

    public static WorkloadKey WorkloadOf(int number) => new($"ns-{number % 7}", "Deployment", $"app-{number}");

    public static ContainerDescription Describe(string node, string id, int workload, DateTimeOffset startedAt) => new()
    {
        Id = id,
        Name = "app",
        Runtime = "simulated",
        Node = node,
        Workload = WorkloadOf(workload),
        Image = "app:1",
        Origin = ContainerOrigin.Started,
        SeenAt = startedAt,
        CgroupId = 0,
        CgroupPath = $"/{id}",
        Revision = "r1",
    };

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken)
    {
        _thread.Start();
        return Task.CompletedTask;
    }

    // As the real one does it.
    public async Task StoppingAsync(CancellationToken cancellationToken)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        timeout.CancelAfter(StopTime);
        _stopping = true;
        _wake.Set();
        try
        {
            await _ended.Task.WaitAsync(timeout.Token);
            await Task.WhenAll(_containers.Values.Select(static container => container.Grain.FlushAsync())).WaitAsync(timeout.Token);
        }
        catch (Exception exception)
        {
            LogNotFlushed(exception.Message);
        }
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void Dispose() => _log.Dispose();

    private void Run()
    {
        try
        {
            Begin();
            var heartbeat = DateTimeOffset.UtcNow;
            while (!_stopping || _containers.Values.Any(static container => container.Channel.IsCalling || container.Channel.HasEvents))
            {
                Settle();
                var now = DateTimeOffset.UtcNow;
                if (now >= heartbeat)
                {
                    _log.Add(EmissionKind.Up, now, "", 0, []);
                    heartbeat = now + Heartbeat;
                }

                Act(now);
                _wake.WaitOne(Round);
            }

            _log.Flush();
            _ended.TrySetResult();
        }
        catch (Exception exception)
        {
            _ended.TrySetException(exception);
            LogBroken(exception);
        }
    }

    private void Begin()
    {
        var (running, lastAlive) = ReadEarlier();
        var now = DateTimeOffset.UtcNow;
        _log.Add(EmissionKind.Up, now, "", 0, []);
        _log.Flush();
        foreach (var (id, workload, startedAt) in running)
        {
            Follow(id, workload, startedAt, ContainerOrigin.Continued, new ObservationGap(lastAlive, now));
        }

        var index = _simulation.Nodes.ToList().IndexOf(_simulation.Node);
        for (var workload = 0; running.Count == 0 && workload < _simulation.Workloads; workload++)
        {
            for (var replica = 0; replica < _simulation.Replicas; replica++)
            {
                if ((workload + replica) % _simulation.Nodes.Count == index)
                {
                    Start(workload, DateTimeOffset.UtcNow);
                }
            }
        }
    }

    /// <summary>As the node's inventory remembers it.</summary>
    private (IReadOnlyList<(string Id, int Workload, DateTimeOffset StartedAt)> Running, DateTimeOffset LastAlive) ReadEarlier()
    {
        var running = new Dictionary<string, (string, int, DateTimeOffset)>(StringComparer.Ordinal);
        var lastAlive = DateTimeOffset.MinValue;
        foreach (var emission in EmissionLog.Read(_simulation.EmissionLog))
        {
            lastAlive = emission.At;
            if (emission.Kind == EmissionKind.Started)
            {
                running[emission.Container] = (emission.Container, emission.Workload, emission.At);
            }
            else if (emission.Kind == EmissionKind.Ended)
            {
                running.Remove(emission.Container);
            }
        }

        return ([.. running.Values], lastAlive);
    }

    private void Start(int workload, DateTimeOffset now)
    {
        var id = $"{_simulation.Node}-{workload}-{now.UtcTicks}-{++_lastCgroup}";
        _log.Add(EmissionKind.Started, now, id, workload, []);
        _log.Flush();
        Follow(id, workload, now, ContainerOrigin.Started, gap: null);
    }

    private void Follow(string id, int workload, DateTimeOffset startedAt, ContainerOrigin origin, ObservationGap? gap)
    {
        var description = Describe(_simulation.Node, id, workload, startedAt) with { Origin = origin, Gap = gap, CgroupId = ++_lastCgroup };
        Container? container = null;
        var channel = new ContainerChannel(description.CgroupId, _pool, StagedBatches, _dropped, _ =>
        {
            _endedCalls.Enqueue(container!);
            _wake.Set();
        });
        var now = DateTimeOffset.UtcNow;
        container = new Container(id, workload, channel, _grains(description))
        {
            EndsAt = now + Exponential(_simulation.Lifetime),
        };
        _containers[id] = container;
        _due.Enqueue(container, now + Exponential(TimeSpan.FromSeconds(1 / _simulation.DeedsPerSecond)));
        channel.Start(description, container.Grain);
        if (origin == ContainerOrigin.Continued)
        {
            _ = AskAsync(container, description);
        }
    }

    /// <summary>Where it goes on learning: registering twice changes nothing.</summary>
    private async Task AskAsync(Container container, ContainerDescription description)
    {
        while (!_stopping)
        {
            try
            {
                _assigned.Enqueue((container, await _silo.CallAsync(grains => grains.GetGrain<IWorkloadGrain>(description.Workload.GrainKey).RegisterAsync(description))));
                return;
            }
            catch (Exception)
            {
                await Task.Delay(TimeSpan.FromSeconds(1));
            }
        }
    }

    private void Settle()
    {
        while (_endedCalls.TryDequeue(out var container))
        {
            if (container.Channel.CallEnded() is { } error)
            {
                Interlocked.Increment(ref _failures);
                LogCallFailed(container.Id, error.Message);
            }
            else
            {
                _log.Add(EmissionKind.Taken, DateTimeOffset.UtcNow, container.Id, container.Workload, []);
            }

            if (container.Channel.IsEnded)
            {
                _containers.TryRemove(container.Id, out _);
            }
        }

        while (_assigned.TryDequeue(out var answer))
        {
            if (answer.Assignment.Slot.Partial)
            {
                _log.Add(EmissionKind.Partial, DateTimeOffset.UtcNow, answer.Container.Id, answer.Container.Workload, []);
            }
        }
    }

    private void Act(DateTimeOffset now)
    {
        var dirty = new List<Container>();
        while (!_stopping && _due.TryPeek(out var container, out var at) && at <= now)
        {
            _due.Dequeue();
            if (_quiet)
            {
                continue;
            }

            if (now >= container.EndsAt)
            {
                _log.Add(EmissionKind.Ended, now, container.Id, container.Workload, []);
                _log.Flush();
                container.Channel.End();
                Start(container.Workload, now);
                continue;
            }

            Do(container, now);
            dirty.Add(container);
            _due.Enqueue(container, now + Exponential(TimeSpan.FromSeconds(1 / _simulation.DeedsPerSecond)));
        }

        _log.Flush();
        foreach (var container in dirty)
        {
            container.Channel.Flush();
        }
    }

    private void Do(Container container, DateTimeOffset now)
    {
        var deed = _random.NextDouble() < _simulation.UniqueShare
            ? Behaviours.Make(_random, $"{container.Workload}/only-{container.Id}-{++container.Deeds}")
            : RoutineOf(container.Workload) is var routine ? routine[(int)(routine.Length * _random.NextDouble() * _random.NextDouble())] : default;
        deed.Timestamp = EpochClock.ToBoot(now);
        ref var place = ref container.Channel.TryAdd(deed.Kind);
        if (!Unsafe.IsNullRef(ref place))
        {
            place = deed;
            _log.Add(EmissionKind.Did, now, container.Id, container.Workload, Behaviours.Of(deed));
        }
    }

    private SensorEvent[] RoutineOf(int workload)
    {
        if (!_routines.TryGetValue(workload, out var routine))
        {
            _routines.Add(workload, routine = Behaviours.RoutineOf(workload, _simulation.Seed));
        }

        return routine;
    }

    private TimeSpan Exponential(TimeSpan mean) => -mean * Math.Log(1 - _random.NextDouble());

    [LoggerMessage(Level = LogLevel.Warning, Message = "Not everything learned was stored before the end. {Reason}")]
    private partial void LogNotFlushed(string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The grain of {Container} did not take its events: {Reason}")]
    private partial void LogCallFailed(string container, string reason);

    [LoggerMessage(Level = LogLevel.Critical, Message = "The simulated containers broke.")]
    private partial void LogBroken(Exception exception);

    private sealed class Container(string id, int workload, ContainerChannel channel, IContainerGrain grain)
    {
        public string Id { get; } = id;

        public int Workload { get; } = workload;

        public ContainerChannel Channel { get; } = channel;

        public IContainerGrain Grain { get; } = grain;

        public DateTimeOffset EndsAt { get; init; }

        /// <summary>How many there were that only this one does, since the process started.</summary>
        public int Deeds { get; set; }
    }
}
