using KubeCop.Core.Profiles;
using KubeCop.Core.Workloads;

namespace KubeCop.Grains.Workloads;

/// <summary>What grain storage holds of a workload. Plain records, so that any storage serializer can write it; additive changes only.</summary>
/// <remarks>
/// Lists in it are filled with arrays or <c>List</c>: a collection expression makes a list of the compiler's own type, which Orleans' default
/// storage serializer (Newtonsoft with type names) writes and cannot read back.
/// </remarks>
[GenerateSerializer, Immutable, Alias("kubecop.WorkloadState")]
internal sealed record WorkloadState
{
    public const int CurrentSchema = 1;

    /// <summary>Grows when an older KubeCop must not read it any more.</summary>
    [Id(0)] public int Schema { get; init; } = CurrentSchema;

    [Id(1)] public IReadOnlyList<SlotState> Slots { get; init; } = [];

    /// <summary>Of slots that come now: one more each time that everything is learned anew.</summary>
    [Id(2)] public int Generation { get; init; } = 1;

    /// <summary>When that was last; null when never. Containers that started before were not seen from their start by this learning.</summary>
    [Id(3)] public DateTimeOffset? RelearnedAt { get; init; }

    /// <summary>What people have changed, each container once.</summary>
    [Id(4)] public IReadOnlyList<ProfileOverlay> Overlays { get; init; } = [];

    /// <summary>Null until it was looked for.</summary>
    [Id(5)] public MirrorState? Mirror { get; init; }

    /// <summary>What of the API server the workload is; null when that is not known.</summary>
    [Id(6)] public WorkloadObject? Object { get; init; }

    /// <summary>Object whose deletion is not to delete the profile's: somebody has parted the two, as a deletion does that leaves its dependents.</summary>
    [Id(8)] public string? DisownedUid { get; init; }

    /// <summary>People have allowed something in it.</summary>
    [Id(9)] public bool HasAllowed { get; init; }

    /// <summary>Whole days in a row on which no container of it was there, up to those after which it is forgotten.</summary>
    [Id(7)] public int IdleDays { get; init; }
}

/// <summary>One slot of a workload's profile as stored.</summary>
[GenerateSerializer, Immutable, Alias("kubecop.SlotState")]
internal sealed record SlotState
{
    [Id(0)] public required ContainerProfile Profile { get; init; }

    /// <summary>The watched time learning takes, as configured when it started.</summary>
    [Id(1)] public required TimeSpan Period { get; init; }

    /// <summary>When a container last registered for it.</summary>
    [Id(2)] public required DateTimeOffset RegisteredAt { get; init; }

    /// <summary>Containers that registered for it, oldest first; tells where a continued one belongs.</summary>
    [Id(3)] public required IReadOnlyList<string> Containers { get; init; }
}
