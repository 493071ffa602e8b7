namespace KubeCop.Grains.Workloads;

/// <summary>What a workload knows of the object that shows its profile.</summary>
[GenerateSerializer, Immutable, Alias("kubecop.MirrorState")]
internal sealed record MirrorState
{
    /// <summary>Of the object, as it was read or written last; empty when there was none.</summary>
    [Id(0)] public required string Version { get; init; }

    /// <summary>The things it said then, as hashes (<see cref="Core.Profiles.ProfileItems.Hash"/>), in order: what is missing later was removed by somebody.</summary>
    [Id(1)] public required IReadOnlyList<ulong> Items { get; init; }

    /// <summary>Of all that is shown, as it was written last; 0 when that was not by us.</summary>
    [Id(2)] public required ulong Digest { get; init; }

    /// <summary>Of the workload's object with which it is deleted; null when that does not delete it.</summary>
    [Id(3)] public string? OwnerUid { get; init; }

    /// <summary>Nobody has looked yet, or there is nothing.</summary>
    public static MirrorState Nothing { get; } = new() { Version = "", Items = [], Digest = 0 };
}
