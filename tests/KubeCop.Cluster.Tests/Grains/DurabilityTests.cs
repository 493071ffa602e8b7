using KubeCop.Core.Profiles;
using KubeCop.Core.Workloads;
using KubeCop.Grains.Abstractions.Workloads;
using KubeCop.Storage;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Core.Internal;
using Orleans.Runtime.Placement;
using Orleans.Serialization;

namespace KubeCop.Cluster.Tests.Grains;

public sealed class DurabilityTests
{
    [Fact]
    public async Task StorageDown_NothingIsAcknowledgedAndNothingIsLost()
    {
        await using var cluster = await GrainCluster.StartAsync();
        var container = cluster.Describe("c1");
        await cluster.Container(container).StartAsync(container);
        await cluster.ExecAsync(container, "/bin/before");
        await cluster.UntilAsync(() => cluster.Stored(container)?.Contains("/bin/before") is true && cluster.Journal.Open.IsEmpty, "stored");

        cluster.Storage.IsDown = true;
        await cluster.ExecAsync(container, "/bin/during-1");
        await cluster.PassAsync(TimeSpan.FromSeconds(3));
        await cluster.ExecAsync(container, "/bin/during-2");
        await cluster.PassAsync(TimeSpan.FromSeconds(3));
        Assert.Equal(2, cluster.Journal.Open.Count);
        await Assert.ThrowsAsync<TimeoutException>(() => WithTime(cluster, cluster.Container(container).FlushAsync()));

        cluster.Storage.IsDown = false;
        await cluster.UntilAsync(() => cluster.Journal.Open.IsEmpty, "everything is acknowledged");
        Assert.Contains("/bin/during-1", cluster.Stored(container));
        Assert.Contains("/bin/during-2", cluster.Stored(container));
    }

    [Fact]
    public async Task WhatAStoreSays_ReachesAnotherSilo()
    {
        await using var cluster = await GrainCluster.StartAsync();
        var serializer = cluster.Silos.Silos[0].ServiceProvider.GetRequiredService<Serializer>();

        var sent = serializer.SerializeToArray<Exception>(new OrleansException("outer", new StorageException("The store is full.", "Free space.")));

        var received = serializer.Deserialize<Exception>(sent);
        Assert.Equal("The store is full. Free space.", Assert.IsType<StorageException>(received!.InnerException).Message);
    }

    [Fact]
    public async Task StorageDownAtStart_EventsWaitInTheJournalForTheRegistration()
    {
        await using var cluster = await GrainCluster.StartAsync();
        cluster.Storage.IsDown = true;
        var container = cluster.Describe("c1");
        await cluster.Container(container).StartAsync(container);
        await cluster.ExecAsync(container, "/bin/app");
        await cluster.PassAsync(TimeSpan.FromSeconds(5));
        Assert.NotEmpty(cluster.Journal.Open);

        cluster.Storage.IsDown = false;

        await cluster.UntilAsync(() => cluster.Stored(container)?.Contains("/bin/app") is true, "stored");
        await cluster.UntilAsync(() => cluster.Journal.Open.IsEmpty, "acknowledged");
    }

    [Fact]
    public async Task WorkloadLostBeforeItHasStored_IsToldAgain()
    {
        await using var cluster = await GrainCluster.StartAsync();
        var container = cluster.Describe("c1");
        await cluster.Container(container).StartAsync(container);
        await cluster.ExecAsync(container, "/bin/stored");
        await cluster.UntilAsync(() => cluster.Stored(container)?.Contains("/bin/stored") is true && cluster.Journal.Open.IsEmpty, "stored");
        cluster.Storage.IsDown = true;
        await cluster.ExecAsync(container, "/bin/merged");
        await cluster.UntilAsync(
            async () => (await cluster.Workload(container).GetProfileAsync())!.Containers[0].Execs.Any(static exec => exec.Path == "/bin/merged"), "merged");

        await cluster.Workload(container).AsReference<IGrainManagementExtension>().DeactivateOnIdle(TestContext.Current.CancellationToken);
        await cluster.UntilAsync(
            async () => (await cluster.Workload(container).GetProfileAsync())!.Containers[0].Execs.All(static exec => exec.Path != "/bin/merged"), "lost");
        Assert.NotEmpty(cluster.Journal.Open);
        cluster.Storage.IsDown = false;

        await cluster.UntilAsync(() => cluster.Journal.Open.IsEmpty, "acknowledged");
        Assert.Contains("/bin/merged", cluster.Stored(container));
    }

    [Fact]
    public async Task WorkloadMovedBeforeItHasStored_AcknowledgesOnlyWhatIsStored()
    {
        await using var cluster = await GrainCluster.StartAsync(silos: 2);
        var container = cluster.Describe("c1");
        var workload = cluster.Workload(container);
        await cluster.Container(container).StartAsync(container);
        await cluster.ExecAsync(container, "/bin/stored");
        await cluster.UntilAsync(() => cluster.Stored(container)?.Contains("/bin/stored") is true && cluster.Journal.Open.IsEmpty, "stored");
        cluster.Storage.IsDown = true;
        await cluster.ExecAsync(container, "/bin/merged");
        await cluster.UntilAsync(async () => (await workload.GetProfileAsync())!.Containers[0].Execs.Any(static exec => exec.Path == "/bin/merged"), "merged");

        var management = cluster.Grains.GetGrain<IManagementGrain>(0);
        var first = await management.GetActivationAddress(workload, TestContext.Current.CancellationToken);
        RequestContext.Set(IPlacementDirector.PlacementHintKey, cluster.Silos.Silos.Single(silo => !silo.SiloAddress.Equals(first)).SiloAddress);
        await workload.AsReference<IGrainManagementExtension>().MigrateOnIdle(TestContext.Current.CancellationToken);
        RequestContext.Clear();
        await cluster.UntilAsync(
            async () => await workload.GetProfileAsync() is not null
                && !first!.Equals(await management.GetActivationAddress(workload, TestContext.Current.CancellationToken)),
            "moved");
        await cluster.PassAsync(TimeSpan.FromSeconds(12));
        Assert.NotEmpty(cluster.Journal.Open);
        Assert.DoesNotContain("/bin/merged", cluster.Stored(container));
        cluster.Storage.IsDown = false;

        await cluster.UntilAsync(() => cluster.Journal.Open.IsEmpty, "acknowledged");
        Assert.Contains("/bin/merged", cluster.Stored(container));
    }

    [Fact]
    public async Task EndOfLearning_StorageDown_IsToldNobodyBeforeItIsStored()
    {
        await using var cluster = await GrainCluster.StartAsync();
        var container = cluster.Describe("c1");
        await cluster.Container(container).StartAsync(container);
        await cluster.ExecAsync(container, "/bin/app");
        await cluster.UntilAsync(() => cluster.Stored(container)?.Contains("/bin/app") is true && cluster.Journal.Open.IsEmpty, "stored");
        cluster.Storage.IsDown = true;
        await cluster.PassAsync(GrainCluster.Period + TimeSpan.FromSeconds(10));

        Assert.Equal(ProfileState.Learning, (await cluster.Workload(container).GetProfileAsync())!.State);
        Assert.Equal(ProfileState.Learning, (await cluster.Container(container).GetStatusAsync())!.ProfileState);
        cluster.Storage.IsDown = false;

        await cluster.UntilStateAsync(container, ProfileState.Final);
        Assert.Contains("\"State\":1", cluster.Stored(container));
    }

    [Fact]
    public async Task SeenAfterLearningWasToEnd_IsLearnedWhenItEndsLater()
    {
        await using var cluster = await GrainCluster.StartAsync();
        var (container, other) = (cluster.Describe("c1"), cluster.Describe("c2"));
        await cluster.Container(container).StartAsync(container);
        await cluster.Container(other).StartAsync(other);
        await cluster.UntilAsync(() => cluster.Stored(container)?.Contains("\"c1\"") is true && cluster.Stored(container)?.Contains("\"c2\"") is true, "registered");
        cluster.Storage.IsDown = true;
        await cluster.PassAsync(GrainCluster.Period + TimeSpan.FromSeconds(2));
        var now = cluster.Time.GetUtcNow();
        await cluster.ExecAsync(container, "/bin/late");
        await cluster.PassAsync(TimeSpan.FromSeconds(2));

        // As a node does that ends now: what it has not handed over is in its journal.
        await Assert.ThrowsAsync<TimeoutException>(() => WithTime(cluster, cluster.Container(container).FlushAsync()));
        var left = cluster.Journal.Open.Values.Single(static delta => delta.Items.Any(static item => item.Item is ExecItem { Path: "/bin/late" }));
        var workload = cluster.Workload(container);
        Assert.Equal(DeltaOutcome.Undecided, (await workload.OfferAsync(left)).Outcome);
        var gap = new ObservationGap(now - TimeSpan.FromSeconds(12), now - TimeSpan.FromSeconds(4));
        _ = workload.RegisterAsync(cluster.Describe("c2", ContainerOrigin.Continued, gap));
        await cluster.UntilAsync(async () => (await workload.OfferAsync(left)).Outcome == DeltaOutcome.Stored, "wanted");
        cluster.Storage.IsDown = false;

        await cluster.UntilAsync(() => cluster.Stored(container)?.Contains("/bin/late") is true && cluster.Journal.Open.IsEmpty, "stored");
    }

    [Fact]
    public async Task EndOfLearning_StorageDownForLong_GuardsAllTheSame()
    {
        await using var cluster = await GrainCluster.StartAsync();
        var container = cluster.Describe("c1");
        await cluster.Container(container).StartAsync(container);
        await cluster.UntilAsync(() => cluster.Stored(container) is not null, "registered");
        cluster.Storage.IsDown = true;

        await cluster.UntilStateAsync(container, ProfileState.Final);

        Assert.True(cluster.Time.GetUtcNow() > container.SeenAt + GrainCluster.Period + TimeSpan.FromMinutes(5));
    }

    [Fact]
    public async Task Stop_StorageDown_TriesOnUntilItIsBack()
    {
        await using var cluster = await GrainCluster.StartAsync();
        var container = cluster.Describe("c1");
        var grain = cluster.Container(container);
        await grain.StartAsync(container);
        await cluster.UntilAsync(() => cluster.Stored(container) is not null, "registered");
        cluster.Storage.IsDown = true;
        await cluster.ExecAsync(container, "/bin/job");
        await WithTime(cluster, grain.StopAsync());
        Assert.NotEmpty(cluster.Journal.Open);

        cluster.Storage.IsDown = false;

        await cluster.UntilAsync(() => cluster.Journal.Open.IsEmpty, "acknowledged");
        Assert.Contains("/bin/job", cluster.Stored(container));
    }

    [Fact]
    public async Task StateChangedByAnother_BothAreKept()
    {
        await using var cluster = await GrainCluster.StartAsync();
        var container = cluster.Describe("c1");
        var workload = cluster.Workload(container);
        var assignment = await workload.RegisterAsync(container);
        await workload.MergeAsync(LearningTests.Delta(assignment, cluster.Time.GetUtcNow(), "/bin/first"));
        var text = cluster.Stored(container)!;
        cluster.Storage.Replace("workload", workload.GetGrainId(), text.Replace("/bin/first", "/bin/theirs"));

        Assert.Equal(DeltaOutcome.Stored, await workload.MergeAsync(LearningTests.Delta(assignment, cluster.Time.GetUtcNow(), "/bin/ours")));

        Assert.All(new[] { "/bin/first", "/bin/theirs", "/bin/ours" }, path => Assert.Contains(path, cluster.Stored(container)));
    }

    [Fact]
    public async Task LearningForAMinute_OfTenContainers_IsWrittenOnceInFiveSecondsAndNotAtRest()
    {
        await using var cluster = await GrainCluster.StartAsync(period: TimeSpan.FromMinutes(2));
        var containers = Enumerable.Range(0, 10).Select(number => cluster.Describe($"c{number}")).ToList();
        foreach (var container in containers)
        {
            await cluster.Container(container).StartAsync(container);
        }

        await cluster.UntilAsync(async () => (await cluster.Workload(containers[0]).GetProfileAsync()) is not null, "a profile");
        await cluster.PassAsync(TimeSpan.FromSeconds(10));
        var (before, began) = (cluster.Storage.Writes, cluster.Time.GetUtcNow());
        for (var second = 0; second < 60; second++)
        {
            await cluster.ExecAsync(containers[second % 10], $"/bin/{second}");
            await cluster.PassAsync(TimeSpan.FromSeconds(1));
        }

        await cluster.UntilAsync(() => cluster.Stored(containers[0])!.Contains("/bin/59", StringComparison.Ordinal) && cluster.Journal.Open.IsEmpty, "everything is stored and acknowledged");

        // What came while the last write was under way may be written once more.
        await cluster.PassAsync(TimeSpan.FromSeconds(10));
        var written = cluster.Storage.Writes;
        Assert.InRange(written - before, 1, (int)((cluster.Time.GetUtcNow() - began).TotalSeconds / 5) + 1);

        await cluster.PassAsync(TimeSpan.FromSeconds(15));
        Assert.Equal(written, cluster.Storage.Writes);
    }

    [Fact]
    public async Task LearningToTheEnd_WhatWasSeenJustBefore_IsInTheFinalProfileAtOnce()
    {
        await using var cluster = await GrainCluster.StartAsync();
        var container = cluster.Describe("c1");
        await cluster.Container(container).StartAsync(container);
        await cluster.UntilAsync(async () => (await cluster.Workload(container).GetProfileAsync()) is not null, "a profile");
        var programs = 0;
        while ((await cluster.Workload(container).GetProfileAsync())!.RemainingSeconds > 1)
        {
            await cluster.ExecAsync(container, $"/bin/{programs++}");
            await cluster.PassAsync(TimeSpan.FromSeconds(0.5));
        }

        await cluster.UntilAsync(async () => (await cluster.Workload(container).GetProfileAsync())!.State == ProfileState.Final, "a final profile");

        Assert.Equal(programs, (await cluster.Workload(container).GetProfileAsync())!.Containers[0].Execs.Count);
    }

    [Fact]
    public async Task ConcurrentMerges_ShareWrites()
    {
        await using var cluster = await GrainCluster.StartAsync();
        var container = cluster.Describe("c1");
        var workload = cluster.Workload(container);
        var assignment = await workload.RegisterAsync(container);
        var before = cluster.Storage.Writes;

        await Task.WhenAll(Enumerable.Range(0, 200).Select(i => workload.MergeAsync(LearningTests.Delta(assignment, cluster.Time.GetUtcNow(), $"/bin/{i}"))));

        Assert.InRange(cluster.Storage.Writes - before, 1, 60);
        Assert.Contains("/bin/199", cluster.Stored(container));
    }

    [Fact]
    public async Task Restart_WhileLearning_ContinuesTheRemainingPeriod()
    {
        var period = TimeSpan.FromMinutes(2);
        var first = await GrainCluster.StartAsync(period: period);
        var container = first.Describe("c1");
        await first.Container(container).StartAsync(container);
        await first.ExecAsync(container, "/bin/app");
        await first.UntilAsync(() => first.Stored(container)?.Contains("/bin/app") is true, "stored");
        await first.PassAsync(period / 2);
        var remaining = (await first.Workload(container).GetProfileAsync())!.RemainingSeconds;
        await first.DisposeAsync();
        var gapFrom = first.Time.GetUtcNow();
        first.Time.Advance(TimeSpan.FromHours(1));

        await using var second = await GrainCluster.StartAsync(storage: first.Storage, time: first.Time, period: period);
        var gap = new ObservationGap(gapFrom, second.Time.GetUtcNow());
        container = second.Describe("c1", ContainerOrigin.Continued, gap);
        await second.Container(container).StartAsync(container);
        await second.ExecAsync(container, "/bin/later");
        await second.UntilAsync(() => second.Stored(container)?.Contains("/bin/later") is true, "learning goes on");

        var profile = (await second.Workload(container).GetProfileAsync())!;
        Assert.Equal(ProfileState.Learning, profile.State);
        Assert.InRange(profile.RemainingSeconds, remaining - 30, remaining);
        Assert.Equal(gap, Assert.Single(Assert.Single(profile.Containers).Gaps));
        await second.UntilStateAsync(container, ProfileState.Final);
        Assert.Equal(["/bin/app", "/bin/later"], (await second.Workload(container).GetProfileAsync())!.Containers[0].Execs.Select(static exec => exec.Path));
    }

    [Fact]
    public async Task Restart_AfterLearning_EnforcesWithoutLearningAgain()
    {
        var first = await GrainCluster.StartAsync();
        var container = first.Describe("c1");
        await first.Container(container).StartAsync(container);
        await first.ExecAsync(container, "/bin/app");
        await first.UntilStateAsync(container, ProfileState.Final);
        await first.DisposeAsync();

        await using var second = await GrainCluster.StartAsync(storage: first.Storage, time: first.Time);
        container = second.Describe("c1", ContainerOrigin.Continued, new ObservationGap(first.Time.GetUtcNow(), first.Time.GetUtcNow()));
        await second.Container(container).StartAsync(container);
        await second.ExecAsync(container, "/bin/app", "/bin/evil");

        await second.UntilAsync(() => !second.Alerts.Alerts.IsEmpty, "an alert");
        Assert.Contains("/bin/evil", Assert.Single(second.Alerts.Alerts).Message);
    }

    [Fact]
    public async Task Load_StateOfANewerVersion_IsRefusedAndKept()
    {
        var first = await GrainCluster.StartAsync();
        var container = first.Describe("c1");
        await first.Workload(container).RegisterAsync(container);
        var text = first.Stored(container)!.Replace("\"Schema\":1", "\"Schema\":2");
        first.Storage.Replace("workload", first.Workload(container).GetGrainId(), text);
        await first.DisposeAsync();

        await using var second = await GrainCluster.StartAsync(storage: first.Storage, time: first.Time);
        var call = second.Workload(container).RegisterAsync(container);
        await second.UntilAsync(() => call.IsCompleted, "the call fails");

        var failure = await Assert.ThrowsAnyAsync<Exception>(() => call);
        Assert.Contains("schema 2", failure.ToString());
        Assert.Equal(text, second.Stored(container));
    }

    [Fact]
    public async Task Observe_BeforeRegistrationIsAnswered_IsJournaledAndMergedByReplay()
    {
        var first = await GrainCluster.StartAsync();
        first.Storage.IsDown = true;
        var container = first.Describe("c1");
        await first.Container(container).StartAsync(container);
        await first.ExecAsync(container, "/bin/early");
        await first.UntilAsync(() => !first.Journal.All.IsEmpty, "what was seen is journaled");
        var delta = first.Journal.All.First();
        await first.DisposeAsync();

        // The next process replays it, before or after another container has begun the learning.
        await using var second = await GrainCluster.StartAsync(time: first.Time);
        await WithTime(second, second.Workload(container).MergeAsync(delta));

        var profile = (await second.Workload(container).GetProfileAsync())!.Containers[0];
        Assert.False(profile.IsPartial);
        Assert.Equal(["/bin/early"], profile.Execs.Select(static exec => exec.Path));
    }

    private static async Task WithTime(GrainCluster cluster, Task task)
    {
        await cluster.UntilAsync(() => task.IsCompleted, "the call returns");
        await task;
    }
}
