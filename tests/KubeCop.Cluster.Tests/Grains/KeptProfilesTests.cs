using KubeCop.Core.Profiles;
using KubeCop.Core.Workloads;
using Microsoft.Extensions.Time.Testing;

namespace KubeCop.Cluster.Tests.Grains;

/// <summary>Containers whose workload does not answer, on a node that has kept their profile.</summary>
public sealed class KeptProfilesTests
{
    private readonly RememberedProfiles _kept = new();

    [Fact]
    public async Task NewContainer_WorkloadCannotBeAsked_IsJudgedByTheKeptProfile()
    {
        var storage = new SharedGrainStorage();
        var time = await LearnAsync(storage);
        storage.IsAway = true;

        await using var cluster = await GrainCluster.StartAsync(storage: storage, time: time, kept: _kept);
        var container = cluster.Describe("c2");
        await cluster.Container(container).StartAsync(container);
        await cluster.ExecAsync(container, "/bin/app", "/bin/evil", "/dev/shm/x");
        await cluster.UntilAsync(() => cluster.Alerts.Alerts.Select(static alert => alert.Event.Path).Distinct().Count() >= 2, "alerts of both programs");

        Assert.Contains(cluster.Alerts.Alerts, static alert => alert.RuleId == "R0001" && alert.Event.Path == "/bin/evil");
        Assert.Contains(cluster.Alerts.Alerts, static alert => alert.RuleId != "R0001" && alert.Event.Path == "/dev/shm/x");
        Assert.DoesNotContain(cluster.Alerts.Alerts, static alert => alert.Event.Path == "/bin/app");
        Assert.Equal(ProfileState.Final, (await cluster.Container(container).GetStatusAsync())!.ProfileState);
    }

    [Fact]
    public async Task NewContainer_WorkloadAnswersLater_GoesByWhatThatSays()
    {
        var storage = new SharedGrainStorage();
        var time = await LearnAsync(storage);

        // Not the one in which the profile is: the workload knows nothing, and learns.
        await using var cluster = await GrainCluster.StartAsync(storage: new SharedGrainStorage { IsAway = true }, time: time, kept: _kept);
        var container = cluster.Describe("c2");
        await cluster.Container(container).StartAsync(container);
        await cluster.UntilStateAsync(container, ProfileState.Final);

        cluster.Storage.IsAway = false;
        await cluster.UntilStateAsync(container, ProfileState.Learning);
        await cluster.ExecAsync(container, "/bin/new");
        await cluster.UntilAsync(() => cluster.Stored(container)?.Contains("/bin/new") is true, "what it does is learned");

        Assert.Empty(cluster.Alerts.Alerts);
    }

    [Fact]
    public async Task NewContainer_OfARevisionNobodyKnows_HasSignatureRulesOnly()
    {
        var storage = new SharedGrainStorage();
        var time = await LearnAsync(storage);
        storage.IsAway = true;

        await using var cluster = await GrainCluster.StartAsync(storage: storage, time: time, kept: _kept);
        var container = cluster.Describe("c2", revision: "r2");
        await cluster.Container(container).StartAsync(container);
        await cluster.ExecAsync(container, "/bin/evil", "/dev/shm/x");
        await cluster.UntilAsync(() => !cluster.Alerts.Alerts.IsEmpty, "an alert");
        await cluster.PassAsync(TimeSpan.FromSeconds(2));

        Assert.All(cluster.Alerts.Alerts, static alert => Assert.Equal("/dev/shm/x", alert.Event.Path));
        Assert.DoesNotContain(cluster.Alerts.Alerts, static alert => alert.RuleId == "R0001");
    }

    [Fact]
    public async Task NewContainer_OnlyAPartialProfileIsKept_IsNotJudgedByIt()
    {
        var storage = new SharedGrainStorage();
        var time = await LearnAsync(storage, ContainerOrigin.Attached);
        storage.IsAway = true;

        await using var cluster = await GrainCluster.StartAsync(storage: storage, time: time, kept: _kept);
        var (started, attached) = (cluster.Describe("c2"), cluster.Describe("c3", ContainerOrigin.Attached));
        foreach (var container in (ContainerDescription[])[started, attached])
        {
            await cluster.Container(container).StartAsync(container);
            await cluster.ExecAsync(container, "/bin/evil");
        }

        await cluster.UntilAsync(() => !cluster.Alerts.Alerts.IsEmpty, "an alert");
        await cluster.PassAsync(TimeSpan.FromSeconds(2));

        Assert.Equal("c3", Assert.Single(cluster.Alerts.Alerts).Container.Id);
    }

    /// <returns>The time at which it was learned, for those that come later.</returns>
    private async Task<FakeTimeProvider> LearnAsync(SharedGrainStorage storage, ContainerOrigin origin = ContainerOrigin.Started)
    {
        await using var cluster = await GrainCluster.StartAsync(storage: storage, kept: _kept);
        var container = cluster.Describe("c1", origin);
        await cluster.Container(container).StartAsync(container);
        await cluster.ExecAsync(container, "/bin/app");
        await cluster.UntilStateAsync(container, origin == ContainerOrigin.Started ? ProfileState.Final : ProfileState.Partial);
        return cluster.Time;
    }
}
