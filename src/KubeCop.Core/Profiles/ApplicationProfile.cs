using KubeCop.Core.Workloads;

namespace KubeCop.Core.Profiles;

/// <summary>What a workload normally does, as people and programs read it.</summary>
[GenerateSerializer, Immutable, Alias("kubecop.ApplicationProfile")]
public sealed record ApplicationProfile
{
    /// <summary><c>kind-name</c>, as KubeCop names it.</summary>
    [Id(0)] public required string Name { get; init; }

    [Id(1)] public required string Namespace { get; init; }

    [Id(2)] public required WorkloadKey Workload { get; init; }

    /// <summary>Of the whole: learning while any container learns, else the weakest of its containers.</summary>
    [Id(3)] public required ProfileState State { get; init; }

    /// <summary>Seconds until learning ends; 0 when it has.</summary>
    [Id(4)] public required long RemainingSeconds { get; init; }

    /// <summary>Of the container learned last.</summary>
    [Id(5)] public required string Revision { get; init; }

    [Id(6)] public required IReadOnlyList<ContainerProfile> Containers { get; init; }
}

/// <summary>What one container of a workload normally does.</summary>
[GenerateSerializer, Immutable, Alias("kubecop.ContainerProfile")]
public sealed record ContainerProfile
{
    [Id(0)] public required string Name { get; init; }
    [Id(1)] public required string Revision { get; init; }
    [Id(2)] public required ProfileState State { get; init; }

    /// <summary>Grows with every change of the content or the state.</summary>
    [Id(3)] public required long Version { get; init; }

    /// <summary>Grows when the user asks to learn again.</summary>
    [Id(4)] public required int Generation { get; init; }

    [Id(5)] public required DateTimeOffset LearningStartedAt { get; init; }

    /// <summary>When learning ends, or ended. What is observed later is judged.</summary>
    [Id(6)] public required DateTimeOffset CompletesAt { get; init; }

    [Id(7)] public required IReadOnlyList<ExecEntry> Execs { get; init; }
    [Id(8)] public required IReadOnlyList<OpenEntry> Opens { get; init; }

    /// <summary>Times nobody watched while it learned.</summary>
    [Id(9)] public IReadOnlyList<ObservationGap> Gaps { get; init; } = [];

    /// <summary>Events lost while it learned.</summary>
    [Id(10)] public long Lost { get; init; }

    [Id(11)] public required bool IsPartial { get; init; }
}

/// <summary>A program of a profile.</summary>
[GenerateSerializer, Immutable, Alias("kubecop.ExecEntry")]
public sealed record ExecEntry(
    [property: Id(0)] string Path,
    [property: Id(1)] string Executable,
    [property: Id(2)] IReadOnlyList<string> Args,
    [property: Id(3)] DateTimeOffset FirstSeen);

/// <summary>A file of a profile; the flags are the union of all opens of this path.</summary>
[GenerateSerializer, Immutable, Alias("kubecop.OpenEntry")]
public sealed record OpenEntry(
    [property: Id(0)] string Path,
    [property: Id(1)] IReadOnlyList<string> Flags,
    [property: Id(2)] DateTimeOffset FirstSeen);
