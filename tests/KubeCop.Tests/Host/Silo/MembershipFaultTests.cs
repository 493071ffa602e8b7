using System.Diagnostics;
using KubeCop.Core.Events;
using KubeCop.Core.Workloads;
using KubeCop.Exporters.Delivery;
using KubeCop.Grains.Abstractions.Containers;
using KubeCop.Host.Node;
using KubeCop.Host.Silo;
using KubeCop.Testing;
using KubeCop.Testing.Kubernetes;
using KubeCop.Testing.Storage;
using KubeCop.Tests.Host.Node;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Orleans.Configuration;

namespace KubeCop.Tests.Host.Silo;

/// <summary>A node whose membership table takes its time, or refuses, while the node starts and while it ends.</summary>
public sealed class MembershipFaultTests : IAsyncLifetime
{
    /// <summary>The process promises to end within 5 s; with the settings here, a silo that its table does not answer takes more than a minute.</summary>
    private static readonly TimeSpan StopTime = TimeSpan.FromSeconds(50);

    private readonly TestDirectory _directory = new();
    private readonly FakeSensor _sensor = new();
    private ApiServer _api = null!;

    public async ValueTask InitializeAsync()
    {
        _api = await ApiServer.StartAsync();
        _api.Apply("{apiVersion: v1, kind: Namespace, metadata: {name: kubecop}}");
        _sensor.ReadySource.SetResult();
    }

    public async ValueTask DisposeAsync()
    {
        await _api.DisposeAsync();
        _directory.Dispose();
    }

    [Fact]
    public async Task Start_TableDoesNotAnswer_ContainersAreJudgedMeanwhile()
    {
        using var silence = Inject("get", status: null);
        await using var node = await StartAsync();

        Assert.Equal(SiloState.Changing, StateOf(node));
        await AttackAsync(node);
        await Wait.UntilAsync(
            () => node.Services.GetRequiredService<AlertDispatcher>().Alerts.Sum(static alert => alert.Count), static count => count > 0, "alert while there is no silo");
        Assert.Equal(SiloState.Changing, StateOf(node));
    }

    [Fact]
    public async Task Member_DoesNotDeclareThoseDeadWhoAreSlowToJoin()
    {
        await using var node = await StartAsync();
        await Wait.UntilAsync(() => StateOf(node), static state => state == SiloState.Member, "membership");

        var options = node.Services.GetRequiredService<SiloHost>().Services.GetRequiredService<IOptions<ClusterMembershipOptions>>().Value;
        Assert.False(options.EvictWhenMaxJoinAttemptTimeExceeded, "In a rollout all nodes start at once, and the last of them would be taken out by the first.");
    }

    [Theory, InlineData(null), InlineData(500)]
    public async Task Stop_TableRefusesOrDoesNotAnswer_EndsInTimeAllTheSame(int? status)
    {
        var node = await StartAsync();
        await Wait.UntilAsync(() => StateOf(node), static state => state == SiloState.Member, "membership");
        using var fault = Inject("patch", status);
        var watch = Stopwatch.StartNew();

        await node.DisposeAsync();

        Assert.InRange(watch.Elapsed, TimeSpan.Zero, StopTime);
    }

    private static SiloState StateOf(NodeHost node) => node.Services.GetRequiredService<SiloHost>().Status.State;

    /// <summary>A container starts, and a program in /dev/shm in it.</summary>
    private static async Task AttackAsync(NodeHost node)
    {
        var container = new ContainerDescription
        {
            Id = "c1",
            Name = "web",
            Runtime = "containerd",
            Node = NodeHostFixture.NodeName,
            Workload = new WorkloadKey("default", "Container", "c1"),
            Origin = ContainerOrigin.Started,
            SeenAt = DateTimeOffset.UtcNow,
            CgroupId = 1,
            CgroupPath = "/default/c1",
            Revision = "r1",
        };
        var watched = node.Services.GetRequiredService<ContainerGrains>()(container);
        await watched.StartAsync(container);
        var batch = new EventBatch(1);
        batch.Add() = new SensorEvent
        {
            Kind = EventKind.Exec,
            Timestamp = (DateTimeOffset.UtcNow - DateTimeOffset.UnixEpoch).Ticks * 100,
            Process = new ProcessIdentity { Key = new ProcessKey(42, 1), Parent = new ProcessKey(1, 1), Comm = "sh" },
            Path = "/dev/shm/x",
            Executable = "/dev/shm/x",
            Details = new ExecDetails("/dev/shm/x", "/", ["/dev/shm/x"]),
            ParentComm = "sh",
        };
        await watched.IngestAsync(batch);
    }

    /// <param name="status">With which the table refuses; null when it does not answer.</param>
    private IDisposable Inject(string verb, int? status) => _api.Inject(
        new Fault(request => request.Resource == "configmaps" && request.Verb == verb) { Status = status, Delay = status is null ? TimeSpan.FromMinutes(5) : TimeSpan.Zero });

    private Task<NodeHost> StartAsync() => NodeHostFixture.StartAsync(
        _directory.Combine("data"),
        _sensor,
        more:
        [
            new("KubeCop:Kubernetes:Kubeconfig", _api.WriteKubeconfig(_directory.Combine("kubeconfig"))),
            new("KubeCop:Cluster:Membership", "kubernetes"),
            new("KubeCop:Cluster:KubernetesNamespace", "kubecop"),
            new("KubeCop:Cluster:AdvertisedAddress", "127.0.0.1"),
            new("KubeCop:Cluster:SiloPort", $"{ServerProcess.FreePort()}"),
            new("KubeCop:Cluster:JoinTimeout", "00:01:00"),
            new("KubeCop:Cluster:Tls:Mode", "none"),
        ]);
}
