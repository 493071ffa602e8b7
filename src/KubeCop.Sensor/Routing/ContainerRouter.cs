using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using KubeCop.Core.Events;
using KubeCop.Core.Workloads;
using KubeCop.Grains.Abstractions.Containers;
using KubeCop.Sensor.Bpf;
using KubeCop.Sensor.Containers;
using KubeCop.Sensor.Decoding;
using Microsoft.Extensions.Logging;

namespace KubeCop.Sensor.Routing;

/// <summary>
/// Takes records off the ring and gives each container's events to its grain. Finds out through <see cref="IContainerDiscovery"/> which
/// cgroups are containers, and keeps the events of those it does not know yet. Everything but what is said to be for any thread belongs to
/// the reader's.
/// </summary>
internal sealed partial class ContainerRouter(
    IKernelCgroups kernel,
    IContainerDiscovery discovery,
    ContainerGrains grains,
    SensorOptions options,
    TimeProvider time,
    Action wake,
    ILogger<ContainerRouter> logger) : IRecordConsumer
{
    private static readonly TimeSpan SweepInterval = TimeSpan.FromSeconds(10);

    private readonly EventDecoder _decoder = new();
    private readonly BatchPool _pool = new(options.BatchSize);
    private readonly Dictionary<ulong, Route> _routes = [];
    private readonly List<ContainerChannel> _dirty = [];
    private readonly ConcurrentQueue<ContainerChannel> _endedCalls = new();
    private readonly ConcurrentDictionary<ulong, ContainerChannel> _containers = new();
    private Route? _last;
    private long _swept;
    private int _unsettled;

    /// <summary>The containers now watched, by their cgroup. Their descriptions and what they dropped are for any thread.</summary>
    public IReadOnlyDictionary<ulong, ContainerChannel> Containers => _containers;

    /// <summary>Cgroups whose events go to a grain, or wait until it is known what they are. From any thread.</summary>
    public int Followed => _routes.Count;

    /// <summary>Calls of containers' grains that have not returned. From any thread.</summary>
    public int InFlight => Volatile.Read(ref _unsettled);

    /// <summary>Events dropped because a container's grain did not keep up. From any thread.</summary>
    public KindCounts Dropped { get; } = new();

    /// <summary>Events dropped because their cgroup was not recognised as a container, or as a part of one, in time. From any thread.</summary>
    public KindCounts Unrecognised { get; } = new();

    /// <summary>Events dropped because their record could not be read. From any thread.</summary>
    public KindCounts Unreadable { get; } = new();

    /// <summary>Every event that was read has been taken by its grain, but for those that may wait: see <see cref="Hurry"/>.</summary>
    public bool IsIdle => _unsettled == 0 && _dirty.Count == 0;

    /// <summary>Events read from the ring, by kind. From any thread.</summary>
    public KindCounts Events { get; } = new();

    /// <summary>There is something to do for <see cref="Settle"/>.</summary>
    public bool HasWork => !_endedCalls.IsEmpty || discovery.HasResults;

    public void Consume(ReadOnlySpan<byte> record)
    {
        ref readonly var head = ref EventDecoder.Head(record);
        switch (head.Kind)
        {
            case RecordKind.CgroupCreated:
                var created = RouteOf(head.CgroupId);
                created.Path = EventDecoder.CgroupPath(record);
                created.Maker = EventDecoder.CgroupMaker(record);
                Discover(created);
                break;
            case RecordKind.CgroupPopulated:
                OnPopulated(RouteOf(head.CgroupId));
                break;
            case RecordKind.CgroupEmpty:
                OnEmpty(RouteOf(head.CgroupId));
                break;
            case RecordKind.CgroupRemoved:
                OnRemoved(head.CgroupId);
                break;
            default:
                OnEvent(head.CgroupId, head.Kind, record);
                break;
        }
    }

    /// <summary>A container that already ran when the sensor started. Its processes are consumed after it, as records of a snapshot.</summary>
    public void Adopt(ContainerDescription container)
    {
        var route = RouteOf(container.CgroupId);
        route.Path = container.CgroupPath;
        Start(route, container);
    }

    /// <summary>Goes on with what other threads have finished, then sends everything that waits and can go.</summary>
    public void Settle()
    {
        while (_endedCalls.TryDequeue(out var channel))
        {
            _unsettled--;
            OnCallEnded(channel);
        }

        while (discovery.TryTake(out var result))
        {
            OnDiscovered(result);
        }

        foreach (var channel in _dirty)
        {
            channel.IsDirty = false;
            Flush(channel);
        }

        _dirty.Clear();
    }

    /// <summary>Sends with the next <see cref="Settle"/> also what could wait for other events of its container.</summary>
    public void Hurry()
    {
        foreach (var route in _routes.Values)
        {
            if (route.Channel is { Container: not null, HasEvents: true })
            {
                MarkDirty(route.Channel);
            }
        }
    }

    /// <summary>
    /// Asks a last time about cgroups that were not recognised in time, and keeps no more of their events if the answer is the same. To be
    /// called about once a second.
    /// </summary>
    public void Expire()
    {
        Hurry();
        var now = time.GetTimestamp();
        foreach (var route in _routes.Values)
        {
            AddLost(route);
            if (route.Channel.Dropped.Total is var dropped && dropped > route.DroppedBefore)
            {
                route.DroppedBefore = dropped;
                kernel.ForgetAll(route.Channel.CgroupId);
            }

            if (route is { IsAsked: false, Channel.Container: null } && time.GetElapsedTime(route.Since, now) > options.PendingTime)
            {
                route.IsLastTime = true;
                Discover(route);
            }
        }

        if (time.GetElapsedTime(_swept, now) > SweepInterval)
        {
            _swept = now;
            Sweep();
        }
    }

    /// <summary>Ends what is gone without a word, because the record of its removal was lost.</summary>
    private void Sweep()
    {
        foreach (var route in _routes.Values.Where(static route => !route.IsRemoved).ToList())
        {
            // Twice in a row: the record of its removal may still be in the ring.
            var isGone = !kernel.Knows(route.Channel.CgroupId);
            if (isGone && route.IsMissed)
            {
                OnRemoved(route.Channel.CgroupId);
            }

            route.IsMissed = isGone;
        }

        kernel.Sweep();
    }

    private void OnEvent(ulong cgroupId, RecordKind kind, ReadOnlySpan<byte> record)
    {
        var route = _last is { } last && last.Channel.CgroupId == cgroupId ? last : _last = RouteOf(cgroupId);
        var channel = route.Channel;
        var isSnapshot = ((EventFlags)EventDecoder.Head(record).Flags & EventFlags.Snapshot) != 0;
        if (!isSnapshot)
        {
            Events.Add((EventKind)kind);
        }

        ref var place = ref channel.TryAdd((EventKind)kind, beyondLimit: isSnapshot);
        if (Unsafe.IsNullRef(ref place))
        {
            return;
        }

        if (!_decoder.TryDecode(record, ref place))
        {
            channel.RemoveLast();
            channel.AddLost(1);
            Unreadable.Add((EventKind)kind);
            MarkDirty(channel);
            return;
        }

        if (channel.Container is not null)
        {
            if (isSnapshot || channel.HasFullBatch || !CanWait(kind))
            {
                MarkDirty(channel);
            }
        }
        else if (kind == RecordKind.Exec)
        {
            // By its first exec a runtime has written its files.
            route.IsEntered |= (place.Flags & EventFlags.Entered) != 0;
            Discover(route);
        }
    }

    // They complete the process tree for what comes after them, and nobody is waiting for them alone.
    private static bool CanWait(RecordKind kind) => kind is RecordKind.Fork or RecordKind.Exit;

    private void AddLost(Route route)
    {
        if (kernel.TakeLost(route.Channel.CgroupId) is var lost and > 0)
        {
            route.Channel.AddLost(lost);
            MarkDirty(route.Channel);
        }
    }

    private void MarkDirty(ContainerChannel channel)
    {
        if (!channel.IsDirty)
        {
            channel.IsDirty = true;
            _dirty.Add(channel);
        }
    }

    private Route RouteOf(ulong cgroupId)
    {
        if (!_routes.TryGetValue(cgroupId, out var route))
        {
            route = NewRoute(cgroupId, "");
            _routes.Add(cgroupId, route);
        }

        return route;
    }

    private Route NewRoute(ulong cgroupId, string path) =>
        new(new ContainerChannel(cgroupId, _pool, options.StagedBatches, Dropped, OnCallCompleted), time.GetTimestamp()) { Path = path };

    private void Discover(Route route)
    {
        if (route.Channel.Container is not null)
        {
            return;
        }

        // Asked while an answer is under way, that answer may be of the time before: another one is needed.
        route.AskAgain = route.IsAsked;
        if (!route.IsAsked)
        {
            route.IsAsked = true;
            discovery.Ask(new DiscoveryRequest(route.Channel.CgroupId, route.Path, time.GetUtcNow(), route.Maker));
        }
    }

    private void OnDiscovered(DiscoveryResult result)
    {
        if (!_routes.TryGetValue(result.CgroupId, out var route))
        {
            return;
        }

        route.IsAsked = false;
        if (route.Channel.Container is not null)
        {
            return;
        }

        switch (result)
        {
            case { Container: { } container } when container.CgroupId == result.CgroupId:
                Start(route, container);
                break;
            case { Container: { } container }:
                // A cgroup below a container, made before that was known as one.
                kernel.Watch(result.CgroupId, container.CgroupId);
                Drop(route, Unrecognised);
                break;
            case { IsNoContainer: true }:
                Forget(result.CgroupId, route);
                break;
            default:
                if (route.AskAgain)
                {
                    Discover(route);
                }
                else if (route.IsRemoved)
                {
                    kernel.Ignore(result.CgroupId);
                    DropUnrecognised(route);
                }
                else if (route.IsLastTime)
                {
                    kernel.Rest(result.CgroupId);
                    DropUnrecognised(route);
                }

                break;
        }
    }

    private void Start(Route route, ContainerDescription container)
    {
        kernel.Watch(container.CgroupId, container.CgroupId);
        LogContainerStarted(container.Id, container.Name, container.Runtime, container.Origin);
        _unsettled++;
        route.Channel.Start(container, grains(container));
        _containers[container.CgroupId] = route.Channel;
        if (route.IsEmpty || route.IsRemoved)
        {
            End(route.Channel);
        }
    }

    private void OnPopulated(Route route)
    {
        route.IsEmpty = false;
        Discover(route);
        if (route.Channel is { Container: { } container, IsEnding: true })
        {
            // The same container was started again: a new life of the same grain, after the old one has ended.
            var next = NewRoute(container.CgroupId, route.Path);
            _routes[container.CgroupId] = next;
            _last = null;
            Start(next, container with { Origin = ContainerOrigin.Continued, Gap = null });
        }
    }

    private void OnEmpty(Route route)
    {
        route.IsEmpty = true;
        AddLost(route);
        End(route.Channel);
    }

    private void OnRemoved(ulong cgroupId)
    {
        if (!_routes.TryGetValue(cgroupId, out var route))
        {
            kernel.Removed(cgroupId);
            return;
        }

        route.IsRemoved = true;
        AddLost(route);
        kernel.Removed(cgroupId);
        if (route.Channel.Container is not null)
        {
            End(route.Channel);
        }
        else
        {
            // Its runtime's files may be there a moment longer than its cgroup.
            Discover(route);
        }

        RemoveEnded(route);
    }

    private void End(ContainerChannel channel)
    {
        if (channel is { Container: not null, IsEnding: false })
        {
            var busy = channel.IsCalling;
            channel.End();
            _unsettled += !busy && channel.IsCalling ? 1 : 0;
        }
    }

    private void Flush(ContainerChannel channel)
    {
        var busy = channel.IsCalling;
        channel.Flush();
        _unsettled += !busy && channel.IsCalling ? 1 : 0;
    }

    /// <summary>On the thread that completed the call.</summary>
    private void OnCallCompleted(ContainerChannel channel)
    {
        _endedCalls.Enqueue(channel);
        wake();
    }

    private void OnCallEnded(ContainerChannel channel)
    {
        if (channel.CallEnded() is { } error)
        {
            LogCallFailed(error, channel.Container!.Id);
        }

        _unsettled += channel.IsCalling ? 1 : 0;
        if (channel.IsEnded && _routes.TryGetValue(channel.CgroupId, out var route) && route.Channel == channel)
        {
            _containers.TryRemove(channel.CgroupId, out _);
            discovery.Forget(channel.Container!);
            LogContainerEnded(channel.Container!.Id);
            RemoveEnded(route);
        }
    }

    private void RemoveEnded(Route route)
    {
        if (route is { IsRemoved: true, Channel.IsEnded: true })
        {
            _routes.Remove(route.Channel.CgroupId);
            _last = null;
        }
    }

    /// <summary>The cgroup is no container.</summary>
    private void Forget(ulong cgroupId, Route route)
    {
        kernel.Ignore(cgroupId);
        Drop(route);
    }

    /// <summary>Nobody has said what the cgroup is. If a runtime has used it, a container has gone unseen, and what is dropped is counted.</summary>
    private void DropUnrecognised(Route route)
    {
        if (route.IsEntered)
        {
            LogUnrecognised(route.Path, route.Channel.StagedEvents);
        }

        Drop(route, route.IsEntered ? Unrecognised : null);
    }

    private void Drop(Route route, KindCounts? counts = null)
    {
        route.Channel.Discard(counts);
        _routes.Remove(route.Channel.CgroupId);
        _last = null;
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Watching container {ContainerId} ({Name}, {Runtime}): {Origin}")]
    private partial void LogContainerStarted(string containerId, string name, string runtime, ContainerOrigin origin);

    [LoggerMessage(Level = LogLevel.Information, Message = "Container {ContainerId} has ended")]
    private partial void LogContainerEnded(string containerId);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "A runtime ran something in cgroup {Path}, but no runtime's files say what container that is; its {Count} events are counted as lost")]
    private partial void LogUnrecognised(string path, int count);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The grain of container {ContainerId} did not take its events; they are counted as lost")]
    private partial void LogCallFailed(Exception error, string containerId);

    /// <summary>A cgroup that is, or might become, a container.</summary>
    private sealed class Route(ContainerChannel channel, long since)
    {
        public ContainerChannel Channel { get; } = channel;

        public long Since { get; } = since;

        /// <summary>Empty when the record of its creation was lost.</summary>
        public string Path { get; set; } = "";

        public CgroupMaker? Maker { get; set; }

        /// <summary>A program was started in it from outside, in a mount namespace of its own: what a runtime does.</summary>
        public bool IsEntered { get; set; }

        /// <summary>Events dropped on their way to the grain whose behaviour the kernel was told to report anew.</summary>
        public long DroppedBefore { get; set; }

        public bool IsAsked { get; set; }

        public bool AskAgain { get; set; }

        /// <summary>Its time is over: without an answer it rests.</summary>
        public bool IsLastTime { get; set; }

        public bool IsEmpty { get; set; }

        public bool IsRemoved { get; set; }

        /// <summary>The kernel side did not know it any more at the last sweep.</summary>
        public bool IsMissed { get; set; }
    }
}
