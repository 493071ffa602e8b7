using KubeCop.Core.Profiles;
using KubeCop.Core.Workloads;
using KubeCop.Grains.Abstractions.Namespaces;
using KubeCop.Grains.Abstractions.Workloads;

namespace KubeCop.Cluster.Tests.Grains;

public sealed class LearningTests
{
    [Fact]
    public async Task Container_AfterThePeriod_AlertsOnceOnWhatItDidNotLearn()
    {
        await using var cluster = await GrainCluster.StartAsync();
        var container = cluster.Describe("c1");
        var started = cluster.Time.GetUtcNow();
        await cluster.Container(container).StartAsync(container);
        await cluster.ExecAsync(container, "/bin/app", "/bin/helper");
        await cluster.UntilAsync(() => cluster.Journal.Open.IsEmpty && !cluster.Journal.All.IsEmpty, "what was learned is stored");
        Assert.Contains("/bin/helper", cluster.Stored(container));

        await cluster.UntilStateAsync(container, ProfileState.Final);
        Assert.InRange(cluster.Time.GetUtcNow() - started, GrainCluster.Period, GrainCluster.Period + TimeSpan.FromSeconds(5));

        await cluster.ExecAsync(container, "/bin/app", "/bin/helper", "/bin/app");
        await cluster.PassAsync(TimeSpan.FromSeconds(5));
        Assert.Empty(cluster.Alerts.Alerts);

        await cluster.ExecAsync(container, "/bin/evil");
        await cluster.UntilAsync(() => !cluster.Alerts.Alerts.IsEmpty, "an alert");
        await cluster.PassAsync(TimeSpan.FromSeconds(5));
        Assert.Equal("R0001", Assert.Single(cluster.Alerts.Alerts).RuleId);
    }

    [Fact]
    public async Task Ingest_BeforeStart_LosesNothing()
    {
        await using var cluster = await GrainCluster.StartAsync();
        var container = cluster.Describe("c1");
        await cluster.ExecAsync(container, "/bin/early");
        await cluster.Container(container).StartAsync(container);

        await cluster.UntilAsync(() => cluster.Stored(container)?.Contains("/bin/early") is true, "the early exec is stored");
    }

    [Fact]
    public async Task Container_OfFinalProfile_IsJudgedFromItsStart()
    {
        await using var cluster = await GrainCluster.StartAsync();
        await FinalAsync(cluster, "/bin/app");
        var second = cluster.Describe("c2");

        await cluster.ExecAsync(second, "/bin/app", "/bin/evil");
        await cluster.Container(second).StartAsync(second);

        await cluster.UntilAsync(() => !cluster.Alerts.Alerts.IsEmpty, "an alert");
        Assert.Equal("c2", Assert.Single(cluster.Alerts.Alerts).Container.Id);
    }

    [Fact]
    public async Task Stop_ShortLivedContainer_EverythingIsStoredWhenItReturns()
    {
        await using var cluster = await GrainCluster.StartAsync();
        var container = cluster.Describe("c1");
        var grain = cluster.Container(container);
        await grain.StartAsync(container);
        await cluster.ExecAsync(container, "/bin/job");
        await grain.StopAsync();

        Assert.Contains("/bin/job", cluster.Stored(container));
        Assert.Empty(cluster.Journal.Open);
        await cluster.Silos.WaitForDeactivationAsync(grain);
        Assert.Null(await grain.GetStatusAsync());
    }

    [Fact]
    public async Task Stop_JustAfterLearning_IsStillJudged()
    {
        await using var cluster = await GrainCluster.StartAsync();
        var container = cluster.Describe("c1");
        var grain = cluster.Container(container);
        await grain.StartAsync(container);
        await cluster.ExecAsync(container, "/bin/app");
        await cluster.UntilAsync(() => cluster.Stored(container)?.Contains("/bin/app") is true, "learned");

        await cluster.ExecAtAsync(container, cluster.Time.GetUtcNow() + GrainCluster.Period, "/bin/evil");
        cluster.Time.Advance(GrainCluster.Period);
        await grain.StopAsync();

        await cluster.UntilAsync(() => !cluster.Alerts.Alerts.IsEmpty, "an alert of a container that has ended");
    }

    [Fact]
    public async Task Merge_LateTwiceAndOutOfOrder_GivesOneProfile()
    {
        await using var cluster = await GrainCluster.StartAsync();
        var container = cluster.Describe("c1");
        var workload = cluster.Workload(container);
        var assignment = await workload.RegisterAsync(container);
        var deltas = Enumerable.Range(0, 20).Select(i => Delta(assignment, assignment.CompletesAt.AddSeconds(-1 - i), $"/bin/{i:00}")).ToArray();
        await Task.WhenAll(deltas[..10].Reverse().Concat(deltas[..10]).Select(workload.MergeAsync));
        await cluster.UntilAsync(async () => (await workload.GetProfileAsync())!.State == ProfileState.Final, "final");

        var outcomes = await Task.WhenAll(deltas[5..].Select(workload.MergeAsync));

        Assert.All(outcomes, static outcome => Assert.Equal(DeltaOutcome.Stored, outcome));
        var profile = await workload.GetProfileAsync();
        Assert.Equal(Enumerable.Range(0, 20).Select(static i => $"/bin/{i:00}"), profile!.Containers[0].Execs.Select(static exec => exec.Path));
        Assert.Equal(DeltaOutcome.Discarded, await workload.MergeAsync(Delta(assignment, assignment.CompletesAt, "/bin/no")));
    }

    [Fact]
    public async Task Allow_FinalProfile_ReachesRunningContainersAtOnce()
    {
        await using var cluster = await GrainCluster.StartAsync();
        var container = await FinalAsync(cluster, "/bin/app");
        var version = (await cluster.Workload(container).GetProfileAsync())!.Containers[0].Version;

        Assert.True(await cluster.Workload(container).AllowAsync("app", new BehaviourItem[] { Exec("/bin/ok") }));
        Assert.False(await cluster.Workload(container).AllowAsync("other", new BehaviourItem[] { Exec("/bin/ok") }));
        Assert.True((await cluster.Workload(container).GetProfileAsync())!.Containers[0].Version > version);
        await cluster.PassAsync(TimeSpan.FromSeconds(2));

        await cluster.ExecAsync(container, "/bin/ok");
        await cluster.PassAsync(TimeSpan.FromSeconds(2));
        Assert.Empty(cluster.Alerts.Alerts);
    }

    [Fact]
    public async Task PartialProfile_GuardsAttachedContainersOnly()
    {
        await using var cluster = await GrainCluster.StartAsync();
        var attached = cluster.Describe("c1", ContainerOrigin.Attached);
        await cluster.Container(attached).StartAsync(attached);
        await cluster.ExecAsync(attached, "/bin/app");
        await cluster.UntilStateAsync(attached, ProfileState.Partial);

        var started = cluster.Describe("c2");
        await cluster.Container(started).StartAsync(started);
        await cluster.ExecAsync(started, "/bin/boot");
        await cluster.ExecAsync(attached, "/bin/evil");

        await cluster.UntilAsync(() => !cluster.Alerts.Alerts.IsEmpty, "an alert");
        await cluster.UntilStateAsync(started, ProfileState.Final);
        Assert.Equal("c1", Assert.Single(cluster.Alerts.Alerts).Container.Id);

        // Now what was learned from a start guards both.
        await cluster.UntilStateAsync(attached, ProfileState.Final);
        await cluster.ExecAsync(attached, "/bin/boot");
        await cluster.ExecAsync(attached, "/bin/app");
        await cluster.UntilAsync(() => cluster.Alerts.Alerts.Count > 1, "an alert on what only the partial profile had");
        Assert.Contains("/bin/app", cluster.Alerts.Alerts.Last().Message);
    }

    [Fact]
    public async Task Index_AfterRegistration_ListsTheWorkloadOnce()
    {
        await using var cluster = await GrainCluster.StartAsync();
        var container = cluster.Describe("c1");
        await cluster.Workload(container).RegisterAsync(container);
        await cluster.Workload(container).RegisterAsync(cluster.Describe("c2"));

        var all = cluster.Grains.GetGrain<INamespaceIndexGrain>(INamespaceIndexGrain.AllNamespaces);
        await cluster.UntilAsync(async () => (await all.ListAsync()).Count > 0, "the namespace is listed");
        Assert.Equal(["default"], await all.ListAsync());
        Assert.Equal([container.Workload.GrainKey], await cluster.Grains.GetGrain<INamespaceIndexGrain>("default").ListAsync());
    }

    private static async Task<ContainerDescription> FinalAsync(GrainCluster cluster, params string[] paths)
    {
        var container = cluster.Describe("c1");
        await cluster.Container(container).StartAsync(container);
        await cluster.ExecAsync(container, paths);
        await cluster.UntilStateAsync(container, ProfileState.Final);
        return container;
    }

    internal static ExecItem Exec(string path) => new(path, path, new ArgumentList(new[] { "-x" }));

    internal static ProfileDelta Delta(ProfileAssignment assignment, DateTimeOffset at, string path) => new()
    {
        Slot = assignment.Slot,
        Generation = assignment.Generation,
        Items = new[] { new ObservedItem(Exec(path), at) },
    };
}
