using KubeCop.Core.Events;
using KubeCop.Core.Profiles;
using KubeCop.Core.Workloads;

namespace KubeCop.Grains.Abstractions.Containers;

/// <summary>A container as lists show it.</summary>
[GenerateSerializer, Immutable, Alias("kubecop.ContainerStatus")]
public sealed record ContainerStatus
{
    [Id(0)] public required ContainerDescription Container { get; init; }

    /// <summary>State of the profile it adds to or is guarded by.</summary>
    [Id(1)] public required ProfileState ProfileState { get; init; }

    /// <summary>Seconds until learning ends; 0 when it has.</summary>
    [Id(2)] public required long RemainingSeconds { get; init; }

    /// <summary>Events ingested.</summary>
    [Id(3)] public required long Events { get; init; }

    [Id(4)] public required long EventsLost { get; init; }

    /// <summary>Events that nobody judged because no rule is bound to the container.</summary>
    [Id(10)] public long EventsUnjudged { get; init; }

    /// <summary>Alerts raised, repeats not counted.</summary>
    [Id(5)] public required long Alerts { get; init; }

    /// <summary>Live processes in the container as far as the sensor knows.</summary>
    [Id(6)] public required int Processes { get; init; }

    /// <summary>Live processes that were forgotten because there are more than can be remembered; their descendants' ancestors end with them.</summary>
    [Id(9)] public long ProcessesForgotten { get; init; }

    /// <summary>Since then all events of the container are known, but for what the last second may have lost.</summary>
    [Id(7)] public DateTimeOffset CompleteSince { get; init; }

    /// <summary>The same as <see cref="Events"/> by kind; kinds that did not occur are left out.</summary>
    [Id(8)] public IReadOnlyDictionary<EventKind, long> EventsByKind { get; init; } = new Dictionary<EventKind, long>();

    /// <summary>Version of the profile it goes by, as <see cref="ContainerProfile.Version"/>; 0 while it knows none.</summary>
    [Id(11)] public long ProfileVersion { get; init; }

    /// <summary>Deltas of what it learned that its workload has not stored yet.</summary>
    [Id(12)] public int DeltasUnstored { get; init; }
}
