using Grpc.Core;
using KubeCop.Testing.Containers.Cri;

namespace KubeCop.Testing.Containers;

/// <summary>A pod to be made.</summary>
public sealed record PodOptions
{
    /// <summary>Default: a name no other pod has.</summary>
    public string Name { get; init; } = $"pod-{ContainerdFixture.NewId()}";

    public string Namespace { get; init; } = "default";

    /// <summary>Default: one no other pod has.</summary>
    public string Uid { get; init; } = Guid.NewGuid().ToString();

    public IReadOnlyDictionary<string, string> Labels { get; init; } = new Dictionary<string, string>();

    /// <summary>
    /// Whether it is in the machine's network namespace. Otherwise it has one of its own, shared by its containers, with nothing but loopback,
    /// where <see cref="CriPod.Address"/> is one of the addresses. Default: its own.
    /// </summary>
    public bool HostNetwork { get; init; }

    /// <summary>Whether its containers are in the machine's pid namespace. Default: each has one of its own.</summary>
    public bool HostPid { get; init; }
}

/// <summary>What a container may do, as a pod's securityContext says it; the runtime's seccomp profile is in force.</summary>
public sealed record ContainerSecurity
{
    /// <summary>The only capabilities it has, without <c>CAP_</c>.</summary>
    public IReadOnlyList<string> Capabilities { get; init; } = [];

    public bool ReadOnlyRoot { get; init; } = true;

    /// <summary>What <c>allowPrivilegeEscalation: false</c> is.</summary>
    public bool NoNewPrivileges { get; init; } = true;
}

/// <summary>A volume or directory of a pod's container.</summary>
public sealed record PodMount(string Path, string Source, bool ReadOnly = false);

/// <summary>A pod of <see cref="ContainerdFixture"/>: its containers run the image of the tests and share network and IPC namespaces, not pids.</summary>
public sealed class CriPod : IAsyncDisposable
{
    private readonly CriPods _pods;
    private readonly PodSandboxConfig _config;

    internal CriPod(CriPods pods, PodSandboxConfig config, string sandboxId) => (_pods, _config, SandboxId) = (pods, config, sandboxId);

    /// <summary>The pod's address in a network of its own.</summary>
    public static string Address => PodNetwork.Address;

    public string Name => _config.Metadata.Name;

    public string Namespace => _config.Metadata.Namespace;

    public string Uid => _config.Metadata.Uid;

    /// <summary>Id of the container that holds its namespaces.</summary>
    public string SandboxId { get; }

    /// <summary>Starts a container.</summary>
    /// <param name="name">Its name in the pod.</param>
    /// <param name="command">Program and arguments.</param>
    /// <param name="mounts">Volumes.</param>
    /// <param name="attempt">How often it was started before.</param>
    /// <param name="type">container, init or ephemeral.</param>
    /// <param name="image">Default: the image of the tests.</param>
    /// <param name="security">Default: what the runtime gives.</param>
    /// <param name="environment">Variables.</param>
    public async Task<CriContainer> StartAsync(
        string name,
        IEnumerable<string> command,
        IEnumerable<PodMount>? mounts = null,
        int attempt = 0,
        string type = "container",
        string image = BusyboxImage.Name,
        ContainerSecurity? security = null,
        IReadOnlyDictionary<string, string>? environment = null)
    {
        var config = new ContainerConfig
        {
            Metadata = new ContainerMetadata { Name = name, Attempt = (uint)attempt },
            Image = new ImageSpec { Image = image },
            LogPath = $"{name}-{attempt}.log",
            Linux = new LinuxContainerConfig
            {
                SecurityContext = new LinuxContainerSecurityContext { NamespaceOptions = _config.Linux.SecurityContext.NamespaceOptions },
            },
        };
        config.Command.Add(command);
        config.Envs.Add((environment ?? new Dictionary<string, string>()).Select(static variable => new KeyValue { Key = variable.Key, Value = variable.Value }));
        if (security is not null)
        {
            var context = config.Linux.SecurityContext;
            context.Capabilities = new Capability();
            context.Capabilities.DropCapabilities.Add("ALL");
            context.Capabilities.AddCapabilities.Add(security.Capabilities);
            context.ReadonlyRootfs = security.ReadOnlyRoot;
            context.NoNewPrivs = security.NoNewPrivileges;
            context.Seccomp = new SecurityProfile { ProfileType = SecurityProfile.Types.ProfileType.RuntimeDefault };
        }

        config.Mounts.Add((mounts ?? []).Select(static mount => new Mount { ContainerPath = mount.Path, HostPath = mount.Source, Readonly = mount.ReadOnly }));
        config.Labels.Add("io.kubernetes.container.name", name);
        config.Annotations.Add("io.kubernetes.container.type", type);
        foreach (var (key, value) in _config.Labels.Where(static label => label.Key.StartsWith("io.kubernetes.pod.", StringComparison.Ordinal)))
        {
            config.Labels.Add(key, value);
        }

        var request = new CreateContainerRequest { PodSandboxId = SandboxId, Config = config, SandboxConfig = _config };
        var container = new CriContainer(
            _pods, (await _pods.Runtime.CreateContainerAsync(request)).ContainerId, name, Path.Combine(_config.LogDirectory, config.LogPath));
        await _pods.Runtime.StartContainerAsync(new StartContainerRequest { ContainerId = container.Id });
        return container;
    }

    /// <summary>Runs a container to its end, as init containers are.</summary>
    /// <exception cref="InvalidOperationException">It failed.</exception>
    public async Task<CriContainer> RunToEndAsync(string name, IEnumerable<string> command, IEnumerable<PodMount>? mounts = null, string image = BusyboxImage.Name)
    {
        var container = await StartAsync(name, command, mounts, type: "init", image: image);
        var exitCode = await container.WaitForEndAsync();
        return exitCode == 0 ? container : throw new InvalidOperationException($"Container {name} exited with {exitCode}.");
    }

    /// <summary>Kills and removes the pod with its containers.</summary>
    public async ValueTask DisposeAsync()
    {
        try
        {
            await _pods.Runtime.StopPodSandboxAsync(new StopPodSandboxRequest { PodSandboxId = SandboxId });
            await _pods.Runtime.RemovePodSandboxAsync(new RemovePodSandboxRequest { PodSandboxId = SandboxId });
        }
        catch (RpcException e) when (e.StatusCode == StatusCode.Unavailable)
        {
            // A test has stopped containerd: the fixture's guard removes what is left.
        }
    }
}

/// <summary>A container of a <see cref="CriPod"/>.</summary>
public sealed class CriContainer
{
    private readonly CriPods _pods;

    private readonly string _log;

    internal CriContainer(CriPods pods, string id, string name, string log) => (_pods, Id, Name, _log) = (pods, id, name, log);

    public string Id { get; }

    public string Name { get; }

    /// <summary>What its processes have written so far, as the kubelet keeps it.</summary>
    public string Log => File.Exists(_log) ? File.ReadAllText(_log) : "";

    /// <summary>Runs a command in the container, as <c>kubectl exec</c> does.</summary>
    /// <returns>What it wrote.</returns>
    /// <exception cref="InvalidOperationException">The command failed.</exception>
    public async Task<string> ExecAsync(params IEnumerable<string> command)
    {
        var request = new ExecSyncRequest { ContainerId = Id, Timeout = (long)Wait.DefaultTimeout.TotalSeconds };
        request.Cmd.Add(command);
        var result = await _pods.Runtime.ExecSyncAsync(request);
        return result.ExitCode == 0
            ? result.Stdout.ToStringUtf8()
            : throw new InvalidOperationException($"{string.Join(' ', request.Cmd)} exited with {result.ExitCode}: {result.Stderr.ToStringUtf8()}");
    }

    /// <returns>The exit code.</returns>
    public async Task<int> WaitForEndAsync() => (await Wait.UntilAsync(
        async () => (await _pods.Runtime.ContainerStatusAsync(new ContainerStatusRequest { ContainerId = Id })).Status,
        static status => status.State == ContainerState.ContainerExited,
        $"end of container {Name}")).ExitCode;

    /// <summary>Asks it to end, as the kubelet does before it starts it anew, and kills it if it does not.</summary>
    public Task StopAsync(TimeSpan grace) =>
        _pods.Runtime.StopContainerAsync(new StopContainerRequest { ContainerId = Id, Timeout = (long)grace.TotalSeconds }).ResponseAsync;

    /// <summary>Kills and removes it.</summary>
    public Task RemoveAsync() => _pods.Runtime.RemoveContainerAsync(new RemoveContainerRequest { ContainerId = Id }).ResponseAsync;
}
