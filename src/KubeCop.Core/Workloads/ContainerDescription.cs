namespace KubeCop.Core.Workloads;

/// <summary>How the sensor came to know a container; decides whether what it learns is complete.</summary>
public enum ContainerOrigin
{
    /// <summary>Seen from its first process on.</summary>
    Started,

    /// <summary>Already running when it was first seen: what it did before is unknown, so its profile is partial.</summary>
    Attached,

    /// <summary>Known to this node before the sensor restarted: continued, with a recorded gap.</summary>
    Continued,
}

/// <summary>A container's part in its pod.</summary>
public enum ContainerType
{
    /// <summary>Outside pods, and where the kubelet did not tell the runtime.</summary>
    Unknown,

    Regular,

    /// <summary>Runs before the regular ones, or beside them as a restartable sidecar.</summary>
    Init,

    /// <summary>Added to a running pod, as <c>kubectl debug</c> does.</summary>
    Ephemeral,
}

/// <summary>The pod a container belongs to, as the runtime's labels tell.</summary>
[GenerateSerializer, Immutable, Alias("kubecop.PodDescription")]
public sealed record PodDescription
{
    [Id(0)] public required string Name { get; init; }
    [Id(1)] public required string Namespace { get; init; }
    [Id(2)] public string Uid { get; init; } = "";
    [Id(3)] public IReadOnlyDictionary<string, string> Labels { get; init; } = new Dictionary<string, string>();
}

/// <summary>What is known of a container: from its cgroup, and from the runtime's bundle where that is readable.</summary>
[GenerateSerializer, Immutable, Alias("kubecop.ContainerDescription")]
public sealed record ContainerDescription
{
    /// <summary>The runtime's id, unique on the node.</summary>
    [Id(0)] public required string Id { get; init; }

    /// <summary>The container's name in its workload; without Kubernetes the runtime's name for it, else the id.</summary>
    [Id(1)] public required string Name { get; init; }

    /// <summary>containerd, cri-o, docker, podman or runc.</summary>
    [Id(2)] public required string Runtime { get; init; }

    [Id(3)] public required string Node { get; init; }

    [Id(4)] public required WorkloadKey Workload { get; init; }

    /// <summary>Image reference as the runtime recorded it; empty where it is not on disk.</summary>
    [Id(5)] public string Image { get; init; } = "";

    /// <summary>Digest of the image's index, <c>sha256:…</c>; of an image no registry named, its id; empty when unknown.</summary>
    [Id(6)] public string ImageDigest { get; init; } = "";

    [Id(7)] public PodDescription? Pod { get; init; }

    /// <summary>Entry command and arguments from the bundle; empty when unknown.</summary>
    [Id(8)] public IReadOnlyList<string> Command { get; init; } = [];

    /// <summary>Places in the container where volumes and bind mounts of the user are mounted.</summary>
    [Id(9)] public IReadOnlyList<string> Mounts { get; init; } = [];

    [Id(10)] public required ContainerOrigin Origin { get; init; }

    /// <summary>When the container was first seen by this node.</summary>
    [Id(11)] public required DateTimeOffset SeenAt { get; init; }

    /// <summary>The time before this start in which the container ran unwatched; set when <see cref="Origin"/> is Continued.</summary>
    [Id(12)] public ObservationGap? Gap { get; init; }

    [Id(13)] public required ulong CgroupId { get; init; }

    [Id(14)] public required string CgroupPath { get; init; }

    /// <summary>See <see cref="Workloads.Revision"/>.</summary>
    [Id(15)] public required string Revision { get; init; }

    /// <summary>What is mounted at <see cref="Mounts"/>, in the same order.</summary>
    [Id(16)] public IReadOnlyList<VolumeMount> Volumes { get; init; } = [];

    /// <summary>How often the container was started in its pod before, as its runtime counts; 0 outside pods and where it is not known.</summary>
    [Id(17)] public int Attempt { get; init; }

    [Id(18)] public ContainerType Type { get; init; }

    /// <summary>
    /// Whether nobody knows yet to which workload the pod belongs. Until somebody does, <see cref="Workload"/> is the pod, and no workload is
    /// asked for a profile or told what was learned.
    /// </summary>
    [Id(19)] public bool AwaitsOwner { get; init; }

    /// <summary>The object of the API server that <see cref="Workload"/> is; null where there is none, and while it is not known.</summary>
    [Id(20)] public WorkloadObject? WorkloadObject { get; init; }
}

/// <summary>A volume or a directory of the host, as a container sees it.</summary>
[GenerateSerializer, Immutable, Alias("kubecop.VolumeMount")]
public sealed record VolumeMount
{
    /// <summary>Where it is in the container.</summary>
    [Id(0)] public required string Path { get; init; }

    /// <summary>Where it is on the host; the image's id, of a volume that is an image.</summary>
    [Id(1)] public string Source { get; init; } = "";

    /// <summary>
    /// In a pod what Kubernetes calls its plugin (<c>configmap</c>, <c>empty-dir</c>, <c>csi</c>, …) or <c>host-path</c>; else <c>volume</c>
    /// or <c>bind</c>.
    /// </summary>
    [Id(2)] public string Type { get; init; } = "";

    /// <summary>Name of the volume; empty where it has none.</summary>
    [Id(3)] public string Volume { get; init; } = "";

    [Id(4)] public bool ReadOnly { get; init; }
}

/// <summary>A time in which nobody watched.</summary>
[GenerateSerializer, Immutable, Alias("kubecop.ObservationGap")]
public sealed record ObservationGap([property: Id(0)] DateTimeOffset From, [property: Id(1)] DateTimeOffset To);
