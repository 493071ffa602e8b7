using System.Text.Json.Nodes;
using KubeCop.Core.Events;
using KubeCop.Core.Profiles;
using KubeCop.Core.Rules;
using KubeCop.Core.Workloads;
using KubeCop.Grains.Abstractions.Namespaces;
using KubeCop.Grains.Abstractions.Workloads;
using KubeCop.Testing;

namespace KubeCop.Cluster.Tests.Grains;

public sealed class LearningTests
{
    // Grains' time passes some 25 times faster than that of the machine, which may be busy.
    private static readonly TimeSpan Late = TimeSpan.FromMinutes(5);

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
        Assert.InRange(cluster.Time.GetUtcNow() - started, GrainCluster.Period, GrainCluster.Period + Late);

        await cluster.ExecAsync(container, "/bin/app", "/bin/helper", "/bin/app");
        await cluster.PassAsync(TimeSpan.FromSeconds(5));
        Assert.Empty(cluster.Alerts.Alerts);

        await cluster.ExecAsync(container, "/bin/evil");
        await cluster.UntilAsync(() => !cluster.Alerts.Alerts.IsEmpty, "an alert");
        await cluster.PassAsync(TimeSpan.FromSeconds(5));
        Assert.Equal("R0001", Assert.Single(cluster.Alerts.Alerts).RuleId);
    }

    [Theory]
    [InlineData(24)]
    [InlineData(-24)]
    public async Task Clock_SetWhileLearning_LearningNeitherEndsEarlyNorHangs(int hours)
    {
        var clock = new SettableClock(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
        await using var cluster = await GrainCluster.StartAsync(time: clock);
        var container = cluster.Describe("c1");
        await cluster.Container(container).StartAsync(container);
        await cluster.ExecAsync(container, "/bin/before");
        await cluster.UntilAsync(() => cluster.Stored(container)?.Contains("/bin/before") is true, "what was learned before is stored");

        var left = TimeSpan.FromSeconds((await cluster.Container(container).GetStatusAsync())!.RemainingSeconds);
        clock.Set(TimeSpan.FromHours(hours));
        var set = cluster.Time.GetUtcNow();
        await cluster.ExecAsync(container, "/bin/after");

        await cluster.UntilAsync(() => cluster.Stored(container)?.Contains("/bin/after") is true, "what was learned after the step is stored");
        await cluster.UntilStateAsync(container, ProfileState.Final);
        Assert.InRange(cluster.Time.GetUtcNow() - set, left - TimeSpan.FromSeconds(2), left + Late);
        Assert.Empty(cluster.Alerts.Alerts);

        await cluster.ExecAsync(container, "/bin/before", "/bin/after", "/bin/evil");
        await cluster.UntilAsync(() => !cluster.Alerts.Alerts.IsEmpty, "an alert");
        Assert.Equal(cluster.Time.GetUtcNow(), Assert.Single(cluster.Alerts.Alerts).Timestamp, TimeSpan.FromMinutes(1));
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
    public async Task ContainerAddedToARunningPod_IsJudgedAtOnceAndNeverLearned()
    {
        await using var cluster = await GrainCluster.StartAsync();
        await FinalAsync(cluster, "/bin/app");
        var debugger = cluster.Describe("c2", revision: "r9") with { Name = "debugger", Type = ContainerType.Ephemeral };

        await cluster.Container(debugger).StartAsync(debugger);
        await cluster.ExecAsync(debugger, "/bin/app");

        await cluster.UntilAsync(() => !cluster.Alerts.Alerts.IsEmpty, "an alert");
        var alert = Assert.Single(cluster.Alerts.Alerts);
        Assert.Equal(("R0001", "c2", false), (alert.RuleId, alert.Container.Id, alert.Learning));
        Assert.Equal(ProfileState.Final, (await cluster.Container(debugger).GetStatusAsync())!.ProfileState);

        await cluster.PassAsync(GrainCluster.Period);
        await cluster.ExecAsync(debugger, "/bin/other");
        await cluster.UntilAsync(() => cluster.Alerts.Alerts.Count == 2, "an alert after the time in which others learn");
        Assert.Equal(["app"], (await cluster.Workload(debugger).GetProfileAsync())!.Containers.Select(static container => container.Name));
        Assert.Empty(cluster.Journal.Open);
    }

    [Fact]
    public async Task ContainerAddedToAPodWhileTheWorkloadLearns_IsJudgedFromTheWorkloadsProfileOn()
    {
        await using var cluster = await GrainCluster.StartAsync();
        var container = cluster.Describe("c1");
        var debugger = cluster.Describe("c2", revision: "r9") with { Name = "debugger", Type = ContainerType.Ephemeral };
        await cluster.Container(container).StartAsync(container);
        await cluster.ExecAsync(container, "/bin/app");
        await cluster.Container(debugger).StartAsync(debugger);
        await cluster.ExecAsync(debugger, "/bin/sh");

        await cluster.UntilStateAsync(debugger, ProfileState.Final);
        Assert.Empty(cluster.Alerts.Alerts);

        await cluster.ExecAsync(debugger, "/bin/sh");
        await cluster.UntilAsync(() => !cluster.Alerts.Alerts.IsEmpty, "an alert");
        Assert.Equal("/bin/sh", Assert.Single(cluster.Alerts.Alerts).Event.Path);
        Assert.Equal(["app"], (await cluster.Workload(debugger).GetProfileAsync())!.Containers.Select(static container => container.Name));
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

        Assert.Equal(AllowOutcome.Allowed, await cluster.Workload(container).AllowAsync("app", new BehaviourItem[] { Exec("/bin/ok") }));
        Assert.Equal(AllowOutcome.UnknownContainer, await cluster.Workload(container).AllowAsync("other", new BehaviourItem[] { Exec("/bin/ok") }));
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
    public async Task Rollout_AddsAndDropsAProgramThenRollsBack_AlertsAreGradedThenSilentThenFull()
    {
        await using var cluster = await GrainCluster.StartAsync();
        var first = cluster.Describe("c1", revision: "v1");
        await cluster.Container(first).StartAsync(first);
        await cluster.ExecAsync(first, "/bin/app", "/bin/dropped");
        await cluster.UntilStateAsync(first, ProfileState.Final);

        // What the new revision does first is judged by the old one's profile, at once.
        var second = cluster.Describe("c2", revision: "v2");
        await cluster.Container(second).StartAsync(second);
        await cluster.ExecAsync(second, "/bin/app", "/bin/added");
        await cluster.UntilAsync(() => !cluster.Alerts.Alerts.IsEmpty, "an alert on the new program");
        await cluster.ExecAsync(second, "/bin/app", "/bin/added");
        await cluster.PassAsync(TimeSpan.FromSeconds(2));
        var graded = Assert.Single(cluster.Alerts.Alerts);
        Assert.Equal(("c2", true, Severity.High), (graded.Container.Id, graded.Learning, graded.Severity));
        Assert.Contains("/bin/added", graded.Message);

        // Its own profile has it. What it did not do any more is not its behaviour.
        await cluster.UntilStateAsync(second, ProfileState.Final);
        cluster.Alerts.Alerts.Clear();
        await cluster.ExecAsync(second, "/bin/app", "/bin/added");
        await cluster.PassAsync(TimeSpan.FromSeconds(2));
        Assert.Empty(cluster.Alerts.Alerts);
        await cluster.ExecAsync(second, "/bin/dropped");
        await cluster.UntilAsync(() => !cluster.Alerts.Alerts.IsEmpty, "an alert on the dropped program");
        var full = Assert.Single(cluster.Alerts.Alerts);
        Assert.Equal((false, Severity.Critical), (full.Learning, full.Severity));

        // Back to the first: nothing is learned again, and it is guarded at once.
        cluster.Alerts.Alerts.Clear();
        var third = cluster.Describe("c3", revision: "v1");
        await cluster.Container(third).StartAsync(third);
        await cluster.ExecAsync(third, "/bin/app", "/bin/dropped", "/bin/added");
        await cluster.UntilAsync(() => !cluster.Alerts.Alerts.IsEmpty, "an alert on what the first revision does not do");
        var back = Assert.Single(cluster.Alerts.Alerts);
        Assert.Equal(("c3", false, Severity.Critical), (back.Container.Id, back.Learning, back.Severity));
        Assert.Contains("/bin/added", back.Message);
        Assert.Equal(ProfileState.Final, (await cluster.Container(third).GetStatusAsync())!.ProfileState);
    }

    [Fact]
    public async Task Relearn_WhileContainersRun_IsGuardedByWhatWasKnownAndEndsInWhatIsDoneNow()
    {
        await using var cluster = await GrainCluster.StartAsync();
        var container = await FinalAsync(cluster, "/bin/app", "/bin/dropped");

        Assert.True(await cluster.Workload(container).RelearnAsync());
        await cluster.UntilStateAsync(container, ProfileState.Learning);
        await cluster.PassAsync(TimeSpan.FromSeconds(2));
        await cluster.ExecAsync(container, "/bin/app", "/bin/added");
        await cluster.UntilAsync(() => !cluster.Alerts.Alerts.IsEmpty, "an alert on the new program");
        var graded = Assert.Single(cluster.Alerts.Alerts);
        Assert.Equal((true, Severity.High), (graded.Learning, graded.Severity));
        Assert.Contains("/bin/added", graded.Message);

        var next = cluster.Describe("c2");
        await cluster.Container(next).StartAsync(next);
        await cluster.ExecAsync(next, "/bin/app");
        await cluster.UntilStateAsync(next, ProfileState.Final);
        cluster.Alerts.Alerts.Clear();
        await cluster.ExecAsync(next, "/bin/app", "/bin/dropped");
        await cluster.UntilAsync(() => !cluster.Alerts.Alerts.IsEmpty, "an alert on what is done no more");
        var full = Assert.Single(cluster.Alerts.Alerts);
        Assert.Equal((false, Severity.Critical), (full.Learning, full.Severity));
    }

    [Fact]
    public async Task Import_WhileAContainerLearns_GuardsItThenAndAfterwards()
    {
        await using var cluster = await GrainCluster.StartAsync();
        var container = cluster.Describe("c1");
        await cluster.Container(container).StartAsync(container);
        await cluster.ExecAsync(container, "/bin/app");
        await cluster.UntilStateAsync(container, ProfileState.Learning);
        await cluster.UntilAsync(async () => await cluster.Workload(container).GetProfileAsync() is { Containers: [{ Execs.Count: 1 }] }, "a profile");
        var given = (await cluster.Workload(container).GetProfileAsync())!.Containers[0] with
        {
            Revision = ProfileSlot.GivenRevision,
            State = ProfileState.Final,
            CompletesAt = cluster.Time.GetUtcNow(),
        };

        await cluster.Workload(container).ImportAsync(new[] { given });

        await cluster.UntilStateAsync(container, ProfileState.Final);
        await cluster.ExecAsync(container, "/bin/app", "/bin/evil");
        await cluster.UntilAsync(() => !cluster.Alerts.Alerts.IsEmpty, "an alert on what was not given");
        Assert.False(Assert.Single(cluster.Alerts.Alerts).Learning);
        await cluster.PassAsync(GrainCluster.Period * 2);
        cluster.Alerts.Alerts.Clear();
        await cluster.ExecAsync(container, "/bin/worse");
        await cluster.UntilAsync(() => !cluster.Alerts.Alerts.IsEmpty, "an alert after the time when learning would have ended");
        Assert.Equal(ProfileState.Final, (await cluster.Container(container).GetStatusAsync())!.ProfileState);
    }

    [Fact]
    public async Task Partial_StillLearningWhenTheCompleteOneIsFinal_YieldsToIt()
    {
        await using var cluster = await GrainCluster.StartAsync();
        var started = cluster.Describe("c1");
        await cluster.Container(started).StartAsync(started);
        await cluster.ExecAsync(started, "/bin/app");
        await cluster.UntilAsync(async () => await cluster.Workload(started).GetProfileAsync() is { RemainingSeconds: < 10 }, "half of the period");
        var attached = cluster.Describe("c2", ContainerOrigin.Attached);
        await cluster.Container(attached).StartAsync(attached);

        await cluster.UntilStateAsync(attached, ProfileState.Final);
        await cluster.PassAsync(GrainCluster.Period);

        Assert.Equal(ProfileState.Final, (await cluster.Container(attached).GetStatusAsync())!.ProfileState);
        await cluster.ExecAsync(attached, "/bin/app");
        await cluster.PassAsync(TimeSpan.FromSeconds(2));
        Assert.Empty(cluster.Alerts.Alerts);
    }

    [Fact]
    public async Task Relearn_StorageDown_IsInForceAndNothingDoneMeanwhileIsLost()
    {
        await using var cluster = await GrainCluster.StartAsync();
        var container = await FinalAsync(cluster, "/bin/app");
        cluster.Storage.IsDown = true;

        var refused = await Assert.ThrowsAsync<NotStoredYetException>(() => cluster.Workload(container).RelearnAsync());
        Assert.Contains("The storage is down.", refused.Message);
        await cluster.UntilAsync(
            async () => await cluster.Container(container).GetStatusAsync() is { ProfileState: ProfileState.Learning }, "the container knows");
        await cluster.ExecAsync(container, "/bin/app", "/bin/meanwhile");
        await cluster.PassAsync(TimeSpan.FromSeconds(3));
        cluster.Storage.IsDown = false;

        await cluster.UntilAsync(() => cluster.Stored(container)!.Contains("/bin/meanwhile", StringComparison.Ordinal), "it is learned");
    }

    [Fact]
    public async Task Relearn_GivenProfile_RunningContainersLearn()
    {
        await using var cluster = await GrainCluster.StartAsync();
        var container = cluster.Describe("c1");
        await cluster.Workload(container).RegisterAsync(container);
        var given = (await cluster.Workload(container).GetProfileAsync())!.Containers[0] with { Revision = ProfileSlot.GivenRevision, State = ProfileState.Final };
        await cluster.Workload(container).ImportAsync(new[] { given });
        await cluster.Container(container).StartAsync(container);
        await cluster.UntilStateAsync(container, ProfileState.Final);

        await cluster.Workload(container).RelearnAsync();

        await cluster.UntilStateAsync(container, ProfileState.Learning);
        await cluster.ExecAsync(container, "/bin/app");
        await cluster.UntilStateAsync(container, ProfileState.Partial);
        Assert.Contains("/bin/app", cluster.Stored(container));
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

    [Fact]
    public async Task Index_WrittenByAnotherOrLost_KeepsAllNames()
    {
        await using var cluster = await GrainCluster.StartAsync();
        var index = cluster.Grains.GetGrain<INamespaceIndexGrain>("default");
        await index.AddAsync("default/Deployment/ours");
        var stored = cluster.Storage.TextOf("namespace", index.GetGrainId())!;
        cluster.Storage.Replace("namespace", index.GetGrainId(), stored.Replace("ours", "theirs", StringComparison.Ordinal));

        await index.AddAsync("default/Deployment/web");

        string[] all = ["default/Deployment/ours", "default/Deployment/theirs", "default/Deployment/web"];
        Assert.Equal(all, await index.ListAsync());
        Assert.All(all, name => Assert.Contains(name, cluster.Storage.TextOf("namespace", index.GetGrainId())));

        cluster.Storage.Lose("namespace", index.GetGrainId());
        await index.AddAsync("default/Deployment/zoo");

        Assert.All([.. all, "default/Deployment/zoo"], name => Assert.Contains(name, cluster.Storage.TextOf("namespace", index.GetGrainId())));
    }

    [Fact]
    public async Task Index_NameTakenOutWhileItIsAdded_ListsWhatCameLast()
    {
        await using var cluster = await GrainCluster.StartAsync();
        var index = cluster.Grains.GetGrain<INamespaceIndexGrain>("default");
        await index.AddAsync("default/Deployment/web");

        var removing = await BeginAsync(() => index.RemoveAsync("default/Deployment/web"));
        await index.AddAsync("default/Deployment/web");
        await removing;
        Assert.Equal(["default/Deployment/web"], await index.ListAsync());

        await index.RemoveAsync("default/Deployment/web");
        var adding = await BeginAsync(() => index.AddAsync("default/Deployment/web"));
        await index.RemoveAsync("default/Deployment/web");
        await adding;
        Assert.Empty(await index.ListAsync());
        Assert.DoesNotContain("web", cluster.Storage.TextOf("namespace", index.GetGrainId()));

        // Two calls may overtake each other on their way.
        async Task<Task> BeginAsync(Func<Task> call)
        {
            var writes = cluster.Storage.Writes;
            var task = call();
            await Wait.UntilAsync(() => cluster.Storage.Writes, now => now > writes, "the write");
            return task;
        }
    }

    [Fact]
    public async Task EveryKind_LearnedStoredAndLoadedAgain_JudgesWhatWasNotLearned()
    {
        var first = await GrainCluster.StartAsync();
        var container = first.Describe("c1");
        await first.Container(container).StartAsync(container);
        await first.Container(container).IngestAsync(Batch(first, "known"));
        await first.UntilStateAsync(container, ProfileState.Final);
        await first.DisposeAsync();

        await using var second = await GrainCluster.StartAsync(storage: first.Storage, time: first.Time);
        container = second.Describe("c2");
        await second.Container(container).StartAsync(container);
        await second.UntilStateAsync(container, ProfileState.Final);
        await second.Container(container).IngestAsync(Batch(second, "known"));
        await second.PassAsync(TimeSpan.FromSeconds(2));
        Assert.Empty(second.Alerts.Alerts);

        await second.Container(container).IngestAsync(Batch(second, "other"));
        await second.UntilAsync(() => second.Alerts.Alerts.Count >= 3, "alerts");
        Assert.Equal(["R0003", "R0004", "R0005"], second.Alerts.Alerts.Select(static alert => alert.RuleId).Order());
        var profile = Assert.Single((await second.Workload(container).GetProfileAsync())!.Containers);
        Assert.Equal(["10.0.0.1"], Assert.Single(profile.Dns).Addresses);
        Assert.Equal(("tcp", 443, "10.0.0.1"), (profile.Outgoing[0].Protocol, profile.Outgoing[0].Port, profile.Outgoing[0].DstEndpoint));
    }

    [Fact]
    public async Task StateOfBeforeTheNewSections_RaisesNoStorm()
    {
        var first = await GrainCluster.StartAsync();
        var container = await FinalAsync(first, "/bin/app");
        var workload = first.Workload(container).GetGrainId();
        await first.DisposeAsync();
        var stored = JsonNode.Parse(first.Storage.TextOf("workload", workload)!)!;
        var removed = 0;
        Strip(stored);
        Assert.Equal(6, removed);
        first.Storage.Replace("workload", workload, stored.ToJsonString());

        await using var second = await GrainCluster.StartAsync(storage: first.Storage, time: first.Time);
        container = second.Describe("c2");
        await second.Container(container).StartAsync(container);
        await second.UntilStateAsync(container, ProfileState.Final);
        await second.Container(container).IngestAsync(Batch(second, "other"));
        await second.ExecAsync(container, "/bin/evil");
        await second.UntilAsync(() => !second.Alerts.Alerts.IsEmpty, "an alert");
        Assert.Equal("R0001", Assert.Single(second.Alerts.Alerts).RuleId);

        void Strip(JsonNode? node)
        {
            if (node is JsonObject record)
            {
                foreach (var added in new[] { "Syscalls", "Capabilities", "Dns", "Incoming", "Outgoing", "Sections" })
                {
                    removed += record.Remove(added) ? 1 : 0;
                }

                foreach (var (_, child) in record.ToList())
                {
                    Strip(child);
                }
            }
            else if (node is JsonArray list)
            {
                foreach (var child in list)
                {
                    Strip(child);
                }
            }
        }
    }

    /// <summary>One event of each kind that is learned beside programs and files.</summary>
    private static EventBatch Batch(GrainCluster cluster, string name)
    {
        var batch = new EventBatch(4);
        Add(EventKind.Syscall, name, null);
        Add(EventKind.Capability, "NET_ADMIN", new CapabilityDetails("NET_ADMIN", name, true));
        Add(EventKind.Dns, $"{name}.example", new DnsDetails($"{name}.example", "A", true, "NOERROR", new[] { "10.0.0.1" }, "udp", "10.0.0.2"));
        Add(EventKind.Network, "10.0.0.1", new NetworkDetails(NetworkAction.Connect, "tcp", "10.0.0.1", 443));
        return batch;

        void Add(EventKind kind, string path, EventDetails? details)
        {
            ref var place = ref batch.Add();
            place.Kind = kind;
            place.Timestamp = EpochClock.ToBoot(cluster.Time.GetUtcNow());
            place.Process = new ProcessIdentity { Key = new ProcessKey(100, 1), Parent = new ProcessKey(1, 1), Comm = "app" };
            place.Path = path;
            place.Executable = "";
            place.ParentComm = "";
            place.Details = details;
        }
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
