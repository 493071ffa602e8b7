using Google.Protobuf;
using KubeCop.Core.Workloads;
using KubeCop.Sensor;
using KubeCop.Sensor.Containers;
using KubeCop.Sensor.Containers.Runtimes;
using KubeCop.Sensor.Containers.Runtimes.Cri;
using KubeCop.Testing;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using ContainerMetadata = KubeCop.Sensor.Containers.Runtimes.Cri.ContainerMetadata;

namespace KubeCop.Tests.Sensor.Containers.Runtimes;

public sealed class RuntimeSocketsTests : IDisposable
{
    private const string Id = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    private const string IndexDigest = "sha256:1111111111111111111111111111111111111111111111111111111111111111";
    private const string OtherDigest = "sha256:0000000000000000000000000000000000000000000000000000000000000000";
    private const string ImageId = "sha256:2222222222222222222222222222222222222222222222222222222222222222";
    private const string Cri = "/run/containerd/containerd.sock";
    private const string Docker = "/run/docker.sock";

    private readonly Scratch _host = new Scratch().Make("run/containerd");
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2030, 1, 2, 3, 4, 5, TimeSpan.Zero));
    private readonly List<string> _warnings = [];
    private readonly List<RuntimeSockets> _open = [];

    public void Dispose()
    {
        _open.ForEach(static sockets => sockets.Dispose());
        _host.Dispose();
    }

    [Fact]
    public async Task Describe_PodsContainer_TellsWhatTheDiskDoesNot()
    {
        await using var runtime = await FakeRuntime.CriAsync(OnHost(Cri), Answers());

        var facts = Open().Describe(Id, RuntimeApi.Cri)!;

        Assert.Equal(("web", 2, "shop.example/web:1.27", IndexDigest), (facts.Name, facts.Attempt, facts.Image, facts.ImageDigest));
        Assert.Equal(ContainerType.Ephemeral, facts.Type);
        Assert.Equal(("web-0", "shop", "uid-1"), (facts.Pod!.Name, facts.Pod.Namespace, facts.Pod.Uid));
        Assert.Equal(new Dictionary<string, string> { ["app"] = "web" }, facts.Pod.Labels);
        Assert.Equal([new VolumeMount { Path = "/data", Source = "/srv", Type = "host-path", ReadOnly = true }], facts.Mounts);
    }

    [Fact]
    public async Task Describe_AskedTwice_AsksTheRuntimeOnce()
    {
        await using var runtime = await FakeRuntime.CriAsync(OnHost(Cri), Answers());
        var sockets = Open();
        sockets.Describe(Id, RuntimeApi.Cri);
        var asked = runtime.Asked.Count;

        Assert.NotNull(sockets.Describe(Id, RuntimeApi.Cri));
        Assert.Equal(asked, runtime.Asked.Count);
    }

    [Fact]
    public async Task Describe_HostileLabels_AreLeftOutOrKeptAsTheyAre()
    {
        var labels = new Dictionary<string, string>
        {
            [new string('k', 400)] = "v",
            ["huge"] = new string('v', 100_000),
            ["esc\u001b[2J"] = "\u001b]0;owned\u0007\n",
            [""] = "nameless",
        };
        for (var i = 0; i < 1000; i++)
        {
            labels[$"z{i:0000}"] = "";
        }

        await using var runtime = await FakeRuntime.CriAsync(OnHost(Cri), Answers(labels));

        var kept = Open().Describe(Id, RuntimeApi.Cri)!.Pod!.Labels;

        Assert.Equal(256, kept.Count);
        Assert.Equal("\u001b]0;owned\u0007\n", kept["esc\u001b[2J"]);
        Assert.DoesNotContain("huge", kept.Keys);
        Assert.DoesNotContain("z0999", kept.Keys);
        Assert.All(kept, static label => Assert.InRange(label.Key.Length, 1, 317));
    }

    [Fact]
    public async Task Describe_HugeAnswer_IsNotTakenIn()
    {
        await using var runtime = await FakeRuntime.CriAsync(OnHost(Cri), Answers(new() { ["huge"] = new string('v', 5_000_000) }));

        var sockets = Open();

        Assert.Null(sockets.Describe(Id, RuntimeApi.Cri));
        Assert.Equal(RuntimeSocketState.Unavailable, Assert.Single(sockets.Status).State);
        Assert.Single(_warnings);
    }

    [Fact]
    public async Task Describe_HugeAnswerOfDocker_IsNotTakenIn()
    {
        await using var runtime = await FakeRuntime.DockerAsync(
            OnHost(Docker), static path => path == "/version" ? """{"Version": "27.0.1"}""" : $$"""{"Id": "{{Id}}", "Junk": "{{new string('x', 5_000_000)}}"}""");

        Assert.Null(Open().Describe(Id, RuntimeApi.Docker));
        Assert.Single(_warnings);
    }

    [Fact]
    public async Task Describe_SocketHangs_CostsOneTimeoutAndIsLeftAloneForAWhile()
    {
        using var mute = FakeRuntime.Mute(OnHost(Cri));
        var sockets = Open();

        var asking = Task.Run(() => sockets.Describe(Id, RuntimeApi.Cri), TestContext.Current.CancellationToken);
        await TimePassesUntilAsync(asking);
        Assert.Null(await asking);

        // No time passes here: whoever waits, waits for ever.
        Assert.Null(sockets.Describe(Id, RuntimeApi.Cri));
        Assert.Contains("in time", Assert.Single(sockets.Status).Detail, StringComparison.Ordinal);
        Assert.Single(_warnings);
    }

    [Fact]
    public async Task Describe_RuntimeCameBack_IsAskedAgainAtOnce()
    {
        var sockets = Open();
        await using (await FakeRuntime.CriAsync(OnHost(Cri), Answers()))
        {
            await sockets.ProbeAsync(all: false, TestContext.Current.CancellationToken);
            Assert.Equal(("containerd", "1.7.2", RuntimeSocketState.Available), Of(Assert.Single(sockets.Status)));
        }

        File.Delete(OnHost(Cri));
        for (var i = 0; i < 5; i++)
        {
            Assert.Null(sockets.Describe(Id, RuntimeApi.Cri));
            await sockets.ProbeAsync(all: false, TestContext.Current.CancellationToken);
        }

        Assert.Equal(("containerd", "1.7.2", RuntimeSocketState.Unavailable), Of(Assert.Single(sockets.Status)));
        Assert.Single(_warnings);
        await using var back = await FakeRuntime.CriAsync(OnHost(Cri), Answers());
        Assert.Equal("web", sockets.Describe(Id, RuntimeApi.Cri)?.Name);
        Assert.Equal(RuntimeSocketState.Available, Assert.Single(sockets.Status).State);

        static (string, string, RuntimeSocketState) Of(RuntimeStatus status) => (status.Runtime, status.Version, status.State);
    }

    [Theory]
    [InlineData("SSH-2.0-OpenSSH_9.2\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n[1,2]")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")]
    [InlineData("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n")]
    [InlineData("")]
    public async Task Probe_SomebodyElsesSocket_IsOneWarning(string says)
    {
        using var other = FakeRuntime.Mute(OnHost(Cri), says);
        var sockets = Open();

        for (var i = 0; i < 3; i++)
        {
            await sockets.ProbeAsync(all: false, TestContext.Current.CancellationToken);
            _time.Advance(TimeSpan.FromMinutes(1));
        }

        var status = Assert.Single(sockets.Status);
        Assert.Equal(RuntimeSocketState.Unavailable, status.State);
        Assert.Contains("neither CRI nor docker's API", status.Detail, StringComparison.Ordinal);
        Assert.Single(_warnings);
    }

    [Fact]
    public async Task Probe_SocketsNamedWrongly_AreFoundOutByAsking()
    {
        await using var docker = await FakeRuntime.DockerAsync(
            OnHost("/run/a.sock"), static path => path == "/version" ? """{"Version": "4.3.1", "Components": [null, {"Name": "Podman Engine"}]}""" : null);
        await using var cri = await FakeRuntime.CriAsync(OnHost("/run/docker-b.sock"), Answers());
        var sockets = Open("unix:///run/a.sock", "/run/docker-b.sock");

        await sockets.ProbeAsync(all: false, TestContext.Current.CancellationToken);

        Assert.Equal(["podman", "containerd"], sockets.Status.Select(static status => status.Runtime));
        Assert.Equal("web", sockets.Describe(Id, RuntimeApi.Cri)?.Name);
        Assert.Empty(_warnings);
    }

    [Fact]
    public async Task Probe_SocketThatWouldStartADaemon_IsNotTouchedWithoutNeed()
    {
        await using var docker = await FakeRuntime.DockerAsync(OnHost(Docker), static path => path == "/version" ? """{"Version": "27.0.1"}""" : null);
        var sockets = Open();

        await sockets.ProbeAsync(all: false, TestContext.Current.CancellationToken);
        Assert.Empty(docker.Asked);
        Assert.Equal(RuntimeSocketState.Unasked, Assert.Single(sockets.Status).State);

        await sockets.ProbeAsync(all: true, TestContext.Current.CancellationToken);
        Assert.Equal(("docker", RuntimeSocketState.Available), (sockets.Status[0].Runtime, sockets.Status[0].State));
    }

    [Fact]
    public async Task Describe_DockersContainer_TellsNameImageDigestAndMounts()
    {
        await using var runtime = await FakeRuntime.DockerAsync(OnHost(Docker), static path => path switch
        {
            "/version" => """{"Version": "27.0.1", "ApiVersion": "1.46"}""",
            $"/containers/{Id}/json" => $$$"""
                {"Id": "{{{Id}}}", "Name": "/shop-web-1", "Image": "{{{ImageId}}}",
                 "Config": {"Image": "nginx:1.27", "Labels": {"com.docker.compose.project": "shop", "com.docker.compose.service": "web"}},
                 "Mounts": [null, {"Type": "tmpfs", "Destination": "/tmp"}, {"Type": "bind", "Source": "/srv", "Destination": "/www", "RW": false},
                  {"Type": "volume", "Name": "data", "Source": "/var/lib/docker/volumes/data/_data", "Destination": "/data", "RW": true}]}
                """,
            $"/images/{ImageId}/json" => $$"""{"Id": "{{ImageId}}", "RepoDigests": ["mirror/nginx@{{OtherDigest}}", null, "nginx@{{IndexDigest}}"]}""",
            _ => null,
        });

        var facts = Open().Describe(Id, RuntimeApi.Docker)!;

        Assert.Equal(("web", "shop.web", "nginx:1.27", IndexDigest), (facts.Name, facts.Workload, facts.Image, facts.ImageDigest));
        Assert.Equal(
            [
                new VolumeMount { Path = "/www", Source = "/srv", Type = "bind", ReadOnly = true },
                new VolumeMount { Path = "/data", Source = "/var/lib/docker/volumes/data/_data", Type = "volume", Volume = "data" },
            ],
            facts.Mounts);
    }

    [Fact]
    public async Task Describe_Unknown_IsNoFailure()
    {
        await using var cri = await FakeRuntime.CriAsync(OnHost(Cri), static method => method switch
        {
            "Version" => new VersionResponse { RuntimeName = "containerd", RuntimeVersion = "1.7.2" },
            "ListContainers" => new ListContainersResponse(),
            _ => null,
        });

        var sockets = Open();

        Assert.Null(sockets.Describe(Id, RuntimeApi.Cri));
        Assert.Equal(RuntimeSocketState.Available, Assert.Single(sockets.Status).State);
        Assert.Empty(_warnings);
    }

    [Fact]
    public async Task Probe_SetSocketIsNotThere_IsOneWarning()
    {
        var sockets = Open("/run/no-such.sock", $"/run/{new string('x', 200)}");

        await sockets.ProbeAsync(all: false, TestContext.Current.CancellationToken);
        await sockets.ProbeAsync(all: false, TestContext.Current.CancellationToken);

        Assert.All(sockets.Status, static status => Assert.Equal((RuntimeSocketState.Unavailable, "it is not there"), (status.State, status.Detail)));
        Assert.Equal(2, _warnings.Count);
        Assert.Empty(Open().Status);
    }

    private static Func<string, IMessage?> Answers(Dictionary<string, string>? labels = null) => method =>
    {
        switch (method)
        {
            case "Version":
                return new VersionResponse { RuntimeName = "containerd", RuntimeVersion = "1.7.2" };
            case "ListContainers":
                return new ListContainersResponse
                {
                    Containers =
                    {
                        new Container
                        {
                            Id = Id, PodSandboxId = "sandbox", Metadata = new ContainerMetadata { Name = "web", Attempt = 2 },
                            Image = new ImageSpec { Image = ImageId }, ImageRef = ImageId, Annotations = { ["io.kubernetes.container.type"] = "ephemeral" },
                        },
                    },
                };
            case "ContainerStatus":
                return new ContainerStatusResponse
                {
                    Status = new ContainerStatus
                    {
                        Id = Id,
                        Image = new ImageSpec { Image = "shop.example/web:1.27" },
                        ImageRef = $"a.example/mirror@{OtherDigest}",
                        Mounts = { new Mount { ContainerPath = "/data", HostPath = "/srv", Readonly = true } },
                    },
                };
            case "ImageStatus":
                return new ImageStatusResponse
                {
                    Image = new Image { Id = ImageId, RepoDigests = { $"a.example/mirror@{OtherDigest}", $"shop.example/web@{IndexDigest}" } },
                };
            case "PodSandboxStatus":
                var sandbox = new PodSandboxStatus { Id = "sandbox", Metadata = new PodSandboxMetadata { Name = "web-0", Namespace = "shop", Uid = "uid-1" } };
                sandbox.Labels.Add(labels ?? new() { ["app"] = "web", ["io.kubernetes.pod.name"] = "web-0" });
                return new PodSandboxStatusResponse { Status = sandbox };
            default:
                return null;
        }
    };

    private async Task TimePassesUntilAsync(Task task)
    {
        while (!task.IsCompleted)
        {
            _time.Advance(TimeSpan.FromMilliseconds(100));
            await Task.WhenAny(task, Task.Delay(1, TestContext.Current.CancellationToken));
        }
    }

    private string OnHost(string path) => _host.Path + path;

    private RuntimeSockets Open(params string[] set)
    {
        var options = new ContainersOptions();
        foreach (var socket in set)
        {
            options.RuntimeSockets.Add(socket);
        }

        var sockets = new RuntimeSockets(
            Options.Create(new NodeOptions { HostRoot = _host.Path }), Options.Create(options), _time, new WarningLog<RuntimeSockets>(_warnings));
        _open.Add(sockets);
        return sockets;
    }
}
