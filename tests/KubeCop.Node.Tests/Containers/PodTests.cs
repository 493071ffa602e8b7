using KubeCop.Core.Workloads;
using KubeCop.Sensor;
using KubeCop.Sensor.Containers;
using KubeCop.Sensor.Containers.Runtimes;
using KubeCop.Testing;
using KubeCop.Testing.Containers;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace KubeCop.Node.Tests.Containers;

/// <summary>Pods of the real containerd, made through its Container Runtime Interface.</summary>
public sealed class PodTests(ContainerdFixture containerd)
{
    private static readonly string[] Command = ["/bin/sleep", "1000"];

    private readonly List<string> _warnings = [];

    [RealContainersFact]
    public async Task Resolve_PodWithTwoContainersAndInitContainer_EachHasNameImageLabelsAndMounts()
    {
        using var volume = new TestDirectory();
        await using var pod = await containerd.RunPodAsync(new PodOptions
        {
            Name = "web-7d4b9c-x2x4z",
            Namespace = "shop",
            Labels = new Dictionary<string, string> { ["app"] = "web", ["app.kubernetes.io/part-of"] = "shop" },
        });
        var kubelet = Directory.CreateDirectory($"{volume.Path}/pods/{pod.Uid}/volumes/kubernetes.io~empty-dir/cache").FullName;
        PodMount[] mounts = [new("/cache", kubelet), new("/host", volume.Path, ReadOnly: true)];

        // An init container runs alone, before the others, and ends.
        var init = await pod.StartAsync("prepare", Command, [mounts[0]], type: "init");
        using var services = Services();
        var prepare = Resolve(services, init.Id);
        await init.RemoveAsync();
        var web = await pod.StartAsync("web", Command, mounts);
        var sidecar = await pod.StartAsync("sidecar", Command, attempt: 3);
        ContainerDescription[] containers = [prepare, Resolve(services, web.Id), Resolve(services, sidecar.Id)];

        var digest = await containerd.GetImageDigestAsync();
        foreach (var container in containers)
        {
            Assert.Equal(("containerd", BusyboxImage.Name, digest), (container.Runtime, container.Image, container.ImageDigest));
            Assert.Equal((pod.Name, "shop", pod.Uid), (container.Pod!.Name, container.Pod.Namespace, container.Pod.Uid));
            Assert.Equal(new Dictionary<string, string> { ["app"] = "web", ["app.kubernetes.io/part-of"] = "shop" }, container.Pod.Labels);
            Assert.Equal(new WorkloadKey("shop", "Pod", pod.Name), container.Workload);
            Assert.Equal(Command, container.Command);
            Assert.Equal(Revision.Of(container.Name, digest, "", Command), container.Revision);
        }

        Assert.Equal(["prepare", "web", "sidecar"], containers.Select(static container => container.Name));
        Assert.Equal([ContainerType.Init, ContainerType.Regular, ContainerType.Regular], containers.Select(static container => container.Type));
        Assert.Equal([0, 0, 3], containers.Select(static container => container.Attempt));
        Assert.Equal([1, 2, 0], containers.Select(static container => container.Mounts.Count));
        Assert.Equal(
            [
                new VolumeMount { Path = "/cache", Source = kubelet, Type = "empty-dir", Volume = "cache" },
                new VolumeMount { Path = "/host", Source = volume.Path, Type = "host-path", ReadOnly = true },
            ],
            containers[1].Volumes);

        var sandbox = Cgroup(services, pod.SandboxId);
        Assert.Equal(Verdict.NotAContainer, services.GetRequiredService<ContainerResolver>().Classify(sandbox.Path).Verdict);
        Assert.True(services.GetRequiredService<RuntimeSockets>().Describe(pod.SandboxId, RuntimeApi.Cri)?.IsSandbox, "The runtime knows it is a sandbox too.");
        Assert.Empty(_warnings);
    }

    [RealContainersFact]
    public async Task Resolve_RuntimeKilledAndBack_ContainersAreFoundAllTheTime()
    {
        // A containerd of its own: others' pods must not see it die.
        await using var mortal = new ContainerdFixture();
        await mortal.InitializeAsync();
        await using var pod = await mortal.RunPodAsync(new PodOptions { Labels = new Dictionary<string, string> { ["app"] = "web" } });
        var first = await pod.StartAsync("first", Command);
        var second = await pod.StartAsync("second", Command);
        using var services = Services(mortal);
        var runtimes = services.GetRequiredService<RuntimeSockets>();
        var whole = Resolve(services, first.Id);

        await mortal.StopDaemonAsync();
        var without = Resolve(services, second.Id);
        await runtimes.ProbeAsync(all: false, TestContext.Current.CancellationToken);

        Assert.Equal(("second", pod.Name, BusyboxImage.Name, ""), (without.Name, without.Pod!.Name, without.Image, without.ImageDigest));
        Assert.Equal(whole, Resolve(services, first.Id), static (a, b) => a!.Revision == b!.Revision && a.Pod!.Labels.SequenceEqual(b.Pod!.Labels));
        var status = Assert.Single(runtimes.Status);
        Assert.Equal(("/run/containerd/containerd.sock", "containerd", RuntimeSocketState.Unavailable), (status.Socket, status.Runtime, status.State));
        Assert.Single(_warnings);

        await mortal.StartDaemonAsync();
        var again = Resolve(services, second.Id);

        Assert.Equal((whole.ImageDigest, "web"), (again.ImageDigest, again.Pod!.Labels["app"]));
        Assert.Equal(RuntimeSocketState.Available, Assert.Single(runtimes.Status).State);
        Assert.Single(_warnings);
    }

    [RealContainersFact]
    public async Task Resolve_SocketIsWrong_ContainersAreFoundFromTheirFiles()
    {
        await using var pod = await containerd.RunPodAsync(new PodOptions { HostNetwork = true });
        var web = await pod.StartAsync("web", Command);
        using var services = Services(sockets: ["/run/no-such.sock", "unix:///etc/passwd"]);

        var container = Resolve(services, web.Id);

        Assert.Equal(("web", pod.Name, pod.Uid, BusyboxImage.Name), (container.Name, container.Pod!.Name, container.Pod.Uid, container.Image));
        Assert.Empty(container.Pod.Labels);
        Assert.Equal(Revision.Of("web", "", BusyboxImage.Name, Command), container.Revision);
        Resolve(services, web.Id);
        Assert.Equal(2, _warnings.Count);
        Assert.All(services.GetRequiredService<RuntimeSockets>().Status, static socket => Assert.Equal(RuntimeSocketState.Unavailable, socket.State));
    }

    [RealContainersFact]
    public async Task Pod_OfItsOwnNetwork_ContainersReachEachOtherAndNotTheMachine()
    {
        await using var pod = await containerd.RunPodAsync(new PodOptions());
        await pod.StartAsync("server", ["/bin/sh", "-c", "mkdir /www; echo hello >/www/x; httpd -f -p 8080 -h /www"]);
        var client = await pod.StartAsync("client", Command);

        var answer = await Wait.UntilAsync(
            () => client.ExecAsync("/bin/sh", "-c", $"wget -q -O - http://{CriPod.Address}:8080/x || true"), static answer => answer.Length > 0, "answer of the other container");

        Assert.Equal("hello\n", answer);
        Assert.DoesNotContain(
            await File.ReadAllTextAsync("/proc/net/dev", TestContext.Current.CancellationToken),
            await client.ExecAsync("/bin/cat", "/proc/net/dev"),
            StringComparison.Ordinal);
    }

    private static (ulong Id, string Path) Cgroup(IServiceProvider services, string containerId)
    {
        var cgroup = Assert.Single(
            services.GetRequiredService<CgroupTree>().List(out _), cgroup => cgroup.Path.EndsWith($"/{containerId}", StringComparison.Ordinal));
        return (cgroup.Id, cgroup.Path);
    }

    private static ContainerDescription Resolve(IServiceProvider services, string containerId)
    {
        var cgroup = Cgroup(services, containerId);
        var container = services.GetRequiredService<ContainerResolver>().Resolve(cgroup.Id, cgroup.Path, ContainerOrigin.Started, TimeProvider.System.GetUtcNow());
        Assert.NotNull(container);
        Assert.Equal(containerId, container.Id);
        return container;
    }

    private ServiceProvider Services(ContainerdFixture? other = null, params string[] sockets)
    {
        var options = new ContainersOptions();
        foreach (var socket in sockets)
        {
            options.RuntimeSockets.Add(socket);
        }

        return new ServiceCollection()
            .AddSingleton(Options.Create(new NodeOptions { Name = "node", DataDirectory = "/nonexistent", HostRoot = (other ?? containerd).HostRoot }))
            .AddLogging()
            .AddSingleton<ILogger<RuntimeSockets>>(new WarningLog<RuntimeSockets>(_warnings))
            .AddContainers()
            .AddSingleton(Options.Create(options))
            .BuildServiceProvider();
    }
}
