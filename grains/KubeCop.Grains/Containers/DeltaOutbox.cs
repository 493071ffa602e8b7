using KubeCop.Core.Profiles;
using KubeCop.Core.Workloads;
using KubeCop.Grains.Abstractions;
using KubeCop.Grains.Abstractions.Workloads;
using Microsoft.Extensions.Logging;

namespace KubeCop.Grains.Containers;

/// <summary>
/// What a container learned and its workload grain has not stored yet: journalled at once, offered to the workload one delta at a time, kept
/// until the workload has stored it. What is added while one is under way goes together in the next, so its size follows the workload's speed.
/// It holds at most what the container's monitor can learn. Belongs to one container's turns: not for several threads.
/// </summary>
internal sealed partial class DeltaOutbox(IBehaviourJournal journal, CurrentSilo silo, StorageWarnings warnings, TimeProvider time, ILogger logger)
{
    /// <summary>A workload that has not written for a while does so at once.</summary>
    private static readonly TimeSpan FirstQuestion = TimeSpan.FromSeconds(1);

    /// <summary>Between two questions whether learning has ended.</summary>
    private static readonly TimeSpan DecisionPause = TimeSpan.FromSeconds(1);

    private readonly Queue<Entry> _entries = new();
    private readonly Queue<Offered> _offered = new();
    private Task _sending = Task.CompletedTask;
    private Task _storing = Task.CompletedTask;
    private Backoff _retry;
    private long _askedAt;
    private TimeSpan _askAfter;
    private long? _undecidedAt;

    public bool IsEmpty => _entries.Count == 0 && _offered.Count == 0;

    /// <summary>Deltas not acknowledged.</summary>
    public int Count => _entries.Count + _offered.Count;

    public void Add(ContainerDescription container, ProfileAssignment assignment, IReadOnlyList<ObservedItem> items, long lost)
    {
        var (workload, replicas) = (container.Workload, ReplicaSketch.Of(container.Id));
        foreach (var chunk in items.Count > 0 ? items.Chunk(ProfileDelta.MostItems) : [[]])
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
        foreach (var chunk in items.Chunk(ProfileDelta.MostItems))
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

    /// <summary>A container is known better: what waits for its workload goes there.</summary>
    public void Describe(ContainerDescription container)
    {
        for (var count = _entries.Count; count > 0; count--)
        {
            var entry = _entries.Dequeue();
            _entries.Enqueue(entry.Delta.Unregistered is { AwaitsOwner: true } ? entry.Of(container) : entry);
        }
    }

    /// <summary>Sends what there is unless it is being done, or failed a moment ago.</summary>
    /// <param name="hurry">To have what was sent before stored now.</param>
    public void Send(bool hurry = false)
    {
        if (IsSendable && _sending.IsCompleted && _retry.IsDue(time) && !(_undecidedAt is { } at && time.GetElapsedTime(at) < DecisionPause))
        {
            _undecidedAt = null;
            _sending = OfferAllAsync();
        }

        if (_offered.Count > 0 && _storing.IsCompleted && _retry.IsDue(time) && (hurry || time.GetElapsedTime(_askedAt) >= _askAfter))
        {
            _storing = AskWhatIsStoredAsync(hurry);
        }
    }

    /// <summary>There is another silo: sends at once what failed, and asks at once about what the one before may have taken with it.</summary>
    public void Resume()
    {
        _retry.Succeeded();
        _askAfter = default;
        Send();
    }

    /// <summary>Waits until everything is acknowledged that can be.</summary>
    /// <returns>
    /// False when <paramref name="bound"/> has passed first, or the workload does not know yet whether it wants the rest: that is in the journal
    /// and still sent.
    /// </returns>
    public async Task<bool> DrainAsync(TimeSpan bound)
    {
        using var timeout = new CancellationTokenSource(bound, time);
        var expired = Task.Delay(Timeout.Infinite, timeout.Token);
        _retry.Succeeded();
        while ((IsSendable || _offered.Count > 0) && !expired.IsCompleted && (_undecidedAt is null || _offered.Count > 0))
        {
            Send(hurry: true);
            var pause = Task.Delay(TimeSpan.FromMilliseconds(100), time);
            await Task.WhenAny(_sending.IsCompleted ? pause : _sending, _storing.IsCompleted ? pause : _storing, pause, expired);
        }

        return IsEmpty;
    }

    /// <summary>Whether the next to be sent has a workload to be sent to.</summary>
    private bool IsSendable => _entries.TryPeek(out var first) && first.Delta.Unregistered is not { AwaitsOwner: true };

    private async Task OfferAllAsync()
    {
        while (IsSendable && _entries.TryPeek(out var first))
        {
            var (delta, count) = ProfileDelta.UniteFirst(_entries.TakeWhile(entry => entry.Workload == first.Workload).Select(static entry => entry.Delta));
            DeltaReceipt receipt;
            try
            {
                receipt = await silo.CallAsync(grains => grains.GetGrain<IWorkloadGrain>(first.Workload.GrainKey).OfferAsync(delta));
            }
            catch (Exception e)
            {
                Failed(first.Workload, e);
                return;
            }

            _retry.Succeeded();
            if (receipt.Outcome == DeltaOutcome.Undecided)
            {
                _undecidedAt = time.GetTimestamp();
                return;
            }

            for (; count > 0; count--)
            {
                var entry = _entries.Dequeue();
                if (receipt.Outcome == DeltaOutcome.Discarded)
                {
                    // As good an answer as stored: nobody will want it again.
                    journal.Acknowledge(entry.Sequence);
                }
                else
                {
                    if (_offered.Count == 0)
                    {
                        (_askedAt, _askAfter) = (time.GetTimestamp(), FirstQuestion);
                    }

                    _offered.Enqueue(new Offered(entry, receipt.Activation, receipt.Change));
                }
            }
        }
    }

    private async Task AskWhatIsStoredAsync(bool hurry)
    {
        (_askedAt, _askAfter) = (time.GetTimestamp(), ProfileWrites.Spacing);
        foreach (var activation in _offered.Select(static offered => (offered.Entry.Workload, offered.Activation)).Distinct().ToList())
        {
            long? stored;
            try
            {
                stored = await silo.CallAsync(grains => grains.GetGrain<IWorkloadGrain>(activation.Workload.GrainKey).StoreAsync(activation.Activation, hurry));
            }
            catch (Exception e)
            {
                Failed(activation.Workload, e);
                return;
            }

            _retry.Succeeded();
            for (var count = _offered.Count; count > 0; count--)
            {
                var offered = _offered.Dequeue();
                if (offered.Activation != activation.Activation || offered.Change > stored)
                {
                    _offered.Enqueue(offered);
                }
                else if (stored is null)
                {
                    _entries.Enqueue(offered.Entry);
                }
                else
                {
                    journal.Acknowledge(offered.Entry.Sequence);
                }
            }
        }
    }

    private void Failed(WorkloadKey workload, Exception e)
    {
        if (warnings.IsDue(workload.ToString(), out var failures))
        {
            LogNotStored(workload, StorageWarnings.ReasonOf(e), failures);
        }

        _retry.Failed(time);
    }

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "What was learned of {Workload} could not be stored; it is journalled on this node and sent again. {Reason} (failures since this was last told: {Failures})")]
    private partial void LogNotStored(WorkloadKey workload, string reason, int failures);

    private sealed record Entry(long Sequence, WorkloadKey Workload, ProfileDelta Delta)
    {
        public Entry Of(ContainerDescription container) => this with { Workload = container.Workload, Delta = Delta with { Unregistered = container } };
    }

    /// <param name="Activation">Of the workload's grain, which has it in memory at least.</param>
    /// <param name="Change">With which it came there.</param>
    private sealed record Offered(Entry Entry, Guid Activation, long Change);
}
