using System.Text.Json;
using System.Text.Json.Nodes;
using KubeCop.Core.Events;
using KubeCop.Core.Profiles;
using KubeCop.Core.Workloads;
using KubeCop.Grains.Abstractions.Workloads;
using KubeCop.Grains.Workloads;

namespace KubeCop.Tests.Grains.Workloads;

public sealed class WorkloadLearningTests
{
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly WorkloadKey Workload = new("default", "Deployment", "web");
    private static readonly LearningOptions Options = new() { Period = TimeSpan.FromSeconds(100) };

    private readonly WorkloadLearning _learning = new(Workload, Options);

    [Fact]
    public void Register_FirstStartedContainer_StartsThePeriod()
    {
        var assignment = _learning.Register(Container("a"), Start);

        Assert.Equal(new ProfileSlot("app", "r1", Partial: false), assignment.Slot);
        Assert.Equal(ProfileState.Learning, assignment.State);
        Assert.Equal(Start.AddSeconds(100), assignment.CompletesAt);
        Assert.Equal(assignment, _learning.Register(Container("b"), Start.AddSeconds(50)));
    }

    [Fact]
    public void Register_Again_ChangesNothing()
    {
        _learning.Register(Container("a"), Start);
        var changes = _learning.Changes;

        _learning.Register(Container("a"), Start.AddSeconds(1));

        Assert.Equal(changes, _learning.Changes);
    }

    [Fact]
    public void Complete_PeriodOver_IsFinalAndAnnounced()
    {
        var slot = _learning.Register(Container("a"), Start).Slot;

        _learning.Complete(Start.AddSeconds(100));
        Assert.Equal(ProfileState.Learning, _learning.Find(slot)!.State); // settling

        _learning.Complete(_learning.NextCompletion!.Value);
        Assert.Equal(ProfileState.Final, Assert.Single(_learning.TakeAnnouncements()).State);
        Assert.Null(_learning.NextCompletion);
    }

    [Fact]
    public void Complete_OfWhatWasForgottenWhileItWasStored_ChangesNothing()
    {
        var slot = _learning.Register(Container("a"), Start).Slot;
        var due = _learning.Due(_learning.NextCompletion!.Value);
        _learning.Relearn(Start.AddSeconds(101));
        _learning.Register(Container("b") with { SeenAt = Start.AddSeconds(102) }, Start.AddSeconds(102));

        _learning.Complete(due, Start.AddSeconds(103));

        Assert.Single(due);
        Assert.Equal(ProfileState.Learning, _learning.Find(slot)!.State);
        Assert.Equal(Start.AddSeconds(202), _learning.Find(slot)!.CompletesAt);
    }

    [Fact]
    public void EndDay_CountsOnlyDaysWithoutContainers_AndSurvivesARestart()
    {
        var slot = Final();
        for (var day = 0; day < 89; day++)
        {
            _learning.EndDay();
        }

        _learning.Use(slot, Start.AddDays(89));
        Assert.Equal(0, _learning.ToState().IdleDays);

        var restarted = new WorkloadLearning(Workload, Options);
        restarted.Load(_learning.ToState(), Start.AddDays(90));
        for (var day = 0; day <= 90; day++)
        {
            Assert.False(restarted.IsUnneeded, $"after {day} days");
            restarted.EndDay();
        }

        Assert.True(restarted.IsUnneeded, "after 90 days");
        var changes = restarted.Changes;
        restarted.EndDay();
        Assert.Equal(changes, restarted.Changes);
    }

    [Fact]
    public void Restore_WhileContainersLearnAgain_GuardsThem()
    {
        var slot = Final();
        var shown = _learning.Shown(Start.AddSeconds(200))!;
        var lost = new WorkloadLearning(Workload, Options);
        var assignment = lost.Register(Container("b"), Start.AddSeconds(300));
        lost.TakeAnnouncements();

        Assert.True(lost.Restore(new MirroredProfile("1", IsOwn: true, IsFinal: true, shown.Profile.Containers, shown.Revisions), Start.AddSeconds(301)), "nothing guarded");

        Assert.Equal((ProfileState.Learning, slot), (assignment.State, assignment.Slot));
        Assert.Equal(ProfileState.Final, lost.Find(slot)!.State);
        Assert.Equal(slot, LearnedSlot.SlotOf(Assert.Single(lost.TakeAnnouncements())));
        Assert.True(lost.Find(slot)!.Version > assignment.Version, "its containers take it for news");
    }

    [Fact]
    public void Object_ThatSomebodyPartedTheProfileFrom_DoesNotOwnItAgain()
    {
        var known = Container("a") with { WorkloadObject = new WorkloadObject("apps/v1", "uid-1") };
        _learning.Register(known, Start);
        _learning.Disown("uid-1");

        var restarted = new WorkloadLearning(Workload, Options);
        restarted.Load(_learning.ToState(), Start.AddSeconds(1));
        restarted.Register(known with { Id = "b" }, Start.AddSeconds(2));
        Assert.Null(restarted.Shown(Start.AddSeconds(3))!.Object);

        restarted.Register(known with { Id = "c", WorkloadObject = new WorkloadObject("apps/v1", "uid-2") }, Start.AddSeconds(4));
        Assert.Equal("uid-2", restarted.Shown(Start.AddSeconds(5))!.Object?.Uid);
    }

    [Fact]
    public void EndDay_NothingIsToBeForgotten_ChangesNothing()
    {
        var learning = new WorkloadLearning(Workload, new LearningOptions { ForgetAfter = TimeSpan.Zero });
        learning.Register(Container("a"), Start);
        var changes = learning.Changes;

        for (var day = 0; day < 400; day++)
        {
            learning.EndDay();
        }

        Assert.False(learning.IsUnneeded, "it is kept for ever");
        Assert.Equal(changes, learning.Changes);
    }

    [Fact]
    public void Merge_LateButObservedInTime_GivesANewVersionOfTheFinalProfile()
    {
        var slot = Final();
        var version = _learning.Find(slot)!.Version;

        Assert.Equal(DeltaOutcome.Stored, _learning.Merge(Delta(slot, Start.AddSeconds(99), "/late"), Start.AddSeconds(200)));

        Assert.Contains(_learning.Find(slot)!.Opens, static open => open.Path == "/late");
        Assert.True(_learning.Find(slot)!.Version > version);
        Assert.Single(_learning.TakeAnnouncements());
    }

    [Fact]
    public void Merge_NumberedFilesBeforeAndAfterARestart_AreOnePatternOfAllOfThem()
    {
        var slot = _learning.Register(Container("a"), Start).Slot;
        for (var file = 0; file < 8; file++)
        {
            _learning.Merge(Delta(slot, Start, $"/cache/{file}"), Start);
        }

        Assert.Equal(8, _learning.Find(slot)!.Opens.Count);
        var restarted = new WorkloadLearning(Workload, Options);
        restarted.Load(JsonSerializer.Deserialize<WorkloadState>(JsonSerializer.Serialize(_learning.ToState()))!, Start);
        for (var file = 4; file < 12; file++)
        {
            restarted.Merge(Delta(slot, Start, $"/cache/{file}"), Start);
        }

        var entry = Assert.Single(restarted.Find(slot)!.Opens);
        Assert.Equal(("/cache/⋯", 12), (entry.Path, entry.Collapsed));
        Assert.Equal(12, restarted.ToState().Slots.Single().Profile.Opens.Count);
    }

    [Fact]
    public void Merge_ObservedAfterCompletion_IsDiscarded()
    {
        var slot = Final();

        Assert.Equal(DeltaOutcome.Discarded, _learning.Merge(Delta(slot, Start.AddSeconds(100), "/new"), Start.AddSeconds(200)));
        Assert.Empty(_learning.Find(slot)!.Opens);
    }

    [Fact]
    public void Merge_OlderGenerationOrUnknownSlot_IsDiscarded()
    {
        var slot = _learning.Register(Container("a"), Start).Slot;

        Assert.Equal(DeltaOutcome.Discarded, _learning.Merge(Delta(slot, Start, "/a") with { Generation = 0 }, Start));
        Assert.Equal(DeltaOutcome.Discarded, _learning.Merge(Delta(slot with { Revision = "other" }, Start, "/a"), Start));
    }

    [Fact]
    public void Merge_Repeat_IsStoredWithoutChange()
    {
        var slot = _learning.Register(Container("a"), Start).Slot;
        _learning.Merge(Delta(slot, Start, "/a"), Start);
        var changes = _learning.Changes;

        Assert.Equal(DeltaOutcome.Stored, _learning.Merge(Delta(slot, Start, "/a"), Start));
        Assert.Equal(changes, _learning.Changes);
    }

    [Fact]
    public void Register_Attached_LearnsAPartialProfileOfItsOwn()
    {
        var full = _learning.Register(Container("a"), Start).Slot;
        var partial = _learning.Register(Container("b", ContainerOrigin.Attached), Start).Slot;

        Assert.Equal(full with { Partial = true }, partial);
        _learning.Merge(Delta(partial, Start, "/partial"), Start);
        Assert.Empty(_learning.Find(full)!.Opens);
    }

    [Fact]
    public void Register_StartedWhenOnlyPartialIsComplete_LearnsAnew()
    {
        _learning.Register(Container("a", ContainerOrigin.Attached), Start);
        _learning.Complete(Start.AddSeconds(101));

        var assignment = _learning.Register(Container("b"), Start.AddSeconds(200));

        Assert.Equal((false, ProfileState.Learning), (assignment.Slot.Partial, assignment.State));
    }

    [Fact]
    public void Complete_LearnedFromAStart_ReplacesThePartialProfile()
    {
        var partial = _learning.Register(Container("a", ContainerOrigin.Attached), Start).Slot;
        _learning.Complete(Start.AddSeconds(101));
        Assert.Equal(ProfileState.Partial, _learning.Find(partial)!.State);

        _learning.Register(Container("b"), Start.AddSeconds(200));
        _learning.Complete(Start.AddSeconds(301));

        Assert.Equal((ProfileState.Final, false), (_learning.Find(partial)!.State, _learning.Find(partial)!.IsPartial));
        Assert.False(_learning.Register(Container("c", ContainerOrigin.Attached), Start.AddSeconds(302)).Slot.Partial);
    }

    [Fact]
    public void Register_ContinuedWithGap_LengthensOnceForAllContainers()
    {
        _learning.Register(Container("a"), Start);
        _learning.Register(Container("b"), Start);
        var gap = new ObservationGap(Start.AddSeconds(50), Start.AddSeconds(80));

        var first = _learning.Register(Container("a", ContainerOrigin.Continued, gap), Start.AddSeconds(80));
        var second = _learning.Register(Container("b", ContainerOrigin.Continued, gap with { To = gap.To.AddSeconds(1) }), Start.AddSeconds(81));

        Assert.Equal((Start.AddSeconds(130), Start.AddSeconds(131)), (first.CompletesAt, second.CompletesAt));
        Assert.False(second.Slot.Partial);
        Assert.Equal(gap with { To = gap.To.AddSeconds(1) }, Assert.Single(_learning.Find(second.Slot)!.Gaps));
    }

    [Fact]
    public void Register_ContinuedButUnknown_IsTreatedAsAttached() =>
        Assert.True(_learning.Register(Container("x", ContainerOrigin.Continued, new ObservationGap(Start, Start.AddSeconds(1))), Start).Slot.Partial);

    [Theory]
    [InlineData(20, false)]
    [InlineData(-20, false)]
    [InlineData(-90, true)]
    public void Register_ContinuedThatCouldNotRegister_GoesOnInTheLearningItStartedIn(int startedAt, bool isPartial)
    {
        _learning.Register(Container("a"), Start);
        var continued = Container("b", ContainerOrigin.Continued, new ObservationGap(Start.AddSeconds(40), Start.AddSeconds(45))) with { SeenAt = Start.AddSeconds(startedAt) };

        Assert.Equal(isPartial, _learning.Register(continued, Start.AddSeconds(45)).Slot.Partial);
    }

    [Fact]
    public void Load_PeriodEndedWhileAway_WaitsForContinuedContainers()
    {
        var slot = _learning.Register(Container("a"), Start).Slot;
        var now = Start.AddSeconds(1000);
        var restarted = Restarted(now);

        restarted.Complete(now);
        var assignment = restarted.Register(Container("a", ContainerOrigin.Continued, new ObservationGap(Start.AddSeconds(40), now)), now);

        Assert.Equal(slot, assignment.Slot);
        Assert.Equal(now.AddSeconds(60), assignment.CompletesAt);
    }

    [Theory]
    [InlineData(86_400)]
    [InlineData(-86_400)]
    public void ClockSet_WhileLearning_TakesAsLongAsItWasToTake(int seconds)
    {
        var step = TimeSpan.FromSeconds(seconds);
        var slot = _learning.Register(Container("a"), Start).Slot;
        var now = Start.AddSeconds(40) + step;

        Assert.True(_learning.ClockSet(step, now), "Nothing was being learned.");
        _learning.Complete(now);

        Assert.Equal(ProfileState.Learning, _learning.Find(slot)!.State);
        Assert.Equal(now.AddSeconds(60), Assert.Single(_learning.TakeAnnouncements()).CompletesAt);
        _learning.Complete(now.AddSeconds(61));
        Assert.Equal(ProfileState.Final, _learning.Find(slot)!.State);
    }

    [Fact]
    public void ClockSet_Back_WhatIsOnItsWayIsLearned()
    {
        var slot = _learning.Register(Container("a"), Start).Slot;
        var observedAt = Start.AddSeconds(40);
        _learning.ClockSet(TimeSpan.FromHours(-1), observedAt.AddHours(-1));

        Assert.Equal(DeltaOutcome.Stored, _learning.Merge(Delta(slot, observedAt, "/on-its-way"), observedAt.AddHours(-1)));
    }

    [Fact]
    public void ClockSet_AfterLearning_ChangesNothing()
    {
        var slot = Final();
        var before = _learning.Find(slot);

        Assert.False(_learning.ClockSet(TimeSpan.FromDays(1), Start.AddDays(1)), "Something was being learned.");

        Assert.Equal(before, _learning.Find(slot));
    }

    [Fact]
    public void Load_ClockWasSetBackMeanwhile_DoesNotWaitForTheTimeOfBefore()
    {
        var slot = _learning.Register(Container("a"), Start).Slot;

        var restarted = Restarted(Start.AddDays(-1));

        Assert.Equal(Start.AddDays(-1).AddSeconds(100), restarted.Find(slot)!.CompletesAt);
    }

    [Fact]
    public void Load_NobodyContinues_CompletesSoon()
    {
        var slot = _learning.Register(Container("a"), Start).Slot;
        var now = Start.AddSeconds(1000);
        var restarted = Restarted(now);

        restarted.Complete(now + WorkloadLearning.Reunion);

        Assert.Equal(ProfileState.Final, restarted.Find(slot)!.State);
    }

    [Fact]
    public void Load_StateAsJson_KeepsEverything()
    {
        var slot = Final();
        _learning.Allow(
            "app",
            [
                new ExecItem("/bin/ls", "/bin/busybox", new ArgumentList(["-l"])),
                new SyscallItem("read"),
                new CapabilityItem("KILL", "kill"),
                new CapabilityItem("SYS_ADMIN", "kill", IsRefused: true),
                new DnsItem("a.example", new ArgumentList(["10.0.0.1"])),
                new NetworkItem(true, "tcp", 443, "10.0.0.1"),
                new NetworkItem(false, "tcp", 80, ""),
            ],
            Start);

        var profile = Restarted(Start).Find(slot)!;

        Assert.Equal(JsonSerializer.Serialize(_learning.Find(slot)), JsonSerializer.Serialize(profile));
    }

    [Fact]
    public void Load_StateOfBeforeTheNewSections_HasThemEmptyAndUnlearned()
    {
        var slot = Final();
        _learning.Allow("app", [new OpenItem("/a", OpenFlags.ToSet(0))], Start);
        var state = JsonNode.Parse(JsonSerializer.Serialize(_learning.ToState()))!;
        var stored = state["Slots"]![0]!["Profile"]!.AsObject();
        foreach (var added in new[] { "Syscalls", "Capabilities", "Dns", "Incoming", "Outgoing", "Sections" })
        {
            Assert.True(stored.Remove(added), added);
        }

        var restarted = new WorkloadLearning(Workload, Options);
        restarted.Load(state.Deserialize<WorkloadState>()!, Start);
        restarted.Merge(Delta(slot, Start, "/b") with { Items = [new ObservedItem(new SyscallItem("read"), Start)] }, Start);

        var profile = restarted.Find(slot)!;
        Assert.Equal("/a", Assert.Single(profile.Opens).Path);
        Assert.Equal(ProfileSections.Execs | ProfileSections.Opens, profile.Sections);
        Assert.False(new CompiledProfile(profile).Knows(EventKind.Syscall));
        Assert.Empty(profile.Outgoing);

        // A learning that begins now knows them.
        var next = restarted.Register(Container("b", revision: "r2"), Start).Slot;
        Assert.Equal(ProfileSections.All, restarted.Find(next)!.Sections);
    }

    [Fact]
    public void Allow_UnknownName_IsTold() => Assert.Equal(AllowOutcome.UnknownContainer, _learning.Allow("app", [], Start));

    [Fact]
    public void Allow_KnownName_AnnouncesANewVersionOfEverySlot()
    {
        Final();
        _learning.Register(Container("b", revision: "r2"), Start.AddSeconds(200));
        _learning.TakeAnnouncements();

        Assert.Equal(AllowOutcome.Allowed, _learning.Allow("app", [new OpenItem("/ok", OpenFlags.ToSet(0))], Start.AddSeconds(201)));

        Assert.All(_learning.TakeAnnouncements(), static profile => Assert.Contains(profile.Opens, static open => open.Path == "/ok"));
    }

    [Fact]
    public void Unite_AnotherActivationsState_KeepsBothAndRenewsVersions()
    {
        var slot = _learning.Register(Container("a"), Start).Slot;
        var other = Restarted(Start);
        other.Merge(Delta(slot, Start, "/theirs"), Start);
        other.Register(Container("z", revision: "r9"), Start);
        _learning.Merge(Delta(slot, Start, "/ours"), Start);
        var version = Math.Max(_learning.Find(slot)!.Version, other.Find(slot)!.Version);

        _learning.Unite(other.ToState(), Start);

        Assert.Equal(["/ours", "/theirs"], _learning.Find(slot)!.Opens.Select(static open => open.Path));
        Assert.NotNull(_learning.Find(slot with { Revision = "r9" }));
        Assert.True(_learning.Find(slot)!.Version > version);
    }

    [Fact]
    public void Unite_OtherHasCompleted_IsComplete()
    {
        var slot = _learning.Register(Container("a"), Start).Slot;
        var other = Restarted(Start);
        other.Complete(Start.AddSeconds(101));

        _learning.Unite(other.ToState(), Start.AddSeconds(101));

        Assert.Equal(ProfileState.Final, _learning.Find(slot)!.State);
    }

    [Fact]
    public void ToProfile_NewRevisionLearns_ShowsItAndItsRemainingTime()
    {
        Assert.Null(_learning.ToProfile(Start));
        Final();
        Assert.Equal((ProfileState.Final, 0), (_learning.ToProfile(Start)!.State, _learning.ToProfile(Start)!.RemainingSeconds));

        _learning.Register(Container("b", revision: "r2"), Start.AddSeconds(200));

        var profile = _learning.ToProfile(Start.AddSeconds(210))!;
        Assert.Equal(("deployment-web", ProfileState.Learning, "r2", 90), (profile.Name, profile.State, profile.Revision, profile.RemainingSeconds));
        Assert.Equal("r2", Assert.Single(profile.Containers).Revision);
    }

    [Fact]
    public void Register_NewRevision_IsGuardedByTheOneBeforeUntilItIsFinal()
    {
        Final();
        var second = _learning.Register(Container("b") with { Revision = "r2" }, Start.AddSeconds(200)).Slot;
        var third = _learning.Register(Container("c") with { Revision = "r3" }, Start.AddSeconds(250)).Slot;
        Assert.Equal(new ProfileSlot("app", "r1", Partial: false), _learning.Find(second)!.GuardedBy);
        Assert.Equal(new ProfileSlot("app", "r1", Partial: false), _learning.Find(third)!.GuardedBy);
        _learning.TakeAnnouncements();
        var version = _learning.Find(third)!.Version;

        _learning.Complete(Start.AddSeconds(301));

        Assert.Null(_learning.Find(second)!.GuardedBy);
        Assert.Equal(second, _learning.Find(third)!.GuardedBy);
        Assert.True(_learning.Find(third)!.Version > version);
        Assert.Equal(["r2", "r3"], _learning.TakeAnnouncements().Select(static profile => profile.Revision).Order());
    }

    [Fact]
    public void Import_GuardsEveryRevisionAtOnceAndSurvivesARestart()
    {
        var learned = Final();
        var given = _learning.Find(learned)! with { Revision = ProfileSlot.GivenRevision, Execs = [new ExecEntry("/bin/given", "", [], Start)], CompletesAt = Start };

        _learning.Import([given], Start.AddSeconds(200));

        Assert.Equal("/bin/given", Assert.Single(_learning.Find(learned)!.Execs).Path);
        Assert.Equal(ProfileSlot.GivenRevision, Assert.Single(_learning.TakeAnnouncements()).Revision);
        var next = _learning.Register(Container("b") with { Revision = "r2" }, Start.AddSeconds(201));
        Assert.Equal((ProfileSlot.Given("app"), ProfileState.Final), (next.Slot, next.State));
        Assert.Equal(ProfileSlot.Given("app"), Restarted(Start.AddSeconds(300)).Register(Container("c") with { Revision = "r3" }, Start.AddSeconds(301)).Slot);
        Assert.Equal(ProfileSlot.GivenRevision, _learning.ToProfile(Start.AddSeconds(202))!.Revision);
    }

    [Fact]
    public void Import_Again_ReplacesWhatWasGiven()
    {
        var given = _learning.Find(Final())! with { Revision = ProfileSlot.GivenRevision, Execs = [new ExecEntry("/bin/old", "", [], Start)] };
        _learning.Import([given], Start.AddSeconds(200));

        _learning.Import([given with { Execs = [new ExecEntry("/bin/new", "", [], Start)] }], Start.AddSeconds(201));

        Assert.Equal("/bin/new", Assert.Single(_learning.Find(ProfileSlot.Given("app"))!.Execs).Path);
    }

    [Fact]
    public void Relearn_FinalProfile_GuardsTheNextLearningAndItsDeltasAreRefused()
    {
        var slot = Final();
        _learning.TakeAnnouncements();

        Assert.True(_learning.Relearn(Start.AddSeconds(200)));

        Assert.Contains(_learning.TakeAnnouncements(), profile => LearnedSlot.SlotOf(profile) == slot && profile.State == ProfileState.Gone);
        Assert.Null(_learning.Find(slot));
        var running = _learning.Register(Container("a"), Start.AddSeconds(201));
        var started = _learning.Register(Container("b") with { SeenAt = Start.AddSeconds(201) }, Start.AddSeconds(201));
        Assert.Equal((slot with { Partial = true }, 2, ProfileState.Learning), (running.Slot, running.Generation, running.State));
        Assert.Equal((slot, 2, ProfileState.Learning), (started.Slot, started.Generation, started.State));
        Assert.Equal(ProfileSlot.FormerRevision, _learning.Find(slot)!.GuardedBy!.Revision);
        Assert.Empty(_learning.Find(slot)!.Execs);
        Assert.Equal(DeltaOutcome.Discarded, _learning.Merge(Delta(slot, Start.AddSeconds(50), "/old"), Start.AddSeconds(202)));

        var restarted = Restarted(Start.AddSeconds(203));
        Assert.Equal(2, restarted.Register(Container("c", revision: "r2") with { SeenAt = Start.AddSeconds(203) }, Start.AddSeconds(203)).Generation);
        Assert.Equal((slot with { Partial = true }), restarted.Register(Container("a"), Start.AddSeconds(203)).Slot);
    }

    [Fact]
    public void Relearn_GivenProfile_IsWithdrawnAndDoesNotGuard()
    {
        _learning.Import([_learning.Find(Final())! with { Revision = ProfileSlot.GivenRevision }], Start.AddSeconds(200));

        _learning.Relearn(Start.AddSeconds(201));

        var assignment = _learning.Register(Container("b") with { SeenAt = Start.AddSeconds(202) }, Start.AddSeconds(202));
        Assert.Equal(("r1", ProfileState.Learning), (assignment.Slot.Revision, assignment.State));
        Assert.Equal(ProfileSlot.FormerRevision, _learning.Find(assignment.Slot)!.GuardedBy!.Revision);
        Assert.Null(_learning.Find(ProfileSlot.Given("app")));
    }

    [Fact]
    public void Allow_FullProfile_IsTold()
    {
        var learning = new WorkloadLearning(Workload, new LearningOptions { Period = Options.Period, MaxEntriesPerKind = 1 });
        learning.Register(Container("a"), Start);

        Assert.Equal(AllowOutcome.Allowed, learning.Allow("app", [new SyscallItem("read")], Start));
        Assert.Equal(AllowOutcome.Allowed, learning.Allow("app", [new SyscallItem("read")], Start));
        Assert.Equal(AllowOutcome.Full, learning.Allow("app", [new SyscallItem("write")], Start));
    }

    [Fact]
    public void Import_WhileLearning_WhatIsGivenGuardsAndTheRestIsNoNews()
    {
        var slot = _learning.Register(Container("a"), Start).Slot;
        _learning.TakeAnnouncements();

        _learning.Import([_learning.Find(slot)! with { Revision = ProfileSlot.GivenRevision, State = ProfileState.Final }], Start.AddSeconds(10));

        Assert.Equal(ProfileSlot.GivenRevision, Assert.Single(_learning.TakeAnnouncements()).Revision);
    }

    [Fact]
    public void Import_ElevenAlike_StayAsTheyWereGiven()
    {
        var opens = Enumerable.Range(0, 11).Select(number => new OpenEntry($"/data/user{number}/token", ["O_RDONLY"], Start)).ToArray();
        var given = _learning.Find(Final())! with { Revision = ProfileSlot.GivenRevision, Opens = opens };

        _learning.Import([given], Start.AddSeconds(200));

        Assert.Equal(opens.Select(static open => open.Path).Order(), _learning.Find(ProfileSlot.Given("app"))!.Opens.Select(static open => open.Path).Order());
    }

    [Fact]
    public void Import_WithoutAContainerThatWasGivenBefore_WithdrawsThat()
    {
        var slot = Final();
        _learning.Import([_learning.Find(slot)! with { Revision = ProfileSlot.GivenRevision }], Start.AddSeconds(200));
        _learning.TakeAnnouncements();

        _learning.Import([_learning.Find(ProfileSlot.Given("app"))! with { Name = "other" }], Start.AddSeconds(201));

        var news = _learning.TakeAnnouncements();
        var gone = Assert.Single(news, static profile => profile.State == ProfileState.Gone);
        Assert.Equal(ProfileSlot.Given("app"), LearnedSlot.SlotOf(gone));
        Assert.True(Assert.Single(news, profile => LearnedSlot.SlotOf(profile) == slot).Version > gone.Version);
        Assert.Equal(slot, _learning.Register(Container("b"), Start.AddSeconds(202)).Slot);
    }

    [Fact]
    public void Register_MoreSlotsThanThereMayBe_KeepsThoseInUse()
    {
        var first = Final();
        var now = Start.AddSeconds(200);
        for (var revision = 0; revision < 100; revision++)
        {
            now += WorkloadLearning.UnusedAfter / 10;
            _learning.Use(first, now);
            _learning.Register(Container($"c{revision}", revision: $"r-{revision}"), now);
        }

        Assert.Equal(ProfileState.Final, _learning.Find(first)!.State);
    }

    [Fact]
    public void ClockSet_AfterRelearning_ContainersThatStartAreLearnedFromTheirStart()
    {
        Final();
        _learning.Relearn(Start.AddHours(2));
        var changes = _learning.Changes;

        _learning.ClockSet(TimeSpan.FromHours(-1), Start.AddHours(1));

        Assert.True(_learning.Changes > changes);
        var started = Start.AddHours(1).AddSeconds(1);
        Assert.False(_learning.Register(Container("b") with { SeenAt = started }, started).Slot.Partial);
    }

    [Fact]
    public void Relearn_NothingKnown_IsFalse() => Assert.False(_learning.Relearn(Start));

    [Fact]
    public void Unite_OtherHasRelearned_ForgetsWhatItForgot()
    {
        Final();
        var other = Restarted(Start.AddSeconds(200));
        other.Relearn(Start.AddSeconds(201));

        _learning.Unite(other.ToState(), Start.AddSeconds(202));

        Assert.Equal(ProfileSlot.FormerRevision, Assert.Single(_learning.ToState().Slots).Profile.Revision);
        Assert.Equal(2, _learning.ToState().Generation);
        other.Unite(BeforeRelearning().ToState(), Start.AddSeconds(203));
        Assert.Equal(ProfileSlot.FormerRevision, Assert.Single(other.ToState().Slots).Profile.Revision);

        static WorkloadLearning BeforeRelearning()
        {
            var learning = new WorkloadLearning(Workload, Options);
            learning.Register(Container("a"), Start);
            return learning;
        }
    }

    [Fact]
    public void Register_FirstRevisionStillLearns_NobodyGuardsTheSecond()
    {
        _learning.Register(Container("a"), Start);

        Assert.Null(_learning.Find(_learning.Register(Container("b") with { Revision = "r2" }, Start).Slot)!.GuardedBy);
    }

    [Fact]
    public void Register_ManyRevisionsNobodyUses_KeepsTheLatestAndThoseInUse()
    {
        var now = Start;
        var slots = new List<ProfileSlot>();
        for (var revision = 0; revision < 8; revision++)
        {
            slots.Add(_learning.Register(Container($"c{revision}") with { Revision = $"r{revision}" }, now).Slot);
            now += Options.Period + WorkloadLearning.Settling;
            _learning.Complete(now);
            now += WorkloadLearning.UnusedAfter;
            _learning.Use(slots[0], now);
        }

        _learning.Register(Container("last") with { Revision = "last" }, now);

        Assert.Equal(
            ["r0", "r5", "r6", "r7"],
            slots.Where(slot => _learning.Find(slot) is not null).Select(static slot => slot.Revision));
    }

    [Fact]
    public void Register_ManyRevisions_ForgetsTheOldest()
    {
        for (var i = 0; i < 200; i++)
        {
            _learning.Register(Container($"c{i}", revision: $"r{i}"), Start.AddSeconds(i));
        }

        Assert.Equal(64, _learning.ToState().Slots.Count);
        Assert.Null(_learning.Find(new ProfileSlot("app", "r0", false)));
    }

    [Fact]
    public void Register_ContainerAddedToARunningPod_AddsNothingAndIsGuardedByAnEmptyProfile()
    {
        Final();
        var changes = _learning.Changes;

        var assignment = _learning.Register(Debugger(), Start.AddSeconds(200));
        var profile = _learning.Find(assignment.Slot)!;

        Assert.Equal(changes, _learning.Changes);
        Assert.Equal(["app"], _learning.ToProfile(Start.AddSeconds(200))!.Containers.Select(static container => container.Name));
        Assert.Equal((ProfileState.Final, DateTimeOffset.MinValue), (assignment.State, assignment.CompletesAt));
        Assert.Equal(assignment, LearnedSlot.AssignmentOf(profile));
        Assert.True(new CompiledProfile(profile).IsUnlisted);
        Assert.Equal((ProfileSections.All, 0, 0), (profile.Sections, profile.Execs.Count, profile.Opens.Count));
        Assert.Equal(DeltaOutcome.Discarded, _learning.Merge(Delta(assignment.Slot, Start, "/x"), Start.AddSeconds(201)));
    }

    [Fact]
    public void Register_ContainerAddedToARunningPodWhileLearning_WaitsForTheWorkloadsProfile()
    {
        var before = _learning.Register(Debugger(), Start);
        Assert.Equal((ProfileState.Learning, Start.AddSeconds(100)), (before.State, before.CompletesAt));
        Assert.Null(_learning.Find(before.Slot));

        _learning.Register(Container("a"), Start.AddSeconds(10));
        var learning = _learning.Find(before.Slot)!;
        Assert.Equal((ProfileState.Learning, Start.AddSeconds(110)), (learning.State, learning.CompletesAt));

        _learning.Complete(Start.AddSeconds(111));
        var final = _learning.Find(before.Slot)!;
        Assert.Equal(ProfileState.Final, final.State);
        Assert.True(final.Version > learning.Version, "A cache would keep the one from while learning.");
        Assert.NotEqual(learning.Generation, final.Generation);
    }

    [Fact]
    public void Register_ContainerAddedDuringARollout_IsGuardedBecauseTheOldRevisionIs()
    {
        Final();
        _learning.Register(Container("b", revision: "r2"), Start.AddSeconds(200));

        Assert.Equal(ProfileState.Final, _learning.Register(Debugger(), Start.AddSeconds(201)).State);
    }

    [Fact]
    public void Register_NewNameOfANewRevision_LearnsAsUsual()
    {
        Final();

        var assignment = _learning.Register(Container("b", revision: "r2") with { Name = "sidecar" }, Start.AddSeconds(200));

        Assert.Equal((ProfileState.Learning, Start.AddSeconds(300)), (assignment.State, assignment.CompletesAt));
    }

    [Fact]
    public void Index_IsThePlaceInTheProfile_AlsoWhenNamesComeLater()
    {
        var app = Final();
        var version = _learning.Find(app)!.Version;
        var sidecar = _learning.Register(Container("s") with { Name = "sidecar" }, Start.AddSeconds(1)).Slot;
        Assert.Equal(version, _learning.Find(app)!.Version);
        Assert.Equal((0, 1), Indexes());

        // Before the others, which have to be told.
        _learning.TakeAnnouncements();
        _learning.Register(Container("b") with { Name = "agent" }, Start.AddSeconds(2));
        Assert.Equal((1, 2), Indexes());
        Assert.True(_learning.Find(app)!.Version > version, "Caches keep the place it had.");
        Assert.Equal("app", Assert.Single(_learning.TakeAnnouncements()).Name);
        AssertInPlace(_learning);
        AssertInPlace(Restarted(Start.AddSeconds(3)));

        (int, int) Indexes() => (_learning.Find(app)!.Index, _learning.Find(sidecar)!.Index);

        static void AssertInPlace(WorkloadLearning learning) =>
            Assert.All(learning.ToProfile(Start.AddSeconds(3))!.Containers, static (container, index) => Assert.Equal(index, container.Index));
    }

    private ProfileSlot Final()
    {
        var slot = _learning.Register(Container("a"), Start).Slot;
        _learning.Complete(Start.AddSeconds(101));
        _learning.TakeAnnouncements();
        return slot;
    }

    private WorkloadLearning Restarted(DateTimeOffset now)
    {
        var restarted = new WorkloadLearning(Workload, Options);
        restarted.Load(JsonSerializer.Deserialize<WorkloadState>(JsonSerializer.Serialize(_learning.ToState()))!, now);
        return restarted;
    }

    private static ContainerDescription Debugger() => Container("d", revision: "r9") with { Name = "debugger", Type = ContainerType.Ephemeral };

    private static ProfileDelta Delta(ProfileSlot slot, DateTimeOffset at, string path) =>
        new() { Slot = slot, Generation = 1, Items = [new ObservedItem(new OpenItem(path, OpenFlags.ToSet(0)), at)] };

    private static ContainerDescription Container(
        string id, ContainerOrigin origin = ContainerOrigin.Started, ObservationGap? gap = null, string revision = "r1") => new()
        {
            Id = id,
            Name = "app",
            Runtime = "containerd",
            Node = "node-1",
            Workload = Workload,
            Origin = origin,
            SeenAt = Start,
            Gap = gap,
            CgroupId = 1,
            CgroupPath = "/" + id,
            Revision = revision,
        };
}
