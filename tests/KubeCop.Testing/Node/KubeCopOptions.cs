namespace KubeCop.Testing.Node;

/// <summary>How to start <c>kubecop run</c>.</summary>
public sealed record KubeCopOptions
{
    /// <summary>Default: a directory of its own that goes with the process.</summary>
    public string? DataDirectory { get; init; }

    /// <summary>Default: 10 s.</summary>
    public string LearningPeriod { get; init; } = "10s";

    /// <summary>Prefix of the host's files; see <see cref="Containers.ContainerdFixture.HostRoot"/>. Default: <c>/</c>.</summary>
    public string HostRoot { get; init; } = "/";

    /// <summary>Default: a free port of loopback.</summary>
    public string Http { get; init; } = "127.0.0.1:0";

    public IReadOnlyList<string> MoreArguments { get; init; } = [];

    /// <summary>Settings by their key, as <c>KubeCop:Sensor:MaxContainers</c>; given as environment variables.</summary>
    public IReadOnlyDictionary<string, string> Settings { get; init; } = new Dictionary<string, string>();
}
