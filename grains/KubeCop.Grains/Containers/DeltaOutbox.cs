using KubeCop.Core.Profiles;
using KubeCop.Core.Workloads;
using KubeCop.Grains.Abstractions.Workloads;
using Microsoft.Extensions.Logging;

namespace KubeCop.Grains.Containers;

/// <summary>
/// What a container learned and its workload grain has not stored yet: journalled at once, sent one delta at a time, kept until
/// acknowledged. What is added while one is under way goes together in the next, so its size follows the storage's speed. It holds at most
/// what the container's monitor can learn. Belongs to one grain: not for several threads.
/// </summary>
internal sealed partial class DeltaOutbox(IBehaviourJournal journal, IGrainFactory grains, StorageWarnings warnings, TimeProvider time, ILogger logger)
{
    /// <summary>Keeps a delta far below the size of an Orleans message, paths of 4 KiB included.</summary>
    private const int MostItems = 1000;

    private readonly Queue<Entry> _entries = new();
    private Task _sending = Task.CompletedTask;
    private Backoff _retry;

    public bool IsEmpty => _entries.Count == 0;

    /// <summary>Deltas not acknowledged.</summary>
    public int Count => _entries.Count;

    public void Add(ContainerDescription container, ProfileAssignment assignment, IReadOnlyList<ObservedItem> items, long lost)
    {
        var (workload, replicas) = (container.Workload, ReplicaSketch.Of(container.Id));
        foreach (var chunk in items.Count > 0 ? items.Chunk(MostItems) : [[]])
        {
            var delta = new ProfileDelta { Slot = assignment.Slot, Generation = assignment.Generation, Items = chunk, Lost = lost, Replicas = replicas };
            lost = 0;
            _entries.Enqueue(new Entry(journal.Append(workload, delta), workload, delta));
        }

        Send();
    }

    /// <summary>What a container has seen that could not register yet: only in the journal does it outlive this process.</summary>
    public void AddUnregistered(ContainerDescription container, IReadOnlyList<ObservedItem> items)
    {
        foreach (var chunk in items.Chunk(MostItems))
        {
            var delta = new ProfileDelta
            {
                Slot = new ProfileSlot(container.Name, container.Revision, container.Origin != ContainerOrigin.Started),
                Generation = 0,
                Items = chunk,
                Replicas = ReplicaSketch.Of(container.Id),
                Unregistered = container,
            };
            _entries.Enqueue(new Entry(journal.Append(container.Workload, delta), container.Workload, delta));
        }

        Send();
    }

    /// <summary>Sends what there is unless it is being done, or failed a moment ago.</summary>
    public void Send()
    {
        if (_sending.IsCompleted && !IsEmpty && _retry.IsDue(time))
        {
            _sending = SendAllAsync();
        }
    }

    /// <summary>Waits until everything is acknowledged.</summary>
    /// <returns>False when <paramref name="bound"/> has passed first; the rest is in the journal and still sent.</returns>
    public async Task<bool> DrainAsync(TimeSpan bound)
    {
        using var timeout = new CancellationTokenSource(bound, time);
        var expired = Task.Delay(Timeout.Infinite, timeout.Token);
        _retry.Succeeded();
        while (!IsEmpty && !expired.IsCompleted)
        {
            Send();
            await Task.WhenAny(_sending.IsCompleted ? Task.Delay(TimeSpan.FromMilliseconds(100), time) : _sending, expired);
        }

        return IsEmpty;
    }

    private async Task SendAllAsync()
    {
        while (_entries.TryPeek(out var first))
        {
            var batch = TakeBatch(first);
            try
            {
                await grains.GetGrain<IWorkloadGrain>(first.Workload.GrainKey).MergeAsync(Combine(batch));
            }
            catch (Exception e)
            {
                if (warnings.IsDue(first.Workload.ToString(), out var failures))
                {
                    LogNotStored(first.Workload, StorageWarnings.ReasonOf(e), failures);
                }

                _retry.Failed(time);
                return;
            }

            // Discarded is an answer as good as stored: nobody will want it again.
            _retry.Succeeded();
            foreach (var entry in batch)
            {
                _entries.Dequeue();
                journal.Acknowledge(entry.Sequence);
            }
        }
    }

    private List<Entry> TakeBatch(Entry first)
    {
        var (batch, items) = (new List<Entry>(), 0);
        foreach (var entry in _entries)
        {
            items += entry.Delta.Items.Count;
            if (batch.Count > 0
                && (items > MostItems || entry.Workload != first.Workload || entry.Delta.Slot != first.Delta.Slot || entry.Delta.Generation != first.Delta.Generation
                    || entry.Delta.Unregistered != first.Delta.Unregistered))
            {
                break;
            }

            batch.Add(entry);
        }

        return batch;
    }

    private static ProfileDelta Combine(List<Entry> batch) => batch.Count == 1
        ? batch[0].Delta
        : batch[0].Delta with
        {
            Items = batch.SelectMany(static entry => entry.Delta.Items).ToArray(),
            Lost = batch.Sum(static entry => entry.Delta.Lost),
        };

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "What was learned of {Workload} could not be stored; it is journalled on this node and sent again. {Reason} (failures since this was last told: {Failures})")]
    private partial void LogNotStored(WorkloadKey workload, string reason, int failures);

    private sealed record Entry(long Sequence, WorkloadKey Workload, ProfileDelta Delta);
}
