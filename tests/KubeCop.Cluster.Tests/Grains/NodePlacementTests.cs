using KubeCop.Core.Profiles;
using KubeCop.Grains.Abstractions.Containers;

namespace KubeCop.Cluster.Tests.Grains;

public sealed class NodePlacementTests
{
    [Fact]
    public async Task ContainerGrain_TwoNodes_LivesOnItsNodeAndSharesTheProfile()
    {
        await using var cluster = await GrainCluster.StartAsync(silos: 2);
        var containers = cluster.Silos.Silos.SelectMany(silo => Enumerable.Range(0, 5).Select(i => cluster.Describe($"c{i}", node: silo.Name))).ToArray();
        foreach (var container in containers)
        {
            await cluster.Container(container).StartAsync(container);
            await cluster.ExecAsync(container, "/bin/app", $"/bin/{container.Node}-{container.Id}");
        }

        foreach (var container in containers)
        {
            var silo = cluster.Silos.Silos.Single(silo => silo.Name == container.Node);
            Assert.Equal(silo.SiloAddress, await AddressOf(cluster, container.Node, container.Id));
        }

        // The workload grain lives on one of them, so half of all deltas, pushes and look-ups are serialized.
        foreach (var container in containers)
        {
            await cluster.UntilStateAsync(container, ProfileState.Final);
            await cluster.ExecAsync(container, "/bin/app", $"/bin/{containers[0].Node}-c0", $"/bin/{containers[^1].Node}-c4");
        }

        Assert.Empty(cluster.Alerts.Alerts);
        foreach (var container in containers)
        {
            await cluster.ExecAsync(container, "/bin/evil");
        }

        await cluster.UntilAsync(() => cluster.Alerts.Alerts.Count >= containers.Length, "an alert of every container");
        Assert.Equal(containers.Length, cluster.Alerts.Alerts.Count);
    }

    [Fact]
    public async Task ContainerGrain_AnotherNodeIsLost_KeepsWhatItKnows()
    {
        await using var cluster = await GrainCluster.StartAsync(silos: 3);
        var containers = Enumerable.Range(0, 40).Select(i => cluster.Describe($"c{i}")).ToArray();
        foreach (var container in containers)
        {
            await cluster.Container(container).StartAsync(container);
        }

        var lost = cluster.Silos.Silos[2];
        await cluster.Silos.KillSiloAsync(lost, TestContext.Current.CancellationToken);
        await cluster.Silos.WaitForLivenessToStabilizeAsync();

        // With a directory spread over all silos, a third of them would have ended with the one that was lost.
        var statuses = await Task.WhenAll(containers.Select(container => cluster.Container(container).GetStatusAsync()));
        Assert.All(statuses, static status => Assert.NotNull(status));
    }

    [Fact]
    public async Task ContainerGrain_NodeHasNoSilo_FailsNamingIt()
    {
        await using var cluster = await GrainCluster.StartAsync();

        var call = cluster.Grains.GetGrain<IContainerGrain>("gone/c1").GetStatusAsync();
        // Placement tries a few times, 100 ms apart, in the grains' time.
        await cluster.UntilAsync(() => call.IsCompleted, "the call fails");

        var failure = await Assert.ThrowsAnyAsync<OrleansException>(() => call);

        Assert.Contains("'gone'", failure.Message);
    }

    private static async Task<SiloAddress?> AddressOf(GrainCluster cluster, string node, string id)
    {
        // By what is in memory: the directory of a node's grains answers only there.
        var grain = cluster.Grains.GetGrain<IContainerGrain>($"{node}/{id}").GetGrainId();
        var statistics = await cluster.Grains.GetGrain<IManagementGrain>(0).GetDetailedGrainStatistics();
        return statistics.SingleOrDefault(statistic => statistic.GrainId == grain)?.SiloAddress;
    }
}
