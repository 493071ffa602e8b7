using KubeCop.Core.Workloads;

namespace KubeCop.Core.Profiles;

/// <summary>Which learned behaviour a container adds to and is guarded by.</summary>
/// <param name="ContainerName">The container's name in its workload.</param>
/// <param name="Revision">See <see cref="Workloads.Revision"/>.</param>
/// <param name="Partial">Behaviour of containers that were already running is pooled apart.</param>
[GenerateSerializer, Immutable, Alias("kubecop.ProfileSlot")]
public sealed record ProfileSlot([property: Id(0)] string ContainerName, [property: Id(1)] string Revision, [property: Id(2)] bool Partial)
{
    /// <summary>The revision of a profile that somebody gave: it guards containers of any, and nothing is learned for them.</summary>
    public const string GivenRevision = "given";

    /// <summary>The revision of what was known before everything was learned anew: it guards meanwhile, and no container is of it.</summary>
    public const string FormerRevision = "former";

    /// <summary>Container names times revisions that one workload may have; beyond, the one longest without a registration is forgotten.</summary>
    public const int MostOfAWorkload = 64;

    /// <summary>Of a profile that somebody gave.</summary>
    public static ProfileSlot Given(string containerName) => new(containerName, GivenRevision, Partial: false);

    /// <summary>
    /// Of a container that is not a part of its workload, as <c>kubectl debug</c> adds them to a running pod: it is of no revision. Nothing is
    /// learned from it, and where the workload has a profile, everything it does is a deviation.
    /// </summary>
    public static ProfileSlot Unlisted(string containerName) => new(containerName, Revision: "", Partial: false);
}

/// <summary>
/// Behaviour on its way to the workload's profile. A profile is a set that only grows while it learns and merging is union, so a delta
/// may arrive late, twice or out of order.
/// </summary>
[GenerateSerializer, Immutable, Alias("kubecop.ProfileDelta")]
public sealed record ProfileDelta
{
    /// <summary>Of one delta; with paths of 4 KiB it is still far below the size of an Orleans message.</summary>
    public const int MostItems = 1000;

    [Id(0)] public required ProfileSlot Slot { get; init; }

    /// <summary>The learning the items were seen in; a delta of an older one is acknowledged and discarded.</summary>
    [Id(1)] public required int Generation { get; init; }

    [Id(2)] public required IReadOnlyList<ObservedItem> Items { get; init; }

    /// <summary>Events lost while these were seen: a profile that learned during a loss says so.</summary>
    [Id(3)] public long Lost { get; init; }

    /// <summary>The container that saw them (<see cref="ReplicaSketch.Of"/>); 0 when that is not known.</summary>
    [Id(4)] public ulong Replicas { get; init; }

    /// <summary>
    /// The container that saw the items, while its workload had not answered its registration: merging registers it first, and the items belong
    /// where that says, whatever <see cref="Slot"/> and <see cref="Generation"/> are. Null once it is registered.
    /// </summary>
    [Id(5)] public ContainerDescription? Unregistered { get; init; }

    /// <summary>Makes one delta of as many as can be one: of one container and learning, and far below the size of an Orleans message.</summary>
    /// <param name="deltas">At least one.</param>
    /// <returns>The delta, and of how many of the first it is made.</returns>
    public static (ProfileDelta Delta, int Count) UniteFirst(IEnumerable<ProfileDelta> deltas)
    {
        var (united, items) = (new List<ProfileDelta>(), 0);
        foreach (var delta in deltas)
        {
            items += delta.Items.Count;
            if (united.Count > 0 && (items > MostItems || !delta.GoesWith(united[0])))
            {
                break;
            }

            united.Add(delta);
        }

        return united.Count == 1
            ? (united[0], 1)
            : (united[0] with { Items = united.SelectMany(static delta => delta.Items).ToArray(), Lost = united.Sum(static delta => delta.Lost) }, united.Count);
    }

    private bool GoesWith(ProfileDelta other) =>
        Slot == other.Slot && Generation == other.Generation && Replicas == other.Replicas && Unregistered == other.Unregistered;
}

/// <summary>A behaviour and when it was first seen.</summary>
[GenerateSerializer, Immutable, Alias("kubecop.ObservedItem")]
public sealed record ObservedItem([property: Id(0)] BehaviourItem Item, [property: Id(1)] DateTimeOffset ObservedAt);
