using KubeCop.Core.Workloads;

namespace KubeCop.Sensor.Containers.Runtimes;

/// <summary>Whom to ask.</summary>
internal enum RuntimeApi
{
    /// <summary>Not known before the socket has answered.</summary>
    Unknown,

    /// <summary>The Container Runtime Interface: containerd, CRI-O, cri-dockerd. Knows pods.</summary>
    Cri,

    /// <summary>docker's HTTP API, which podman speaks too. Knows containers outside pods.</summary>
    Docker,
}

/// <param name="Name">containerd, cri-o, docker or podman.</param>
internal sealed record RuntimeVersion(string Name, string Version);

/// <summary>What a runtime answers about a container; everything is empty where it is silent.</summary>
internal sealed record RuntimeFacts
{
    /// <summary>The id is a pod's sandbox, which runs nothing of the user's.</summary>
    public bool IsSandbox { get; init; }

    public string Name { get; init; } = "";

    /// <summary>How often the container was started in its pod before.</summary>
    public int Attempt { get; init; }

    public ContainerType Type { get; init; }
    public string Image { get; init; } = "";
    public string ImageDigest { get; init; } = "";
    public PodDescription? Pod { get; init; }

    /// <summary>See <see cref="ContainerFacts.Workload"/>.</summary>
    public string Workload { get; init; } = "";

    /// <summary>Binds and volumes, those of the runtime's own included.</summary>
    public IReadOnlyList<VolumeMount> Mounts { get; init; } = [];
}

/// <summary>A runtime behind a socket.</summary>
internal interface IRuntimeClient : IDisposable
{
    /// <exception cref="RuntimeSocketException">It does not answer, or not as such a runtime does.</exception>
    Task<RuntimeVersion> GetVersionAsync(CancellationToken cancellationToken);

    /// <returns>Null when the runtime does not know the id.</returns>
    /// <exception cref="RuntimeSocketException">It does not answer, or not as such a runtime does.</exception>
    Task<RuntimeFacts?> DescribeAsync(string id, CancellationToken cancellationToken);
}

/// <summary>A socket gave no usable answer.</summary>
/// <param name="reason">In words, for people.</param>
/// <param name="unreachable">Nobody listens: telling so takes no time, so that asking again soon costs nothing.</param>
internal sealed class RuntimeSocketException(string reason, bool unreachable, Exception? inner = null)
    : Exception(reason.Length > MaxReason ? reason[..MaxReason] : reason, inner)
{
    // A stranger's words may be among them.
    private const int MaxReason = 300;

    public bool Unreachable => unreachable;
}
