using KubeCop.Core.Profiles;
using KubeCop.Core.Workloads;
using Orleans.Concurrency;

namespace KubeCop.Grains.Abstractions.Workloads;

/// <summary>The one owner of a workload's profiles, key <see cref="WorkloadKey.GrainKey"/>.</summary>
[Alias("kubecop.IWorkloadGrain")]
public interface IWorkloadGrain : IGrainWithStringKey
{
    /// <summary>A container of this workload is running. Starts learning when its revision is new. Idempotent.</summary>
    [Alias("Register")]
    Task<ProfileAssignment> RegisterAsync(ContainerDescription container);

    /// <summary>Merges learned behaviour. Returns when it is durable in grain storage, or known to be discarded.</summary>
    [Alias("Merge")]
    Task<DeltaOutcome> MergeAsync(ProfileDelta delta);

    /// <summary>The profile in a slot as it is now; null when there is none. Cheap when <paramref name="knownVersion"/> is current: then null too.</summary>
    [Alias("GetContainerProfile")]
    Task<ContainerProfile?> GetContainerProfileAsync(ProfileSlot slot, long knownVersion);

    /// <summary>The whole profile; null when nothing was ever learned.</summary>
    [Alias("GetProfile")]
    Task<ApplicationProfile?> GetProfileAsync();

    /// <summary>
    /// Tells <paramref name="observer"/> about changes of this workload's profiles until the lease ends
    /// (<see cref="ProfileSubscription.Lease"/>); calling again renews it.
    /// </summary>
    [Alias("Subscribe")]
    Task SubscribeAsync(IProfileObserver observer);

    /// <summary>Adds entries to a profile in force, as the user allows them.</summary>
    /// <returns>False when there is no profile for that container name.</returns>
    [Alias("Allow")]
    Task<bool> AllowAsync(string containerName, IReadOnlyList<BehaviourItem> items);

    /// <summary>
    /// Takes profiles that somebody gives, each for a container's name whatever its revision: they guard from now on, also containers that are
    /// yet to come, instead of what was or would be learned.
    /// </summary>
    /// <param name="containers">In state final, of <see cref="ProfileSlot.GivenRevision"/>.</param>
    [Alias("Import")]
    Task ImportAsync(IReadOnlyList<ContainerProfile> containers);

    /// <summary>Stores what is in memory.</summary>
    [Alias("Flush")]
    Task FlushAsync();
}

/// <summary>A silo's profile cache, as a workload grain sees it.</summary>
[Alias("kubecop.IProfileObserver")]
public interface IProfileObserver : IGrainObserver
{
    /// <summary>A profile in this slot has a new version. Best effort: the cache also asks from time to time.</summary>
    [OneWay, Alias("ProfileChanged")]
    Task ProfileChangedAsync(WorkloadKey workload, ContainerProfile profile);
}

public static class ProfileSubscription
{
    /// <summary>How long a subscription holds without renewal.</summary>
    public static readonly TimeSpan Lease = TimeSpan.FromMinutes(2);
}

/// <summary>What a container does with its events.</summary>
[GenerateSerializer, Immutable, Alias("kubecop.ProfileAssignment")]
public sealed record ProfileAssignment
{
    /// <summary>Where what it learns goes, and what guards it.</summary>
    [Id(0)] public required ProfileSlot Slot { get; init; }

    [Id(1)] public required int Generation { get; init; }

    [Id(2)] public required ProfileState State { get; init; }

    /// <summary>Events before this time are learned, later ones judged.</summary>
    [Id(3)] public required DateTimeOffset CompletesAt { get; init; }
}

/// <summary>What became of a delta.</summary>
public enum DeltaOutcome
{
    /// <summary>It is in grain storage.</summary>
    Stored,

    /// <summary>It belongs to an older learning, or was observed after completion.</summary>
    Discarded,
}
