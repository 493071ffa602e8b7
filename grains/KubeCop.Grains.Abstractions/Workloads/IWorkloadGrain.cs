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

    /// <summary>
    /// Merges learned behaviour: from now on it is in the profile, and in grain storage some seconds later. The sender keeps it until
    /// <see cref="StoreAsync"/> has told that it is there.
    /// </summary>
    [Alias("Offer")]
    Task<DeltaReceipt> OfferAsync(ProfileDelta delta);

    /// <summary>Tells how much of what an activation of this grain has merged is durable in grain storage.</summary>
    /// <param name="activation">See <see cref="DeltaReceipt.Activation"/>.</param>
    /// <param name="hurry">To store everything now and return then. Else it is stored within <see cref="ProfileWrites.Spacing"/>.</param>
    /// <returns>
    /// Everything up to this <see cref="DeltaReceipt.Change"/>; null when this is another activation: what the other one had merged may be lost
    /// and has to be offered again.
    /// </returns>
    [Alias("Store")]
    Task<long?> StoreAsync(Guid activation, bool hurry);

    /// <summary>
    /// The profile in a slot as it is now; in state <see cref="ProfileState.Gone"/> when the slot is not there, or not any more: its containers
    /// register again. Null when <paramref name="knownVersion"/> is current, which is cheap, and while nothing guards an unlisted container.
    /// </summary>
    [Alias("GetContainerProfile")]
    Task<ContainerProfile?> GetContainerProfileAsync(ProfileSlot slot, long knownVersion);

    /// <summary>The whole profile; null when nothing was ever learned.</summary>
    [Alias("GetProfile")]
    Task<ApplicationProfile?> GetProfileAsync();

    /// <summary>
    /// Tells <paramref name="observer"/> about changes of this workload's profiles until the lease ends
    /// (<see cref="ProfileSubscription.Lease"/>); calling again renews it.
    /// </summary>
    /// <returns>Where the workload is: somewhere else nobody is told of.</returns>
    [Alias("Subscribe")]
    Task<SiloAddress> SubscribeAsync(IProfileObserver observer);

    /// <summary>Adds entries to a profile in force, as the user allows them.</summary>
    /// <exception cref="NotStoredYetException">They are in force.</exception>
    [Alias("Allow")]
    Task<AllowOutcome> AllowAsync(string containerName, IReadOnlyList<BehaviourItem> items);

    /// <summary>
    /// Forgets what was learned or given of all containers and learns anew, in a new generation. What was learned last guards meanwhile, as the
    /// profile of the revision before does. Containers that run now are learned as those are whose start nobody saw; those that start from now
    /// on, from their start.
    /// </summary>
    /// <returns>False when there is nothing to forget.</returns>
    /// <exception cref="NotStoredYetException">It is forgotten.</exception>
    [Alias("Relearn")]
    Task<bool> RelearnAsync();

    /// <summary>
    /// Takes profiles that somebody gives, each for a container's name whatever its revision: they guard from now on, also containers that are
    /// yet to come, instead of what was or would be learned.
    /// </summary>
    /// <param name="containers">In state final, of <see cref="ProfileSlot.GivenRevision"/>. Containers that are not among them have none any more.</param>
    /// <exception cref="NotStoredYetException">They are in force.</exception>
    [Alias("Import")]
    Task ImportAsync(IReadOnlyList<ContainerProfile> containers);

    /// <summary>The object that shows this workload's profile has changed, was made or deleted, perhaps by somebody else.</summary>
    /// <param name="version">Which there is now; empty for none, null when that is not known.</param>
    [Alias("MirrorChanged")]
    Task MirrorChangedAsync(string? version);

    /// <summary>A day is over. A workload that nobody needed for <see cref="LearningOptions.ForgetAfter"/> is forgotten, with its place in the index.</summary>
    /// <returns>Whether nothing is known of it now.</returns>
    [Alias("EndDay")]
    Task<bool> EndDayAsync();
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

public static class ProfileWrites
{
    /// <summary>Between two writes of a workload's profiles while containers learn, unless somebody is in a hurry.</summary>
    public static readonly TimeSpan Spacing = TimeSpan.FromSeconds(5);
}

/// <summary>What became of a delta that was offered.</summary>
/// <param name="Outcome"><see cref="DeltaOutcome.Stored"/> when it will be; <see cref="DeltaOutcome.Discarded"/> is final, the others are not.</param>
/// <param name="Activation">Which activation of the workload's grain has it in memory.</param>
/// <param name="Change">Its number among the changes of that activation.</param>
[GenerateSerializer, Immutable, Alias("kubecop.DeltaReceipt")]
public sealed record DeltaReceipt([property: Id(0)] DeltaOutcome Outcome, [property: Id(1)] Guid Activation, [property: Id(2)] long Change);

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

    /// <summary>The version its profile had then: news of an older one are none.</summary>
    [Id(4)] public long Version { get; init; }
}

/// <summary>What was asked for is in force and not stored yet. It is tried again; until then it would be lost with the silo.</summary>
public sealed class NotStoredYetException(string reason) : Exception(reason);

/// <summary>What became of behaviour that somebody allows.</summary>
public enum AllowOutcome
{
    /// <summary>It is in the profile.</summary>
    Allowed,

    /// <summary>There is no profile for that container's name.</summary>
    UnknownContainer,

    /// <summary>At least some of it found the profile full.</summary>
    Full,
}

/// <summary>What became of a delta.</summary>
public enum DeltaOutcome
{
    /// <summary>It is in grain storage, or will be where it was offered (<see cref="IWorkloadGrain.OfferAsync"/>).</summary>
    Stored,

    /// <summary>It belongs to an older learning, or was observed after completion.</summary>
    Discarded,

    /// <summary>
    /// Some of it was observed after the time at which learning is to end, and it has not ended yet. To be offered again, until it is known
    /// whether that is learned. The rest is merged.
    /// </summary>
    Undecided,
}
