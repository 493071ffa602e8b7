using KubeCop.Core.Profiles;
using KubeCop.Core.Workloads;

namespace KubeCop.Grains.Profiles;

/// <summary>A container's hold on a cached profile. Reading it costs one field.</summary>
internal sealed class ProfileWatch(ProfileCache cache, CachedProfile cached) : IDisposable
{
    private bool _disposed;

    /// <summary>The newest version known here; null until the first one came.</summary>
    public ProfileSnapshot? Snapshot => cached.Snapshot;

    public WorkloadKey Workload => cached.Workload;

    public ProfileSlot Slot => cached.Slot;

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
internal sealed class ProfileSnapshot(ContainerProfile profile)
{
    public ContainerProfile Profile { get; } = profile;

    /// <summary>Null while learning.</summary>
    public CompiledProfile? Guarding { get; } = profile.State is ProfileState.Final or ProfileState.Partial ? new CompiledProfile(profile) : null;
}

/// <summary>An entry of <see cref="ProfileCache"/>, guarded by its lock except for reading the snapshot.</summary>
internal sealed class CachedProfile(WorkloadKey workload, ProfileSlot slot)
{
    private volatile ProfileSnapshot? _snapshot;

    public WorkloadKey Workload { get; } = workload;

    public ProfileSlot Slot { get; } = slot;

    public ProfileSnapshot? Snapshot
    {
        get => _snapshot;
        set => _snapshot = value;
    }

    public int Watches { get; set; }

    public bool IsRefreshing { get; set; }

    /// <summary>A timestamp, not a time: the clock may be set.</summary>
    public long RefreshedAt { get; set; }

    public TimeSpan RefreshAfter { get; set; }
}
