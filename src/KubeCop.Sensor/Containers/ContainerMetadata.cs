using System.Text.Json;
using System.Text.RegularExpressions;
using KubeCop.Core.Workloads;
using KubeCop.Sensor.Containers.Runtimes;
using Microsoft.Extensions.Logging;

namespace KubeCop.Sensor.Containers;

/// <summary>What the runtime's files say about a container; everything is empty where they are silent.</summary>
internal sealed record ContainerFacts
{
    public required string Runtime { get; init; }

    /// <summary>Namespace of the runtime; for runtimes that have none, the runtime's name (<c>default</c> for runc and crun).</summary>
    public required string Namespace { get; init; }

    /// <summary>Holds a pod's namespaces and runs nothing of the user's (the pause container).</summary>
    public bool IsSandbox { get; init; }

    public string Name { get; init; } = "";
    public string Image { get; init; } = "";
    public string ImageDigest { get; init; } = "";
    public PodDescription? Pod { get; init; }

    /// <summary>Name of the workload where it is not the container's: of a compose service, <c>project.service</c>.</summary>
    public string Workload { get; init; } = "";

    public IReadOnlyList<string> Command { get; init; } = [];
    public IReadOnlyList<VolumeMount> Mounts { get; init; } = [];
    public int Attempt { get; init; }
    public ContainerType Type { get; init; }
}

/// <summary>Reads bundles and the files docker, podman and CRI-O keep beside them.</summary>
internal sealed partial class ContainerMetadata(string hostRoot, ILogger<ContainerMetadata> logger)
{
    /// <summary>Where newer kubelets write what a container is in its pod (kubernetes, pkg/kubelet/kuberuntime/labels.go).</summary>
    public const string TypeAnnotation = "io.kubernetes.container.type";

    private const int MaxMounts = 1024;
    private const int MaxNameLength = 253;
    private const int MaxWarnings = 4096;

    // What runtimes mount into every container; the user asked for none of it.
    private static readonly HashSet<string> OwnMounts = new(StringComparer.Ordinal)
    {
        "/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/dev", "/dev/shm", "/dev/mqueue", "/dev/pts", "/dev/termination-log", "/proc", "/sys",
        "/sys/fs/cgroup", "/run/.containerenv", "/sbin/docker-init", "/run/podman-init", "/dev/init",
    };

    private static readonly string[] StorageRoots = ["run/containers/storage", "var/lib/containers/storage"];

    private readonly string _hostRoot = hostRoot.TrimEnd('/');
    private readonly HashSet<string> _warned = new(StringComparer.Ordinal);

    public ContainerFacts Read(CgroupContainer container, RuntimeEntry? entry)
    {
        var id = container.Id;
        var spec = ReadSpec(id, entry);
        var labels = new Labels(spec?.Annotations);
        labels.Add(Try(id, () => Parse(labels["io.kubernetes.cri-o.Labels"])));

        var runtime = labels["io.container.manager"] == "libpod" ? "podman"
            : labels["io.kubernetes.cri-o.ContainerType"].Length > 0 ? "cri-o"
            : entry?.Runtime is "docker" ? "docker"
            : container.Runtime;
        var docker = runtime == "docker" ? Try(id, () => ReadDocker(id, spec)) : null;
        var stored = runtime == "podman" ? Try(id, () => ReadStored(id)) : null;
        var storedMetadata = Try(id, () => stored?.Metadata is { } json ? JsonSerializer.Deserialize(json, RuntimeJson.Default.StoredMetadata) : null);

        // docker's labels hold the image's own: an image must not make itself a pod's.
        var inPod = docker is null || container.PodUid is not null;
        labels.Add(docker?.Config?.Labels);
        var image = FirstOf(labels["io.kubernetes.cri.image-name"], labels["io.kubernetes.cri-o.ImageName"], docker?.Config?.Image, storedMetadata?.ImageName);

        var containerName = inPod ? FirstOf(labels["io.kubernetes.cri.container-name"], labels["io.kubernetes.container.name"]) : "";
        return new ContainerFacts
        {
            Runtime = runtime,
            Namespace = runtime switch
            {
                "containerd" => entry?.Namespace ?? (container.PodUid is null ? "default" : "k8s.io"),
                "runc" or "crun" => "default",
                _ => runtime,
            },
            IsSandbox = labels["io.kubernetes.cri.container-type"] == "sandbox"
                || labels["io.kubernetes.cri-o.ContainerType"] == "sandbox"
                || (inPod && labels["io.kubernetes.docker.type"] == "podsandbox"),
            Name = Clip(FirstOf(
                containerName, docker?.Config?.ComposeService, docker?.Name?.TrimStart('/'), stored?.Names?.FirstOrDefault(), labels["nerdctl/name"])),
            Image = image,
            ImageDigest = FirstOf(
                ImageReference.DigestIn(image), ImageReference.DigestIn(labels["io.kubernetes.cri-o.ImageRef"]),
                Try(id, () => DockerDigest(docker)), docker?.Image,
                stored?.Image is { Length: > 0 } imageId ? $"sha256:{imageId}" : ""),
            Pod = inPod ? ReadPod(container, labels) : null,
            Workload = Clip(docker?.Config?.ComposeWorkload ?? ""),
            Command = [.. (spec?.Process?.Args ?? []).Select(arg => arg ?? "")],
            Mounts = UserMounts((spec?.Mounts ?? [])
                .Where(mount => mount is { IsBind: true, Destination.Length: > 0 })
                .Select(mount => VolumeMounts.Of(mount.Destination!, mount.Source ?? "", mount.IsReadOnly, container.PodUid))),
            Type = inPod ? TypeOf(spec?.Annotations?.GetValueOrDefault(TypeAnnotation)) : ContainerType.Unknown,
        };
    }

    /// <summary>Adds what a runtime answered where its files are silent; what they say stays.</summary>
    public static ContainerFacts Complete(ContainerFacts facts, RuntimeFacts answer) => facts with
    {
        IsSandbox = facts.IsSandbox || answer.IsSandbox,
        Name = Clip(FirstOf(facts.Name, answer.Name)),
        Image = answer.Image.Length > 0 && ImageReference.IsId(facts.Image) ? answer.Image : FirstOf(facts.Image, answer.Image),
        ImageDigest = FirstOf(facts.ImageDigest, answer.ImageDigest),
        Pod = facts.Pod is null ? Clip(answer.Pod)
            : facts.Pod.Labels.Count == 0 && answer.Pod is not null ? facts.Pod with { Labels = answer.Pod.Labels }
            : facts.Pod,
        Workload = Clip(FirstOf(facts.Workload, answer.Workload)),
        Mounts = facts.Mounts.Count > 0 ? facts.Mounts : UserMounts(answer.Mounts),
        Attempt = answer.Attempt,
        Type = facts.Type != ContainerType.Unknown ? facts.Type : answer.Type,
    };

    public static ContainerType TypeOf(string? annotation) => annotation switch
    {
        "container" => ContainerType.Regular,
        "init" => ContainerType.Init,
        "ephemeral" => ContainerType.Ephemeral,
        _ => ContainerType.Unknown,
    };

    private static string FirstOf(params ReadOnlySpan<string?> texts)
    {
        foreach (var text in texts)
        {
            if (!string.IsNullOrEmpty(text))
            {
                return text;
            }
        }

        return "";
    }

    // Longer than any name Kubernetes allows: labels are free text.
    private static string Clip(string name) => name.Length > MaxNameLength ? name[..MaxNameLength] : name;

    private static PodDescription? Clip(PodDescription? pod) =>
        pod is null ? null : pod with { Name = Clip(pod.Name), Namespace = Clip(pod.Namespace), Uid = Clip(pod.Uid) };

    private static Dictionary<string, string?>? Parse(string json) =>
        json.Length == 0 ? null : JsonSerializer.Deserialize(json, RuntimeJson.Default.DictionaryStringString);

    /// <summary>Those the user asked for.</summary>
    private static IReadOnlyList<VolumeMount> UserMounts(IEnumerable<VolumeMount> mounts) =>
    [
        .. mounts
            .Where(mount => mount.Path.Length > 0 && !OwnMounts.Contains(mount.Path))
            .DistinctBy(mount => mount.Path, StringComparer.Ordinal)
            .Take(MaxMounts),
    ];

    private PodDescription? ReadPod(CgroupContainer container, Labels labels)
    {
        var name = FirstOf(labels["io.kubernetes.cri.sandbox-name"], labels["io.kubernetes.pod.name"]);
        var ns = FirstOf(labels["io.kubernetes.cri.sandbox-namespace"], labels["io.kubernetes.pod.namespace"]);
        return name.Length == 0 || ns.Length == 0
            ? null
            : new PodDescription
            {
                Name = Clip(name),
                Namespace = Clip(ns),
                Uid = FirstOf(labels["io.kubernetes.cri.sandbox-uid"], labels["io.kubernetes.pod.uid"], container.PodUid),
                Labels = ReadPodLabels(container.Id, labels["io.kubernetes.cri-o.SandboxID"]),
            };
    }

    // Only CRI-O writes the pod's labels, into its sandbox's bundle.
    private IReadOnlyDictionary<string, string> ReadPodLabels(string id, string sandboxId)
    {
        var sandbox = StoredId().IsMatch(sandboxId) ? Try(id, () => ReadUserData(sandboxId)) : null;
        var labels = new Labels(sandbox?.Annotations);
        return PodLabels.Of(Try(id, () => Parse(labels["io.kubernetes.cri-o.Labels"])) ?? []);
    }

    private OciSpec? ReadSpec(string id, RuntimeEntry? entry) =>
        (entry is { BundlePath.Length: > 0 } ? Try(id, () => OciSpec.Read(entry.BundlePath)) : null)
        ?? (StoredId().IsMatch(id) ? Try(id, () => ReadUserData(id)) : null);

    private OciSpec? ReadUserData(string id) =>
        StorageRoots.Select(root => OciSpec.Read($"{_hostRoot}/{root}/overlay-containers/{id}/userdata")).FirstOrDefault(spec => spec is not null);

    private DockerContainer? ReadDocker(string id, OciSpec? spec)
    {
        // docker keeps it in its data root, which the source of a mount of its own gives away.
        var hostname = spec?.Mounts?.FirstOrDefault(mount => mount.Destination == "/etc/hostname")?.Source;
        var directory = hostname?.EndsWith($"/{id}/hostname", StringComparison.Ordinal) == true
            ? hostname[..hostname.LastIndexOf('/')]
            : $"/var/lib/docker/containers/{id}";
        return HostFile.Read($"{_hostRoot}{directory}/config.v2.json", OciSpec.MaxBytes) is { } json
            ? JsonSerializer.Deserialize(json, RuntimeJson.Default.DockerContainer)
            : null;
    }

    // The digest docker pulled the image by; images built here have none.
    private string? DockerDigest(DockerContainer? docker)
    {
        if (docker is not { Image: { } imageId, Driver: { } driver } || !DriverName().IsMatch(driver)
            || HostFile.Read($"{_hostRoot}/var/lib/docker/image/{driver}/repositories.json", OciSpec.MaxBytes) is not { } json)
        {
            return null;
        }

        return JsonSerializer.Deserialize(json, RuntimeJson.Default.DockerRepositories)?.Repositories?.Values
            .SelectMany(references => references ?? [])
            .Where(reference => reference.Value == imageId)
            .Select(reference => ImageReference.DigestIn(reference.Key))
            .FirstOrDefault(digest => digest.Length > 0);
    }

    private StoredContainer? ReadStored(string id) =>
        HostFile.Read($"{_hostRoot}/var/lib/containers/storage/overlay-containers/containers.json", OciSpec.MaxBytes) is { } json
            ? JsonSerializer.Deserialize(json, RuntimeJson.Default.StoredContainerArray)?.FirstOrDefault(container => container?.Id == id)
            : null;

    private T? Try<T>(string id, Func<T?> read)
        where T : class
    {
        try
        {
            return read();
        }
        catch (Exception e) when (e is IOException or JsonException)
        {
            lock (_warned)
            {
                if (_warned.Count < MaxWarnings && _warned.Add(id))
                {
                    LogWarningUnreadable(id, e.Message);
                }
            }

            return null;
        }
    }

    [GeneratedRegex(@"\A[0-9a-f]{64}\z")]
    private static partial Regex StoredId();

    [GeneratedRegex(@"\A[a-z0-9-]+\z")]
    private static partial Regex DriverName();

    [LoggerMessage(Level = LogLevel.Warning, Message = "A file of the runtime about container {ContainerId} is unreadable; it is watched with what else is known. {Problem}")]
    private partial void LogWarningUnreadable(string containerId, string problem);

    private sealed class Labels(Dictionary<string, string?>? first)
    {
        private readonly Dictionary<string, string?> _values = first ?? [];

        public string this[string key] => _values.GetValueOrDefault(key) ?? "";

        public void Add(Dictionary<string, string?>? more)
        {
            foreach (var (key, value) in more ?? [])
            {
                _values.TryAdd(key, value);
            }
        }
    }
}
