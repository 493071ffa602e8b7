using KubeCop.Core.Profiles;
using KubeCop.Core.Workloads;
using KubeCop.Grains.Abstractions.Collection;
using KubeCop.Grains.Abstractions.Namespaces;
using KubeCop.Grains.Workloads;
using KubeCop.Testing;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Core.Internal;

namespace KubeCop.Cluster.Tests.Grains;

/// <summary>Workloads that nobody needs any more.</summary>
public sealed class CollectionTests
{
    [Fact]
    public async Task Workload_NobodyWasThereForSoLong_IsForgottenWithItsNamespace()
    {
        await using var cluster = await StartAsync();
        var (gone, used) = (cluster.Describe("c1"), cluster.Describe("c2") with { Workload = new WorkloadKey("other", "Deployment", "api") });
        await cluster.Workload(gone).RegisterAsync(gone);
        await cluster.Workload(used).RegisterAsync(used);

        for (var day = 0; day < 3; day++)
        {
            Assert.NotNull(cluster.Stored(gone));
            await cluster.Workload(used).RegisterAsync(used);
            await DayAsync(cluster);
        }

        await cluster.UntilAsync(() => cluster.Stored(gone) is null, "nothing is stored of it");
        await cluster.UntilAsync(async () => !(await ListAsync(cluster, INamespaceIndexGrain.AllNamespaces)).Contains("default"), "its namespace is not listed");
        Assert.Equal(["other"], await ListAsync(cluster, INamespaceIndexGrain.AllNamespaces));
        Assert.Equal([used.Workload.GrainKey], await ListAsync(cluster, "other"));
        Assert.NotNull(cluster.Stored(used));
    }

    [Fact]
    public async Task Container_ThatComesWhileItsWorkloadIsForgotten_LearnsAnew_AndIsListed()
    {
        await using var cluster = await StartAsync();
        var container = cluster.Describe("c1");
        var workload = cluster.Workload(container);
        await workload.RegisterAsync(container);
        for (var day = 0; day < 2; day++)
        {
            Assert.False(await workload.EndDayAsync(), "it is not idle for long enough");
        }

        var clears = new TaskCompletionSource();
        cluster.Storage.Clears = clears.Task;

        var ending = workload.EndDayAsync();
        await Wait.UntilAsync(() => cluster.Storage.IsClearing, static isClearing => isClearing, "a clearing");
        var registering = workload.RegisterAsync(cluster.Describe("c2"));
        await cluster.UntilAsync(async () => await workload.GetProfileAsync() is not null, "the new container's registration");
        clears.SetResult();

        Assert.False(await ending, "it is known again");
        var assignment = await registering;
        Assert.Equal(ProfileState.Learning, assignment.State);
        Assert.NotNull(cluster.Stored(container));
        await cluster.UntilAsync(async () => (await ListAsync(cluster, "default")).Contains(container.Workload.GrainKey), "it is listed");
    }

    [Fact]
    public async Task Workload_ThatRunsForAMomentEachDay_IsKept()
    {
        await using var cluster = await StartAsync();
        var container = cluster.Describe("c1");
        for (var day = 0; day < 6; day++)
        {
            await cluster.Workload(container).RegisterAsync(container);
            for (var half = 0; half < 2; half++)
            {
                // As nobody needs it in between, another activation is asked.
                await cluster.Workload(container).AsReference<IGrainManagementExtension>().DeactivateOnIdle(TestContext.Current.CancellationToken);
                Assert.False(await cluster.Workload(container).EndDayAsync(), "it was there today");
            }
        }

        Assert.NotNull(cluster.Stored(container));
    }

    [Fact]
    public async Task Workload_WhoseProfileSomebodyGaveOrAllowedMoreOf_IsKept()
    {
        await using var cluster = await StartAsync();
        var given = cluster.Workload(cluster.Describe("c1"));
        await given.ImportAsync([LearnedSlots.Empty(ProfileSlot.Given("app"), ProfileState.Final, default, 0)]);
        var container = cluster.Describe("c2") with { Workload = new WorkloadKey("default", "Deployment", "api") };
        var allowed = cluster.Workload(container);
        await allowed.RegisterAsync(container);
        await allowed.AllowAsync("app", [new DnsItem("example.com", new ArgumentList([]))]);

        for (var day = 0; day < 5; day++)
        {
            Assert.False(await given.EndDayAsync(), "it was given");
            Assert.False(await allowed.EndDayAsync(), "somebody has allowed something");
        }

        Assert.NotNull(cluster.Stored(cluster.Describe("c1")));
        Assert.NotNull(cluster.Stored(container));
    }

    [Fact]
    public async Task Name_OfWhichNothingIsStored_IsTakenOut()
    {
        await using var cluster = await StartAsync();
        var container = cluster.Describe("c1");
        await cluster.Grains.GetGrain<INamespaceIndexGrain>("default").AddAsync(container.Workload.GrainKey);

        Assert.True(await cluster.Workload(container).EndDayAsync(), "nothing is known of it");

        Assert.Empty(await ListAsync(cluster, "default"));
        Assert.Null(cluster.Stored(container));
    }

    private static Task<GrainCluster> StartAsync() => GrainCluster.StartAsync(
        configure: static (_, silo) => silo.Services.Configure<LearningOptions>(static options => options.ForgetAfter = TimeSpan.FromDays(2)));

    private static Task<IReadOnlyList<string>> ListAsync(GrainCluster cluster, string name) => cluster.Grains.GetGrain<INamespaceIndexGrain>(name).ListAsync();

    /// <summary>A day passes: the collector has gone through everything once.</summary>
    private static async Task DayAsync(GrainCluster cluster)
    {
        var collector = cluster.Grains.GetGrain<ICollectorGrain>(ICollectorGrain.Key);
        var before = cluster.Storage.TextOf("collector", collector.GetGrainId());
        cluster.Time.Advance(TimeSpan.FromDays(1));
        await cluster.UntilAsync(
            async () =>
            {
                await collector.RunAsync();
                return cluster.Storage.TextOf("collector", collector.GetGrainId()) != before;
            },
            "another run of the collector");

        // It takes one call after the other.
        await collector.RunAsync();
    }
}
