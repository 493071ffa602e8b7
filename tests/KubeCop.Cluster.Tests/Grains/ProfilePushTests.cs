using KubeCop.Core.Profiles;
using KubeCop.Grains.Containers;
using KubeCop.Testing;
using Microsoft.Extensions.DependencyInjection;

namespace KubeCop.Cluster.Tests.Grains;

/// <summary>Nodes are told of a profile's changes, wherever its workload is.</summary>
public sealed class ProfilePushTests
{
    [Fact]
    public async Task SiloOfTheWorkload_Stops_ContainersHearOfChangesBeforeTheyWouldHaveAsked()
    {
        await using var cluster = await GrainCluster.StartAsync(silos: 3);
        var containers = cluster.Silos.Silos.Select(silo => cluster.Describe($"on-{silo.Name}", node: silo.Name)).ToList();
        foreach (var container in containers)
        {
            await cluster.Container(container).StartAsync(container);
            await cluster.ExecAsync(container, "/bin/ls");
        }

        foreach (var container in containers)
        {
            await cluster.UntilStateAsync(container, ProfileState.Final);
        }

        var workload = cluster.Workload(containers[0]);
        var address = await cluster.Grains.GetGrain<IManagementGrain>(0).GetActivationAddress(workload, TestContext.Current.CancellationToken);
        var stopped = cluster.Silos.Silos.Single(silo => silo.SiloAddress.Equals(address));
        var before = cluster.Time.GetUtcNow();
        await cluster.Silos.StopSiloAsync(stopped, TestContext.Current.CancellationToken);
        await workload.AllowAsync("app", [new ExecItem("/bin/date", "", new ArgumentList([]))]);
        var version = (await workload.GetProfileAsync())!.Containers[0].Version;

        // What they learn otherwise, they learn half a minute later by their clock.
        await Wait.UntilAsync(
            async () =>
            {
                cluster.Time.Advance(TimeSpan.FromMilliseconds(20));
                var statuses = await Task.WhenAll(containers.Where(container => container.Node != stopped.Name).Select(container => cluster.Container(container).GetStatusAsync()));
                return statuses.Select(static status => status?.ProfileVersion).ToArray();
            },
            versions => versions.All(known => known >= version),
            $"version {version} of the profile in both containers that are left");
        Assert.True(cluster.Time.GetUtcNow() - before < TimeSpan.FromSeconds(6), "They heard of the change when it was time to compare, and not when it was made.");
    }

    /// <summary>Of a workload that ran apart from the others for a while: its version may be the higher one, and says nothing.</summary>
    [Fact]
    public async Task Version_ThatTheWorkloadNeverStored_GivesWayToTheWorkloads()
    {
        await using var cluster = await GrainCluster.StartAsync();
        var container = cluster.Describe("c1");
        await cluster.Container(container).StartAsync(container);
        await cluster.ExecAsync(container, "/bin/ls");
        await cluster.UntilStateAsync(container, ProfileState.Final);
        var profile = (await cluster.Workload(container).GetProfileAsync())!.Containers[0];
        var lost = profile with { Version = profile.Version + 100_000, Execs = [] };

        await cluster.Silos.Silos[0].ServiceProvider.GetRequiredService<WatchedContainers>().Profiles.ProfileChangedAsync(container.Workload, lost);

        await UntilVersionAsync(lost.Version);
        await UntilVersionAsync(profile.Version);
        await cluster.ExecAsync(container, "/bin/ls");
        Assert.Equal(0, (await cluster.Container(container).GetStatusAsync())!.Alerts);

        Task UntilVersionAsync(long version) => cluster.UntilAsync(
            async () => (await cluster.Container(container).GetStatusAsync())?.ProfileVersion == version, $"container that goes by version {version}");
    }
}
