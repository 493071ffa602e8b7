using KubeCop.Core.Profiles;
using KubeCop.Core.Workloads;
using KubeCop.Grains.Abstractions;
using KubeCop.Grains.Abstractions.Workloads;
using KubeCop.Grains.Workloads;
using Microsoft.Extensions.Logging;

namespace KubeCop.Grains.Profiles;

/// <summary>
/// The profiles that containers of this process add to or are guarded by: fetched and compiled once for all of them. Changes are pushed by
/// the workload grains, and because a push can be lost each profile is also compared by version from time to time, and at once when the silo of its
/// workload is going. Those that guard are kept on the node, and are there again, after a restart too, while their workload cannot be asked.
/// </summary>
internal sealed partial class ProfileCache(CurrentSilo silo, IKeptProfiles kept, StorageWarnings warnings, TimeProvider time, ILogger<ProfileCache> logger) : IProfileObserver
{
    private static readonly TimeSpan Reconciliation = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan ReconciliationWhileLearning = TimeSpan.FromSeconds(5);

    private readonly Lock _lock = new();
    private readonly Dictionary<(WorkloadKey Workload, ProfileSlot Slot), CachedProfile> _cached = [];
    private readonly SemaphoreSlim _refreshes = new(8);
    private volatile IProfileObserver? _reference;

    /// <summary>Keeps a profile in the cache until the watch is disposed.</summary>
    public ProfileWatch Watch(WorkloadKey workload, ProfileSlot slot)
    {
        lock (_lock)
        {
            if (!_cached.TryGetValue((workload, slot), out var cached))
            {
                cached = new CachedProfile(workload, slot);
                _cached.Add((workload, slot), cached);
                StartRefresh(cached);
            }

            cached.Watches++;
            return new ProfileWatch(this, cached);
        }
    }

    public Task ProfileChangedAsync(WorkloadKey workload, ContainerProfile profile)
    {
        var own = LearnedSlot.SlotOf(profile);
        if (own.Revision == ProfileSlot.GivenRevision)
        {
            ApplyToAll(workload, profile);
            return Task.CompletedTask;
        }

        Apply(workload, own, profile);
        if (profile is { State: ProfileState.Final, IsPartial: false })
        {
            // What was pooled from containers already running yields to it.
            Apply(workload, own with { Partial = true }, profile);
        }

        return Task.CompletedTask;
    }

    /// <summary>There is another silo: workloads are to tell of changes there, and are asked for what they may have told before.</summary>
    /// <param name="reference">To this cache, from grains of that silo.</param>
    public void Attach(IProfileObserver reference)
    {
        _reference = reference;
        lock (_lock)
        {
            foreach (var cached in _cached.Values)
            {
                cached.RefreshAfter = default;
            }
        }
    }

    /// <summary>Workloads of silos that are going are asked where they are now: there they know nobody yet whom to tell of changes.</summary>
    public void SilosChanged(Func<SiloAddress, bool> isGoing)
    {
        lock (_lock)
        {
            foreach (var cached in _cached.Values.Where(cached => cached.Silo is { } silo && isGoing(silo)))
            {
                (cached.Silo, cached.RefreshAfter) = (null, default);
            }
        }
    }

    /// <summary>Asks the workloads whose profiles were not compared for a while. To be called about once a second.</summary>
    public void Reconcile()
    {
        lock (_lock)
        {
            foreach (var cached in _cached.Values)
            {
                if (!cached.IsRefreshing && time.GetElapsedTime(cached.RefreshedAt) >= cached.RefreshAfter)
                {
                    StartRefresh(cached);
                }
            }
        }
    }

    internal void Release(CachedProfile cached)
    {
        lock (_lock)
        {
            if (--cached.Watches == 0)
            {
                _cached.Remove((cached.Workload, cached.Slot));
                cached.Guard?.Dispose();
                cached.Guard = null;
            }
        }
    }

    private void StartRefresh(CachedProfile cached)
    {
        cached.IsRefreshing = true;
        // A watch begins in a container's turn, which this work must not occupy.
        _ = Task.Run(() => RefreshAsync(cached));
    }

    private async Task RefreshAsync(CachedProfile cached)
    {
        if (!cached.LookedUp.IsCompleted)
        {
            LookUpKept(cached);
        }

        await _refreshes.WaitAsync();
        try
        {
            if (_reference is { } reference)
            {
                var teller = await silo.CallAsync(grains => grains.GetGrain<IWorkloadGrain>(cached.Workload.GrainKey).SubscribeAsync(reference));
                lock (_lock)
                {
                    cached.Silo = teller;
                }
            }

            var compared = cached.Snapshot;
            var known = compared is { IsKept: false } ? compared.Profile.Version : -1;
            if (await silo.CallAsync(grains => grains.GetGrain<IWorkloadGrain>(cached.Workload.GrainKey).GetContainerProfileAsync(cached.Slot, known)) is { } profile)
            {
                Apply(cached.Workload, cached.Slot, profile, compared);
            }

            cached.HasLoaded();
        }
        catch (Exception e)
        {
            lock (_lock)
            {
                cached.Silo = null;
            }

            if (warnings.IsDue(cached.Workload.ToString(), out var failures))
            {
                LogNotReconciled(cached.Workload, StorageWarnings.ReasonOf(e), failures);
            }
        }
        finally
        {
            _refreshes.Release();
            lock (_lock)
            {
                (cached.RefreshedAt, cached.RefreshAfter) = (time.GetTimestamp(), NextRefresh(cached));
                cached.IsRefreshing = false;
            }
        }
    }

    private void LookUpKept(CachedProfile cached)
    {
        if (kept.Find(cached.Workload, cached.Slot) is { State: ProfileState.Final or ProfileState.Partial } profile)
        {
            var snapshot = new ProfileSnapshot(profile, isKept: true);
            lock (_lock)
            {
                cached.Snapshot ??= snapshot;
            }
        }

        cached.HasLookedUp();
    }

    private TimeSpan NextRefresh(CachedProfile cached)
    {
        var profile = cached.Snapshot?.Profile;
        var learning = profile is { State: ProfileState.Learning } ? profile : null;
        var jitter = 0.8 + (Random.Shared.NextDouble() * 0.4);
        // Without a profile containers hold back what they cannot judge, and without a workload that tells of changes edits wait: both are as urgent as learning.
        var next = (profile is { State: ProfileState.Final or ProfileState.Partial } && cached.Silo is not null ? Reconciliation : ReconciliationWhileLearning) * jitter;
        // The moment a profile becomes final is worth a look of its own.
        return learning?.CompletesAt + WorkloadLearning.Settling - time.GetUtcNow() is { } completion && completion > TimeSpan.Zero && completion < next
            ? completion
            : next;
    }

    /// <summary>A profile that somebody gave stands for all revisions.</summary>
    private void ApplyToAll(WorkloadKey workload, ContainerProfile profile)
    {
        ProfileSlot[] slots;
        lock (_lock)
        {
            slots = [.. _cached.Keys.Where(key => key.Workload == workload && key.Slot.ContainerName == profile.Name).Select(static key => key.Slot)];
        }

        foreach (var slot in slots)
        {
            Apply(workload, slot, profile);
        }
    }

    /// <param name="compared">What the workload was asked to compare with its own, which this is; null when it told of it by itself.</param>
    private void Apply(WorkloadKey workload, ProfileSlot slot, ContainerProfile profile, ProfileSnapshot? compared = null)
    {
        CachedProfile? cached;
        lock (_lock)
        {
            cached = _cached.GetValueOrDefault((workload, slot));
        }

        if (cached is null || !IsNews(profile, cached.Snapshot, compared))
        {
            return;
        }

        // Compiling takes a while for a large profile, and containers read the cache meanwhile.
        var snapshot = new ProfileSnapshot(profile);
        lock (_lock)
        {
            if (cached.Watches == 0 || !IsNews(profile, cached.Snapshot, compared))
            {
                return;
            }

            cached.Snapshot = snapshot;
            WatchGuard(cached, profile.GuardedBy);
        }

        if (snapshot.Guarding is not null)
        {
            kept.Keep(workload, slot, profile);
        }
        else if (profile.State == ProfileState.Gone)
        {
            kept.Forget(workload, slot);
        }
    }

    /// <summary>
    /// Versions of a workload's slots are one sequence, but a slot that has yielded to another may go on changing: to those that go by the
    /// other that is no news. What was kept says nothing about versions: the workload's storage may be another one since. Nor does what a workload said
    /// that ran apart from the others for a while, and whose last changes were never stored: its version may be the higher one, so what was compared
    /// gives way to the answer.
    /// </summary>
    private static bool IsNews(ContainerProfile profile, ProfileSnapshot? snapshot, ProfileSnapshot? compared) =>
        snapshot is not { IsKept: false, Profile: var known }
        || (profile.Generation == known.Generation && profile.State != ProfileState.Gone && known.State != ProfileState.Gone && RankOf(profile) != RankOf(known)
            ? RankOf(profile) > RankOf(known)
            : profile.Version > known.Version || (snapshot == compared && profile.Version != known.Version));

    // What somebody gave stands for every revision, what was learned from a start for what was not.
    private static int RankOf(ContainerProfile profile) =>
        profile.Revision == ProfileSlot.GivenRevision ? 3 : profile is { IsPartial: false, State: ProfileState.Final } ? 2 : profile.IsPartial ? 0 : 1;

    private void WatchGuard(CachedProfile cached, ProfileSlot? guard)
    {
        if (cached.Guard?.Slot != guard)
        {
            var before = cached.Guard;
            cached.Guard = guard is null ? null : Watch(cached.Workload, guard);
            before?.Dispose();
        }
    }

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "The profile of {Workload} could not be compared with the workload's; the last known one stays in force. {Reason} (failures since this was last told: {Failures})")]
    private partial void LogNotReconciled(WorkloadKey workload, string reason, int failures);
}
