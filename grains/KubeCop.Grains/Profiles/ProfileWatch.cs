using KubeCop.Core.Profiles;
using KubeCop.Core.Workloads;

namespace KubeCop.Grains.Profiles;

/// <summary>A container's hold on a cached profile. Reading it costs one field.</summary>
internal sealed class ProfileWatch(ProfileCache cache, CachedProfile cached) : IDisposable
{
    private bool _disposed;

    /// <summary>The newest version known here; null until the first one came.</summary>
    public ProfileSnapshot? Snapshot => cached.Snapshot;

    /// <summary>What judges now; null while nothing does.</summary>
    public CompiledProfile? Guarding => cached.Snapshot?.Guarding ?? cached.Guard?.Snapshot?.Guarding;

    public WorkloadKey Workload => cached.Workload;

    public ProfileSlot Slot => cached.Slot;

    /// <summary>Ends when both <see cref="Snapshot"/> and <see cref="Guarding"/> are what there is of them.</summary>
    public async Task LoadAsync()
    {
        await cached.Loaded;
        if (cached.Guard is { } guard)
        {
            await guard.LoadAsync();
        }
    }

    /// <summary>Ends when <see cref="Snapshot"/> is at least what this node has kept, if it has.</summary>
    public Task LookUpKeptAsync() => cached.LookedUp;

    public void Dispose()
    {
        if (!_disposed)
        {
            _disposed = true;
            cache.Release(cached);
        }
    }
}

/// <summary>One version of a profile, with its compiled form when it guards.</summary>
/// <param name="isKept">It is what this node had kept, and not what the workload has said.</param>
internal sealed class ProfileSnapshot(ContainerProfile profile, bool isKept = false)
{
    public ContainerProfile Profile { get; } = profile;

    public bool IsKept { get; } = isKept;

    /// <summary>Null while learning.</summary>
    public CompiledProfile? Guarding { get; } = profile.State is ProfileState.Final or ProfileState.Partial ? new CompiledProfile(profile) : null;
}

/// <summary>An entry of <see cref="ProfileCache"/>, guarded by its lock except for reading the snapshot.</summary>
internal sealed class CachedProfile(WorkloadKey workload, ProfileSlot slot)
{
    private readonly TaskCompletionSource _loaded = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _lookedUp = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile ProfileSnapshot? _snapshot;
    private volatile ProfileWatch? _guard;

    public WorkloadKey Workload { get; } = workload;

    public ProfileSlot Slot { get; } = slot;

    public ProfileSnapshot? Snapshot
    {
        get => _snapshot;
        set => _snapshot = value;
    }

    /// <summary>On the profile that guards while this one learns.</summary>
    public ProfileWatch? Guard
    {
        get => _guard;
        set => _guard = value;
    }

    /// <summary>Ends with the first answer of the workload.</summary>
    public Task Loaded => _loaded.Task;

    public void HasLoaded() => _loaded.TrySetResult();

    /// <summary>Ends when the node's own copy was looked for.</summary>
    public Task LookedUp => _lookedUp.Task;

    public void HasLookedUp() => _lookedUp.TrySetResult();

    public int Watches { get; set; }

    public bool IsRefreshing { get; set; }

    /// <summary>The silo from which the workload tells of changes; null while it is not known to do so.</summary>
    public SiloAddress? Silo { get; set; }

    /// <summary>A timestamp, not a time: the clock may be set.</summary>
    public long RefreshedAt { get; set; }

    public TimeSpan RefreshAfter { get; set; }
}
