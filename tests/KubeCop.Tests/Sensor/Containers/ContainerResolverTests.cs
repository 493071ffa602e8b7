using KubeCop.Core.Workloads;
using KubeCop.Sensor.Containers;
using KubeCop.Sensor.Containers.Runtimes;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;

namespace KubeCop.Tests.Sensor.Containers;

public sealed class ContainerResolverTests : IDisposable
{
    private const string A = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    private const string B = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    private const string Digest = "sha256:1111111111111111111111111111111111111111111111111111111111111111";
    private const string ImageId = "sha256:2222222222222222222222222222222222222222222222222222222222222222";
    private const string Uid = "0f7c1b5e-8c0d-4b0e-9a52-1f2e3d4c5b6a";
    private const string PodPath = $"/kubepods/besteffort/pod{Uid}";
    private const string Tasks = "run/containerd/io.containerd.runtime.v2.task";
    private const string Userdata = "containers/storage/overlay-containers";

    private static readonly DateTimeOffset Seen = new(2030, 1, 2, 3, 4, 5, TimeSpan.Zero);

    private readonly Scratch _host = new();
    private readonly FakeTimeProvider _time = new(DateTimeOffset.UtcNow.AddYears(1));
    private readonly List<string> _log = [];
    private readonly ContainerInventory _inventory;

    public ContainerResolverTests() =>
        _inventory = NewInventory();

    public void Dispose() => _host.Dispose();

    [Fact]
    public void Resolve_PodOfContainerd_HasPodImageCommandAndTheUsersMounts()
    {
        _host.Write($"{Tasks}/k8s.io/{A}/config.json", $$"""
            {
              "ociVersion": "1.0.2-dev",
              "process": {"user": {"uid": 0}, "args": ["nginx", "-g", "daemon off;"], "cwd": "/"},
              "mounts": [
                {"destination": "/proc", "type": "proc", "source": "proc", "options": ["nosuid"]},
                {"destination": "/etc/hosts", "type": "bind", "source": "/var/lib/kubelet/pods/x/etc-hosts", "options": ["rbind", "rw"]},
                {"destination": "/dev/termination-log", "type": "bind", "source": "/x", "options": ["rbind"]},
                {"destination": "/dev/shm", "type": "bind", "source": "/run/x/shm", "options": ["rbind"]},
                {"destination": "/data", "type": "bind", "source": "/var/lib/kubelet/pods/x/volumes/data", "options": ["rbind", "rw"]},
                {"destination": "/scratch", "source": "/y", "options": ["rbind"]},
                {"destination": "/var/run/secrets/kubernetes.io/serviceaccount", "type": "bind", "source": "/z", "options": ["rbind", "ro"]}
              ],
              "annotations": {
                "io.kubernetes.cri.container-name": "web",
                "io.kubernetes.cri.container-type": "container",
                "io.kubernetes.cri.image-name": "docker.io/library/nginx:1.27@{{Digest}}",
                "io.kubernetes.cri.sandbox-id": "{{B}}",
                "io.kubernetes.cri.sandbox-name": "web-7d4b9c-x2x4z",
                "io.kubernetes.cri.sandbox-namespace": "shop"
              },
              "linux": {"cgroupsPath": "{{PodPath}}/{{A}}"}
            }
            """);

        var container = Resolve($"{PodPath}/{A}")!;

        Assert.Equal((A, "web", "containerd", "node-1"), (container.Id, container.Name, container.Runtime, container.Node));
        Assert.Equal(new WorkloadKey("shop", "Pod", "web-7d4b9c-x2x4z"), container.Workload);
        Assert.Equal(("web-7d4b9c-x2x4z", "shop", Uid), (container.Pod!.Name, container.Pod.Namespace, container.Pod.Uid));
        Assert.Equal(($"docker.io/library/nginx:1.27@{Digest}", Digest), (container.Image, container.ImageDigest));
        Assert.Equal(["nginx", "-g", "daemon off;"], container.Command);
        Assert.Equal(["/data", "/scratch", "/var/run/secrets/kubernetes.io/serviceaccount"], container.Mounts);
        Assert.Equal(Revision.Of("web", Digest, "", ["nginx", "-g", "daemon off;"]), container.Revision);
        Assert.Equal((ContainerOrigin.Started, Seen, 42ul, $"{PodPath}/{A}"), (container.Origin, container.SeenAt, container.CgroupId, container.CgroupPath));
    }

    [Theory]
    [InlineData("io.kubernetes.cri.container-type")]
    [InlineData("io.kubernetes.cri-o.ContainerType")]
    [InlineData("io.kubernetes.docker.type", "podsandbox")]
    public void Classify_PodsSandbox_IsNoContainer(string annotation, string value = "sandbox")
    {
        _host.Write($"{Tasks}/k8s.io/{A}/config.json", $$"""{"annotations": {"{{annotation}}": "{{value}}"} }""");
        Assert.Equal(Verdict.NotAContainer, Resolver().Classify($"{PodPath}/{A}").Verdict);
        Assert.Null(Resolve($"{PodPath}/{A}"));
    }

    [Fact]
    public void Resolve_Ctr_IsTheContainerOfThatNameInItsNamespace()
    {
        WriteCtr("demo", "my.box", "/demo/my.box", "sleep");

        var container = Resolve("/demo/my.box/nested/deeper")!;

        Assert.Equal(("my.box", "my.box", "containerd"), (container.Id, container.Name, container.Runtime));
        Assert.Equal(new WorkloadKey("demo", "Container", "my.box"), container.Workload);
        Assert.Equal("/demo/my.box", container.CgroupPath);
        Assert.Null(container.Pod);
        Assert.Equal(Verdict.Unknown, Resolver().Classify("/demo/my").Verdict);
        Assert.Equal(Verdict.Unknown, Resolver().Classify("/demo").Verdict);
    }

    [Theory]
    [InlineData("runc", "runc")]
    [InlineData("crun", "crun")]
    [InlineData("youki:main", "runc")]
    public void Resolve_CgroupJustMadeFromABundle_IsTheContainerItsRuntimeWritesDownLater(string comm, string runtime)
    {
        const string Config = """{"ociVersion": "1.0.2", "process": {"args": ["true"]}, "linux": {}}""";
        _host.Write("bundles/one/config.json", Config);
        var early = Resolver().Resolve(42, "/one", ContainerOrigin.Started, Seen, new CgroupMaker(comm, "/bundles/one"))!;

        Assert.Equal(("one", runtime, "/one", 42ul), (early.Id, early.Runtime, early.CgroupPath, early.CgroupId));
        Assert.Equal(new WorkloadKey("default", "Container", "one"), early.Workload);
        Assert.Equal(["true"], early.Command);

        _host.Write("run/runc/one/state.json", """{"cgroup_paths": {"": "/sys/fs/cgroup/one"}, "config": {"labels": ["bundle=/bundles/one"]}}""");
        var late = Resolve("/one")!;
        Assert.Equal((early.Id, early.Workload, early.Revision), (late.Id, late.Workload, late.Revision));
    }

    /// <summary>As of <c>runc --root ELSEWHERE</c>: only its start told what it is.</summary>
    [Fact]
    public async Task Resolve_ContainerThatNoRuntimeStateTellsOf_IsContinuedAfterARestart()
    {
        const string Config = """
            {"ociVersion": "1.0.2", "process": {"args": ["serve"]}, "linux": {}, "mounts": [{"destination": "/data", "type": "bind", "source": "/", "options": ["rbind"]}]}
            """;
        _host.Write("bundles/one/config.json", Config);
        var path = _host.Make("cgroup/one").Path + "/cgroup/one";
        _inventory.Start();
        var before = Resolver().Resolve(IdOf(path), "/one", ContainerOrigin.Started, Seen, new CgroupMaker("runc", "/bundles/one"))!;
        _inventory.Add(before);
        Assert.Equal("one", Resolver().Resolve(43, "/one/child", ContainerOrigin.Started, Seen)?.Id);
        await ((IHostedService)_inventory).StopAsync(TestContext.Current.CancellationToken);

        using var next = NewInventory();
        next.Start();
        var after = Resolver(inventory: next).Resolve(IdOf(path), "/one", ContainerOrigin.Attached, Seen.AddHours(1))!;
        Assert.Equal((before.Id, before.Workload, before.Revision, ContainerOrigin.Continued), (after.Id, after.Workload, after.Revision, after.Origin));
        Assert.Equal(["serve"], after.Command);
        Assert.Equal(["/data"], after.Mounts);

        // Another one has its cgroup's name.
        Directory.Move(path, path + "-before");
        _host.Make("cgroup/one");
        Assert.Null(Resolver(inventory: next).Resolve(IdOf(path), "/one", ContainerOrigin.Attached, Seen));
        Directory.Delete(path);
        Directory.Move(path + "-before", path);
        next.Remove("one");
        Assert.Null(Resolver(inventory: next).Resolve(IdOf(path), "/one", ContainerOrigin.Attached, Seen));

        static ulong IdOf(string path) => LibC.TryStat(path, out var status) ? status.Inode : 0;
    }

    [Theory]
    [InlineData("""{"process": {"args": ["true"]}}""", "has no OCI version: some other program's configuration")]
    [InlineData("""{"ociVersion": "1.0.2", "linux": {"cgroupsPath": "/x/one"}}""", "has a cgroup of its own: the id cannot be told from it")]
    [InlineData("""[1, 2""", "is no JSON object")]
    public void Resolve_CgroupJustMadeElsewhere_IsUnknown(string config, string why)
    {
        _host.Write("work/config.json", config);
        Assert.True(Resolver().Resolve(42, "/one", ContainerOrigin.Started, Seen, new CgroupMaker("runc", "/work")) is null, why);
        Assert.Null(Resolver().Resolve(42, "/one", ContainerOrigin.Started, Seen, new CgroupMaker("runc", "/nowhere")));
        Assert.Null(Resolver().Resolve(42, "/one", ContainerOrigin.Started, Seen, new CgroupMaker("runc", "")));
    }

    [Fact]
    public void Resolve_PathThatComesAndIsUsedAgain_FollowsTheRuntime()
    {
        var resolver = Resolver();
        Assert.Equal(Verdict.Unknown, resolver.Classify("/demo/box").Verdict);

        _host.Make($"{Tasks}/demo/box");
        Assert.Equal(Verdict.Unknown, resolver.Classify("/demo/box").Verdict);

        // The config is being written: half of it is no reason to give up.
        _host.Write($"{Tasks}/demo/box/config.json", """{"linux": {"cgroupsP""");
        Assert.Equal(Verdict.Unknown, resolver.Classify("/demo/box").Verdict);

        WriteCtr("demo", "box", "/demo/box", "first");
        Assert.Equal(["first"], resolver.Resolve(1, "/demo/box", ContainerOrigin.Started, Seen)?.Command);

        Directory.Delete($"{_host.Path}/{Tasks}/demo/box", recursive: true);
        Assert.Equal(Verdict.Unknown, resolver.Classify("/demo/box").Verdict);

        WriteCtr("demo", "box", "/demo/elsewhere", "second-with-another-length");
        Assert.Equal(Verdict.Unknown, resolver.Classify("/demo/box").Verdict);
        Assert.Equal(["second-with-another-length"], resolver.Resolve(1, "/demo/elsewhere", ContainerOrigin.Started, Seen)?.Command);
        Assert.Empty(_log);
    }

    [Fact]
    public void Resolve_PlainRunc_IsFoundByItsStateWhereverItsCgroupIs()
    {
        _host.Write("run/runc/box/state.json", """
            {"id": "box", "init_process_pid": 8132, "config": {"labels": ["a=b", "bundle=/srv/bundle"]},
             "cgroup_paths": {"": "/sys/fs/cgroup/unified/any/where", "cpu": "/sys/fs/cgroup/cpu/any/where"}}
            """);
        _host.Write("srv/bundle/config.json", """{"process": {"args": ["/bin/sh", "-c", "loop"]}}""");

        var container = Resolve("/any/where", mount: "/sys/fs/cgroup/unified")!;

        Assert.Equal(("box", "box", "runc"), (container.Id, container.Name, container.Runtime));
        Assert.Equal(new WorkloadKey("default", "Container", "box"), container.Workload);
        Assert.Equal(["/bin/sh", "-c", "loop"], container.Command);
    }

    [Fact]
    public void Resolve_PlainCrun_IsFoundByItsStatus()
    {
        _host.Write("run/crun/box/status", """{"pid": 1, "cgroup-path": "/box", "bundle": "/srv/bundle", "rootfs": "r"}""");
        _host.Write("srv/bundle/config.json", """{"process": {"args": ["x"]}}""");
        var container = Resolve("/box")!;
        Assert.Equal(("box", "crun"), (container.Id, container.Runtime));
        Assert.Equal(["x"], container.Command);
    }

    [Fact]
    public void Resolve_CriO_HasPodWithLabelsFromItsSandbox()
    {
        _host.Write($"var/lib/{Userdata}/{A}/userdata/config.json", $$"""
            {
              "process": {"args": ["/app"]},
              "annotations": {
                "io.kubernetes.cri-o.ContainerType": "container",
                "io.kubernetes.cri-o.ImageName": "quay.io/shop/api:2",
                "io.kubernetes.cri-o.ImageRef": "quay.io/shop/api@{{Digest}}",
                "io.kubernetes.cri-o.SandboxID": "{{B}}",
            "io.kubernetes.cri-o.Labels": "{\"io.kubernetes.container.name\":\"api\",\"io.kubernetes.pod.name\":\"a-0\",\"io.kubernetes.pod.namespace\":\"shop\",\"io.kubernetes.pod.uid\":\"{{Uid}}\"}"
              }
            }
            """);
        _host.Write($"run/{Userdata}/{B}/userdata/config.json", """
            {"annotations": {"io.kubernetes.cri-o.Labels": "{\"app\":\"api\",\"io.kubernetes.pod.name\":\"a-0\"}"}}
            """);

        var container = Resolve($"/kubepods.slice/kubepods-pod{Uid.Replace('-', '_')}.slice/crio-{A}.scope")!;

        Assert.Equal(("api", "cri-o", "quay.io/shop/api:2", Digest), (container.Name, container.Runtime, container.Image, container.ImageDigest));
        Assert.Equal(new WorkloadKey("shop", "Pod", "a-0"), container.Workload);
        Assert.Equal(new Dictionary<string, string> { ["app"] = "api" }, container.Pod!.Labels);
        Assert.Equal(["/app"], container.Command);
    }

    [Fact]
    public void Resolve_Docker_HasNameImageAndTheDigestItWasPulledBy()
    {
        WriteDocker("""{"com.docker.compose.oneoff": "False"}""");
        _host.Write("var/lib/docker/image/overlay2/repositories.json", $$$"""
            {"Repositories": {"redis": {"redis:7": "sha256:33"}, "nginx": {"nginx:1.27": "{{{ImageId}}}", "nginx@{{{Digest}}}": "{{{ImageId}}}"} } }
            """);

        var container = Resolve($"/system.slice/docker-{A}.scope")!;

        Assert.Equal(("web", "docker", "nginx:1.27", Digest), (container.Name, container.Runtime, container.Image, container.ImageDigest));
        Assert.Equal(new WorkloadKey("docker", "Container", "web"), container.Workload);
        Assert.Equal(["/docker-entrypoint.sh", "nginx"], container.Command);
        Assert.Equal(["/srv"], container.Mounts);
    }

    [Fact]
    public void Resolve_DockerCompose_IsTheServiceOfItsProject()
    {
        WriteDocker("""{"com.docker.compose.project": "shop", "com.docker.compose.service": "web", "com.docker.compose.container-number": "2"}""");

        var container = Resolve($"/docker/{A}")!;

        Assert.Equal("web", container.Name);
        Assert.Equal(new WorkloadKey("docker", "Container", "shop.web"), container.Workload);
        Assert.Equal(ImageId, container.ImageDigest);
    }

    [Fact]
    public void Resolve_DockerImageWithAPodsLabels_IsNoPod()
    {
        const string Labels = "\"io.kubernetes.pod.name\": \"api-0\", \"io.kubernetes.pod.namespace\": \"shop\", \"io.kubernetes.container.name\": \"api\"";
        WriteDocker($$"""{ {{Labels}}, "io.kubernetes.docker.type": "podsandbox"}""");

        var container = Resolve($"/docker/{A}")!;

        Assert.Null(container.Pod);
        Assert.Equal(new WorkloadKey("docker", "Container", "web"), container.Workload);

        // Below the kubelet's cgroups the labels are cri-dockerd's.
        Assert.Null(Resolve($"{PodPath}/{A}"));
        WriteDocker($$"""{ {{Labels}} }""");
        Assert.Equal("api-0", Resolve($"{PodPath}/{A}")?.Pod?.Name);
    }

    [Fact]
    public void Resolve_Podman_HasNameAndImageFromItsStorage()
    {
        _host.Write($"var/lib/{Userdata}/{A}/userdata/config.json", """
            {"process": {"args": ["top"]}, "annotations": {"io.container.manager": "libpod"},
             "mounts": [{"destination": "/run/.containerenv", "type": "bind"}, {"destination": "/v", "type": "bind"}]}
            """);
        _host.Write($"var/lib/{Userdata}/containers.json", $$"""
            [{"id": "{{B}}", "names": ["other"]},
             {"id": "{{A}}", "names": ["brave_box"], "image": "2222", "metadata": "{\"image-name\":\"docker.io/library/busybox:latest\",\"name\":\"brave_box\"}"}]
            """);

        var container = Resolve($"/machine.slice/libpod-{A}.scope/container")!;

        Assert.Equal(("brave_box", "podman", "docker.io/library/busybox:latest", "sha256:2222"), (container.Name, container.Runtime, container.Image, container.ImageDigest));
        Assert.Equal(new WorkloadKey("podman", "Container", "brave_box"), container.Workload);
        Assert.Equal(["/v"], container.Mounts);
        Assert.Equal($"/machine.slice/libpod-{A}.scope", container.CgroupPath);
    }

    [Theory]
    [InlineData("{\"process\": {\"args\": \"not a list\"}}")]
    [InlineData("{\"process\": ")]
    [InlineData("[]")]
    [InlineData("{\"annotations\": {\"io.kubernetes.cri-o.Labels\": \"{\"}}")]
    public void Resolve_MalformedBundle_IsKnownByIdAndSaidOnce(string config)
    {
        _host.Write($"run/{Userdata}/{A}/userdata/config.json", config);
        var resolver = Resolver();

        for (var i = 0; i < 3; i++)
        {
            Assert.Equal(A, resolver.Resolve(1, $"/kubepods/pod{Uid}/crio-{A}", ContainerOrigin.Started, Seen)?.Name);
        }

        Assert.Contains(A, Assert.Single(_log), StringComparison.Ordinal);
    }

    [Fact]
    public void Resolve_BundleBeyondTheLimit_IsKnownByIdAndSaidOnce()
    {
        _host.Write($"run/{Userdata}/{A}/userdata/config.json", $$"""{"ignored": "{{new string('x', OciSpec.MaxBytes)}}"}""");
        Assert.Equal(A, Resolve($"/kubepods/pod{Uid}/crio-{A}")?.Name);
        Assert.Contains("larger than", Assert.Single(_log), StringComparison.Ordinal);
    }

    [Fact]
    public void Resolve_BundleWithNulls_IsReadAsFarAsItGoes()
    {
        _host.Write($"{Tasks}/k8s.io/{A}/config.json", """
            {"process": {"args": ["a", null]}, "mounts": [{"type": "bind"}, {"destination": "/d", "options": [null, "bind"]}],
             "annotations": {"io.kubernetes.cri.container-name": null}, "linux": null}
            """);
        var container = Resolve($"{PodPath}/{A}")!;
        Assert.Equal(["a", ""], container.Command);
        Assert.Equal(["/d"], container.Mounts);
        Assert.Equal(new WorkloadKey("k8s.io", "Container", A), container.Workload);
    }

    [Fact]
    public void Resolve_HugeCommand_IsCutForShowButWhollyInTheRevision()
    {
        WriteCtr("demo", "box", "/demo/box", [.. Enumerable.Repeat(new string('x', 1000), 300), "one"]);
        WriteCtr("demo", "box2", "/demo/box2", [.. Enumerable.Repeat(new string('x', 1000), 300), "two"]);
        var (one, two) = (Resolve("/demo/box")!, Resolve("/demo/box2")!);
        Assert.Equal(16_384, one.Command.Sum(part => part.Length));
        Assert.Equal(one.Command, two.Command);
        Assert.NotEqual(Revision.Of("box", "", "", one.Command), one.Revision);
    }

    /// <summary>The command changes nothing about a container that runs; here it stands for what a runtime no longer answers.</summary>
    [Fact]
    public async Task Resolve_ContainerKnownBeforeOurRestart_KeepsItsRevision()
    {
        WriteCtr("demo", "box", "/demo/box", "x");
        var before = Resolve("/demo/box")!;
        var first = new ContainerInventory($"{_host.Path}/data", "boot", _time, NullLogger<ContainerInventory>.Instance);
        first.Start();
        first.Add(before);
        await ((IHostedService)first).StopAsync(TestContext.Current.CancellationToken);
        _time.Advance(TimeSpan.FromMinutes(1));
        _inventory.Start();
        WriteCtr("demo", "box", "/demo/box", "another");

        Assert.Equal(before.Revision, Resolver().Resolve(42, "/demo/box", ContainerOrigin.Attached, Seen)!.Revision);
        Assert.NotEqual(before.Revision, Resolver().Resolve(42, "/demo/box", ContainerOrigin.Started, Seen)!.Revision);
    }

    [Fact]
    public async Task Resolve_DockersFilesAreElsewhere_DockerIsAsked()
    {
        _host.Write($"run/docker/containerd/daemon/io.containerd.runtime.v2.task/moby/{A}/config.json", $$"""
            {"process": {"args": ["nginx"]}, "linux": {"cgroupsPath": "system.slice:docker:{{A}}"} }
            """);
        await using var docker = await Runtimes.FakeRuntime.DockerAsync($"{_host.Path}/run/docker.sock", path => path switch
        {
            "/version" => """{"Version": "27.0.1"}""",
            $"/containers/{A}/json" => $$$"""{"Id": "{{{A}}}", "Name": "/web", "Image": "{{{ImageId}}}", "Config": {"Image": "nginx:1.27"}}""",
            _ => null,
        });

        var container = Resolve($"/system.slice/docker-{A}.scope")!;

        Assert.Equal(("web", "docker", "nginx:1.27", ImageId), (container.Name, container.Runtime, container.Image, container.ImageDigest));
        Assert.Equal(new WorkloadKey("docker", "Container", "web"), container.Workload);
        Assert.Equal(Revision.Of("web", ImageId, "", ["nginx"]), container.Revision);
    }

    [Fact]
    public async Task Resolve_DockersFilesSayAll_DockerIsNotAsked()
    {
        WriteDocker("{}");
        await using var docker = await Runtimes.FakeRuntime.DockerAsync($"{_host.Path}/run/docker.sock", static _ => null);

        Assert.Equal("web", Resolve($"/system.slice/docker-{A}.scope")?.Name);
        Assert.Empty(docker.Asked);
    }

    [Fact]
    public void Resolve_ContainerKnownBeforeOurRestart_IsContinued()
    {
        WriteCtr("demo", "box", "/demo/box", "x");
        var first = new ContainerInventory($"{_host.Path}/data", "boot", _time, NullLogger<ContainerInventory>.Instance);
        first.Start();
        first.Add(Resolver().Resolve(7, "/demo/box", ContainerOrigin.Started, Seen)!);
        _time.Advance(TimeSpan.FromSeconds(1));
        first.Dispose();
        var lastAlive = _time.GetUtcNow();
        _time.Advance(TimeSpan.FromMinutes(1));
        _inventory.Start();

        var container = Resolver().Resolve(7, "/demo/box", ContainerOrigin.Attached, Seen.AddDays(1))!;
        Assert.Equal((ContainerOrigin.Continued, Seen), (container.Origin, container.SeenAt));
        Assert.Equal(new ObservationGap(lastAlive, lastAlive.AddMinutes(1)), container.Gap);

        var another = Resolver().Resolve(8, "/demo/box", ContainerOrigin.Attached, Seen.AddDays(1))!;
        Assert.Equal((ContainerOrigin.Attached, Seen.AddDays(1), null), (another.Origin, another.SeenAt, another.Gap));
    }

    [Theory]
    [InlineData("/system.slice/ssh.service", false)]
    [InlineData("/", false)]
    [InlineData("/system.slice/build.scope", true)]
    public void Classify_NoContainer_SaysWhetherToAskAgain(string path, bool ask) =>
        Assert.Equal(ask ? Verdict.Unknown : Verdict.NotAContainer, Resolver().Classify(path).Verdict);

    [Fact]
    public void Classify_PathWithDots_TouchesNothingOutside()
    {
        _host.Write("etc/config.json", "{");
        Assert.Equal(Verdict.Unknown, Resolver().Classify("/../../etc").Verdict);
        Assert.Equal(Verdict.Unknown, Resolver().Classify("//..//etc").Verdict);
        Assert.Empty(_log);
    }

    private void WriteCtr(string ns, string id, string cgroup, params string[] command) =>
        _host.Write($"{Tasks}/{ns}/{id}/config.json", $$"""
            {"process": {"args": [{{string.Join(',', command.Select(part => $"\"{part}\""))}}]}, "linux": {"cgroupsPath": "{{cgroup}}"} }
            """);

    private void WriteDocker(string labels)
    {
        _host.Write($"{Tasks}/moby/{A}/config.json", $$"""
            {
              "process": {"args": ["/docker-entrypoint.sh", "nginx"]},
              "mounts": [
                {"destination": "/etc/hostname", "type": "bind", "source": "/var/lib/docker/containers/{{A}}/hostname", "options": ["rbind", "rprivate"]},
                {"destination": "/etc/resolv.conf", "type": "bind", "source": "/var/lib/docker/containers/{{A}}/resolv.conf", "options": ["rbind"]},
                {"destination": "/srv", "type": "bind", "source": "/data/srv", "options": ["rbind"]}
              ],
              "linux": {"cgroupsPath": "system.slice:docker:{{A}}"}
            }
            """);
        _host.Write($"var/lib/docker/containers/{A}/config.v2.json", $$"""
            {"ID": "{{A}}", "Name": "/web", "Image": "{{ImageId}}", "Driver": "overlay2", "Config": {"Image": "nginx:1.27", "Labels": {{labels}} } }
            """);
    }

    [Fact]
    public void Rehearse_ResolvesAndLeavesNothingBehind()
    {
        Directory.CreateDirectory(_host.Path + "/data");

        Resolver().Rehearse();

        Assert.Empty(Directory.EnumerateFileSystemEntries(_host.Path + "/data"));
        Assert.Empty(_log);
        Assert.Null(Resolve("/rehearsal/bundle"));
    }

    private ContainerDescription? Resolve(string path, string mount = "/sys/fs/cgroup") => Resolver(mount).Resolve(42, path, ContainerOrigin.Started, Seen);

    private ContainerInventory NewInventory() => new($"{_host.Path}/data", "boot", _time, NullLogger<ContainerInventory>.Instance);

    private ContainerResolver Resolver(string mount = "/sys/fs/cgroup", ContainerInventory? inventory = null)
    {
        var tree = new CgroupTree(_host.Make("cgroup").Path + "/cgroup", mount);
        var node = Options.Create(new NodeOptions { Name = "node-1", HostRoot = _host.Path, DataDirectory = _host.Path + "/data" });
        using var factory = LoggerFactory.Create(logging => logging.AddProvider(new LogLines(_log)));
        return new ContainerResolver(
            tree,
            new RuntimeState(_host.Path, mount, TimeProvider.System),
            new ContainerMetadata(_host.Path, factory.CreateLogger<ContainerMetadata>()),
            new RuntimeSockets(node, Options.Create(new ContainersOptions()), TimeProvider.System, factory.CreateLogger<RuntimeSockets>()),
            inventory ?? _inventory,
            node);
    }

    private sealed class LogLines(List<string> lines) : ILoggerProvider, ILogger
    {
        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            lines.Add(formatter(state, exception));

        public void Dispose()
        {
        }
    }
}
