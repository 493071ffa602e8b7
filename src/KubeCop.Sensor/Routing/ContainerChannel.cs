using KubeCop.Core.Events;
using KubeCop.Core.Workloads;
using KubeCop.Grains.Abstractions.Containers;

namespace KubeCop.Sensor.Routing;

/// <summary>
/// The way of one container's events to its grain, in order, one call at a time. Events are staged while the container is not yet known or
/// its grain is busy; what does not fit is dropped and counted for this container alone. All members belong to the reader's thread.
/// </summary>
/// <param name="cgroupId">The container's cgroup.</param>
/// <param name="pool">Where batches come from and go to.</param>
/// <param name="maxStaged">Batches that may wait.</param>
/// <param name="droppedOfAll">Counts what all channels drop.</param>
/// <param name="callEnded">Called on the thread that completed a call.</param>
internal sealed class ContainerChannel(ulong cgroupId, BatchPool pool, int maxStaged, KindCounts droppedOfAll, Action<ContainerChannel> callEnded)
{
    private readonly Queue<EventBatch> _staged = new();
    private EventBatch? _filling;
    private EventBatch? _sent;
    private Task? _call;
    private IContainerGrain? _grain;
    private long _lostBefore;
    private bool _tellsLoss;
    private bool _started;
    private bool _ending;
    private bool _stopping;

    public ulong CgroupId { get; } = cgroupId;

    /// <summary>Null until the container is known.</summary>
    public ContainerDescription? Container { get; private set; }

    public IContainerGrain? Grain => _grain;

    /// <summary>Nothing more to do: the grain was told of the end, or the cgroup was no container.</summary>
    public bool IsEnded { get; private set; }

    /// <summary>The grain has not yet returned from the last call.</summary>
    public bool IsCalling => _call is not null;

    public bool IsEnding => _ending;

    /// <summary>In the router's list of channels to flush.</summary>
    public bool IsDirty { get; set; }

    /// <summary>Events dropped because the grain was busy or had failed. From any thread.</summary>
    public KindCounts Dropped { get; } = new();

    /// <summary>Events that wait for the container to be known or its grain to be free.</summary>
    public int StagedEvents => _staged.Sum(static batch => batch.Count) + (_filling?.Count ?? 0);

    /// <summary>Events are staged.</summary>
    public bool HasEvents => HasFullBatch || _filling is { Count: > 0 };

    /// <summary>As many events are staged as a call takes.</summary>
    public bool HasFullBatch => _staged.Count > 0 || _filling is { IsFull: true };

    /// <summary>The place for the next event; null reference when there is none and the event is dropped.</summary>
    /// <param name="kind">Of the event.</param>
    /// <param name="beyondLimit">Of a snapshot: there are only as many as there are processes, and none comes again.</param>
    public ref SensorEvent TryAdd(EventKind kind, bool beyondLimit = false)
    {
        if (_filling is { IsFull: true })
        {
            if (_staged.Count >= maxStaged && !beyondLimit)
            {
                Drop(kind);
                _lostBefore++;
                return ref System.Runtime.CompilerServices.Unsafe.NullRef<SensorEvent>();
            }

            _staged.Enqueue(_filling);
            _filling = null;
        }

        if (_filling is null)
        {
            _filling = pool.Rent();
            _filling.LostBefore = _lostBefore;
            _lostBefore = 0;
        }

        return ref _filling.Add();
    }

    /// <summary>Events of this container were lost before they came here: its grain is told with the next batch, an empty one if need be.</summary>
    public void AddLost(long count)
    {
        _lostBefore += count;
        _tellsLoss = true;
    }

    /// <summary>Takes back the place that <see cref="TryAdd"/> gave last.</summary>
    public void RemoveLast() => _filling!.RemoveLast();

    /// <summary>The container is known now: its grain is started, then gets what was staged.</summary>
    public void Start(ContainerDescription container, IContainerGrain grain)
    {
        Container = container;
        _grain = grain;
        Call(grain.StartAsync(container));
    }

    /// <summary>The container has ended: its grain is stopped after the last event.</summary>
    public void End()
    {
        _ending = true;
        _tellsLoss = true;
        Flush();
    }

    /// <summary>Sends what is staged unless a call is under way.</summary>
    public void Flush()
    {
        if (_call is not null || !_started || IsEnded)
        {
            return;
        }

        if (_staged.TryDequeue(out var batch) || TakeFilling(out batch) || TakeLoss(out batch))
        {
            _sent = batch;
            Call(_grain!.IngestAsync(batch));
        }
        else if (_ending)
        {
            _stopping = true;
            Call(_grain!.StopAsync());
        }
    }

    /// <summary>A call has ended; goes on with what waits.</summary>
    /// <returns>The call's error, if it failed.</returns>
    public Exception? CallEnded()
    {
        var error = _call!.Exception?.GetBaseException();
        _call = null;
        if (_sent is { } batch)
        {
            if (error is not null)
            {
                foreach (ref readonly var lost in batch.Events)
                {
                    Drop(lost.Kind);
                }

                _lostBefore += batch.LostBefore + batch.Count;
            }

            _sent = null;
            pool.Return(batch);
        }

        if (!_started && error is not null)
        {
            Call(RetryStartAsync(_grain!, Container!));
        }
        else
        {
            _started = true;
            IsEnded = _stopping;
            Flush();
        }

        return error;
    }

    /// <summary>Gives back what is staged.</summary>
    /// <param name="counts">Where it is counted; null when it does not matter.</param>
    public void Discard(KindCounts? counts = null)
    {
        while (_staged.TryDequeue(out var batch) || TakeFilling(out batch))
        {
            foreach (ref readonly var discarded in batch.Events)
            {
                counts?.Add(discarded.Kind);
            }

            pool.Return(batch);
        }

        IsEnded = true;
    }

    private void Drop(EventKind kind)
    {
        Dropped.Add(kind);
        droppedOfAll.Add(kind);
    }

    private static async Task RetryStartAsync(IContainerGrain grain, ContainerDescription container)
    {
        await Task.Delay(TimeSpan.FromSeconds(1));
        await grain.StartAsync(container);
    }

    private bool TakeFilling([System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out EventBatch? batch)
    {
        batch = _filling is { Count: > 0 } ? _filling : null;
        if (batch is not null)
        {
            _filling = null;
        }

        return batch is not null;
    }

    /// <summary>A batch without events that only tells of a loss.</summary>
    private bool TakeLoss([System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out EventBatch? batch)
    {
        // Once for each loss: a grain that fails is not asked again and again.
        batch = _tellsLoss && _lostBefore > 0 ? pool.Rent() : null;
        _tellsLoss = false;
        if (batch is not null)
        {
            batch.LostBefore = _lostBefore;
            _lostBefore = 0;
        }

        return batch is not null;
    }

    private void Call(Task call)
    {
        _call = call;
        if (call.IsCompleted)
        {
            callEnded(this);
        }
        else
        {
            call.ConfigureAwait(false).GetAwaiter().UnsafeOnCompleted(() => callEnded(this));
        }
    }
}
