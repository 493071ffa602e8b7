using KubeCop.Core.Events;
using KubeCop.Core.Profiles;
using KubeCop.Core.Workloads;
using KubeCop.Grains;
using KubeCop.Grains.Workloads;
using KubeCop.Testing;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace KubeCop.Tests.Grains.Workloads;

public sealed class WorkloadMirrorTests
{
    private static readonly WorkloadKey Web = new("default", "Deployment", "web");
    private static readonly LearningOptions Options = new() { Period = TimeSpan.FromSeconds(100) };

    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
    private readonly Board _board = new();
    private readonly WorkloadLearning _learning = new(Web, Options);
    private readonly WorkloadMirror _mirror;

    /// <summary>One thing at a time, as in a grain.</summary>
    private readonly TaskFactory _turns = new(new ConcurrentExclusiveSchedulerPair(TaskScheduler.Default).ExclusiveScheduler);

    public WorkloadMirrorTests()
    {
        _mirror = new WorkloadMirror(Web, _learning, _board, new StorageWarnings(_time), static () => { }, _time, NullLogger.Instance);
    }

    private DateTimeOffset Now => _time.GetUtcNow();

    [Fact]
    public async Task Learned_IsShown()
    {
        Final("/bin/ls");

        await ShowAsync();

        Assert.Equal(["/bin/ls"], _board.Execs);
        Assert.Equal(1, _board.Writes);
    }

    [Fact]
    public async Task Nothing_IsWrittenAgain_WhenNothingHasChanged()
    {
        Final("/bin/ls");
        await ShowAsync();

        await ShowAsync();

        Assert.Equal(1, _board.Writes);
    }

    [Fact]
    public async Task ProgramThatSomebodyAdds_IsAllowed_AlsoInRevisionsToCome()
    {
        var slot = Final("/bin/ls");
        await ShowAsync();
        _board.Edit(static profile => profile with { Execs = [.. profile.Execs, new ExecEntry("/bin/date", "", [], default)] });

        await LookAsync();

        Assert.True(new CompiledProfile(_learning.Find(slot)!).ContainsExec("/bin/date", "/bin/busybox"), "it is allowed");
        Assert.Equal(["/bin/date", "/bin/ls"], _board.Execs.Order());
        var next = _learning.Register(Container("b", "r2"), Now).Slot;
        Assert.Contains(_learning.Find(next)!.Execs, static exec => exec.Path == "/bin/date");
    }

    [Fact]
    public async Task ThingThatSomebodyRemoves_IsNotAllowedAnyMore_HoweverOftenItIsLearned()
    {
        var slot = Final("/bin/ls", "/bin/id");
        await ShowAsync();
        _board.Edit(static profile => profile with { Execs = [.. profile.Execs.Where(static exec => exec.Path != "/bin/id")] });

        await LookAsync();
        Learn(slot, "/bin/id");
        await ShowAsync();

        Assert.Equal(["/bin/ls"], _learning.Find(slot)!.Execs.Select(static exec => exec.Path));
        Assert.Equal(["/bin/ls"], _board.Execs);
    }

    [Fact]
    public async Task ThingThatWasLearnedSinceTheLastWrite_IsNotTakenForRemoved()
    {
        var slot = Final("/bin/ls");
        await ShowAsync();
        Learn(slot, "/bin/late");
        _board.Edit(static profile => profile with { Execs = [.. profile.Execs, new ExecEntry("/bin/date", "", [], default)] });

        await LookAsync();

        Assert.Equal(["/bin/date", "/bin/late", "/bin/ls"], _board.Execs.Order());
        Assert.Equal(["/bin/date", "/bin/late", "/bin/ls"], _learning.Find(slot)!.Execs.Select(static exec => exec.Path).Order());
    }

    [Fact]
    public async Task Edit_ThatMeetsAWrite_IsSeenFirst()
    {
        var slot = Final("/bin/ls");
        await ShowAsync();
        Learn(slot, "/bin/late");
        _board.Edit(static profile => profile with { Execs = [.. profile.Execs, new ExecEntry("/bin/date", "", [], default)] });

        // Nobody has told of it.
        await ShowAsync();
        await UntilAsync(() => _board.Execs.Contains("/bin/late"));

        Assert.Equal(["/bin/date", "/bin/late", "/bin/ls"], _board.Execs.Order());
    }

    [Fact]
    public async Task FlagOfAFile_IsAThingOfItsOwn()
    {
        var slot = Final("/bin/ls");
        _learning.Merge(Delta(slot, new OpenItem("/data/log", OpenFlags.Parse(["O_RDONLY", "O_WRONLY"]))), Now);
        await ShowAsync();
        _board.Edit(static profile => profile with { Opens = [profile.Opens[0] with { Flags = ["O_RDONLY"] }] });

        await LookAsync();

        var compiled = new CompiledProfile(_learning.Find(slot)!);
        Assert.True(compiled.ContainsOpen("/data/log", OpenFlags.Parse(["O_RDONLY"])), "reading is allowed");
        Assert.False(compiled.ContainsOpen("/data/log", OpenFlags.Parse(["O_WRONLY"])), "writing is not any more");
    }

    [Fact]
    public async Task Deleted_WhileItIsInUse_IsLearnedAnew_AndShownAfterAWhile()
    {
        Final("/bin/ls");
        await ShowAsync();
        var generation = _learning.Generation;
        _board.Delete();

        await LookAsync();

        Assert.Equal(generation + 1, _learning.Generation);
        Assert.Null(_board.Current);
        _learning.Register(Container("b"), Now);
        await InTurnAsync(() => _mirror.Show(hurry: false));
        await UntilAsync(() => _board.Current is not null);
        Assert.Equal(ProfileState.Learning, _board.Current!.State);
    }

    [Fact]
    public async Task Deleted_WhenNobodyUsesIt_IsForgotten()
    {
        Final("/bin/ls");
        await ShowAsync();
        _time.Advance(TimeSpan.FromHours(1));
        _board.Delete();

        await LookAsync();
        _time.Advance(TimeSpan.FromHours(1));
        await ShowAsync();

        Assert.Null(_board.Current);
        Assert.Null(_learning.ToProfile(Now));
    }

    [Fact]
    public async Task Given_BeforeTheWorkload_GuardsItsFirstContainer()
    {
        _board.Give(Given("/bin/only"), isFinal: true);

        await InTurnAsync(_mirror.FirstLookAsync).Unwrap();
        var assignment = _learning.Register(Container("a"), Now);

        Assert.Equal(ProfileState.Final, assignment.State);
        Assert.Equal(["/bin/only"], _learning.Find(assignment.Slot)!.Execs.Select(static exec => exec.Path));
    }

    [Fact]
    public async Task Given_AfterTheFormerWasDeleted_ReplacesWhatIsLearnedAnew()
    {
        Final("/bin/ls");
        await ShowAsync();
        _board.Delete();
        await LookAsync();
        var slot = _learning.Register(Container("b"), Now).Slot;
        _board.Give(Given("/bin/only"), isFinal: true);

        await LookAsync();

        var guarding = _learning.Find(slot)!;
        Assert.Equal(ProfileState.Final, guarding.State);
        Assert.Equal(["/bin/only"], guarding.Execs.Select(static exec => exec.Path));
    }

    [Fact]
    public async Task Given_ButNotFinal_IsAllowedBesidesWhatIsLearned()
    {
        _board.Give(Given("/bin/besides"), isFinal: false);

        await InTurnAsync(_mirror.FirstLookAsync).Unwrap();
        var slot = Final("/bin/ls");

        Assert.Equal(["/bin/besides", "/bin/ls"], _learning.Find(slot)!.Execs.Select(static exec => exec.Path).Order());
    }

    [Fact]
    public async Task Lost_State_IsTakenFromWhatIsShown()
    {
        Final("/bin/ls");
        await ShowAsync();
        var fresh = new WorkloadLearning(Web, Options);
        var mirror = new WorkloadMirror(Web, fresh, _board, new StorageWarnings(_time), static () => { }, _time, NullLogger.Instance);

        await InTurnAsync(mirror.FirstLookAsync).Unwrap();
        var assignment = fresh.Register(Container("b"), Now);

        Assert.Equal((ProfileState.Final, "r1"), (assignment.State, assignment.Slot.Revision));
        Assert.Equal(["/bin/ls"], fresh.Find(assignment.Slot)!.Execs.Select(static exec => exec.Path));
    }

    [Fact]
    public async Task Unneeded_IsTakenAway()
    {
        Final("/bin/ls");
        await ShowAsync();
        PassUnused();

        await InTurnAsync(_mirror.RemoveAsync).Unwrap();

        Assert.Equal("", _board.Version);
        Assert.True(_learning.IsUnneeded, "it is to be forgotten");
        Assert.Equal("", _learning.Mirror!.Version);
    }

    [Fact]
    public async Task Unneeded_ButEditedMeanwhile_IsKeptAndShown()
    {
        Final("/bin/ls");
        await ShowAsync();
        PassUnused();
        _board.Edit(static profile => profile with { Execs = [.. profile.Execs, new ExecEntry("/bin/date", "", [], default)] });

        await InTurnAsync(_mirror.RemoveAsync).Unwrap();

        Assert.False(_learning.IsUnneeded, "somebody has worked on it");
        Assert.Equal(["/bin/date", "/bin/ls"], _board.Execs.Order());
    }

    [Fact]
    public async Task Edit_MadeBeforeAnotherRevisionGuarded_AllowsNothingOfTheFormerOne()
    {
        Final("/bin/ls", "/bin/id");
        await ShowAsync();
        _board.Failing = true;
        var next = _learning.Register(Container("b", "r2"), Now).Slot;
        Learn(next, "/bin/ls");
        _time.Advance(Options.Period + WorkloadLearning.Settling);
        _learning.Complete(Now);
        _board.Edit(static profile => profile with { Execs = [.. profile.Execs, new ExecEntry("/bin/date", "", [], default)] });
        _board.Failing = false;

        await LookAsync();

        Assert.Equal(["/bin/date", "/bin/ls"], _learning.Find(next)!.Execs.Select(static exec => exec.Path).Order());
    }

    [Fact]
    public async Task Object_ThatOwnsItNoMore_IsNotMadeItsOwnerAgain()
    {
        _learning.Register(Container("a") with { WorkloadObject = new WorkloadObject("apps/v1", "uid-1") }, Now);
        await ShowAsync();
        Assert.Equal("uid-1", _board.OwnerUid);

        _board.Orphan();
        await LookAsync();

        Assert.Null(_board.OwnerUid);
    }

    [Fact]
    public async Task Edits_SurviveARestart()
    {
        Final("/bin/ls");
        await ShowAsync();
        _board.Edit(static profile => profile with { Execs = [new ExecEntry("/bin/date", "", [], default)] });
        await LookAsync();

        var restarted = new WorkloadLearning(Web, Options);
        restarted.Load(_learning.ToState(), Now);

        Assert.Equal(["/bin/date"], restarted.ToProfile(Now)!.Containers[0].Execs.Select(static exec => exec.Path));
        Assert.Equal(_learning.Mirror!.Version, restarted.Mirror!.Version);
    }

    [Fact]
    public async Task Board_ThatFails_IsTriedAgain_AndKeepsNobodyWaiting()
    {
        _board.Failing = true;
        await Assert.ThrowsAsync<IOException>(() => InTurnAsync(_mirror.FirstLookAsync).Unwrap());
        Assert.True(_mirror.FirstLookAsync().IsCompletedSuccessfully, "nobody waits for what has just failed");
        Final("/bin/ls");
        await InTurnAsync(() => _mirror.Show(hurry: true));

        _board.Failing = false;
        await UntilAsync(() => _board.Writes == 1);

        Assert.Equal(["/bin/ls"], _board.Execs);
        Assert.False(_mirror.IsUnfinished, "there is nothing left to do");
    }

    [Fact]
    public async Task Board_ThatFailsForHours_IsTriedWithinBounds_HoweverMuchThereIsToShow()
    {
        Final("/bin/ls");
        _board.Failing = true;
        for (var second = 0; second < 6 * 60 * 60; second++)
        {
            await InTurnAsync(() =>
            {
                _time.Advance(TimeSpan.FromSeconds(1));
                _mirror.Show(hurry: true);
            });
        }

        // Each half minute, or up to a quarter earlier.
        Assert.InRange(_board.Reads, 6 * 60 * 2 * 3 / 4, 6 * 60 * 60 / 20);
        _board.Failing = false;
        var before = Now;
        await UntilAsync(() => _board.Writes == 1);
        Assert.InRange(Now - before, TimeSpan.Zero, TimeSpan.FromMinutes(1));
        Assert.Equal(["/bin/ls"], _board.Execs);
    }

    [Fact]
    public async Task OwnWrites_ThatComeBackAsNews_AreNotReadAgain()
    {
        Final("/bin/ls");
        await ShowAsync();
        var reads = _board.Reads;

        await InTurnAsync(() => _mirror.Look(_board.Version));

        Assert.Equal(reads, _board.Reads);
        Assert.False(_mirror.IsUnfinished, "there is nothing to do");
    }

    [Fact]
    public async Task News_AreLookedAtAtOnce_AlsoWhileAWriteWaitsForItsTime()
    {
        var slot = Final("/bin/ls");
        await ShowAsync();
        Learn(slot, "/bin/late");
        await InTurnAsync(() => _mirror.Show(hurry: false));
        _board.Edit(static profile => profile with { Execs = [.. profile.Execs, new ExecEntry("/bin/date", "", [], default)] });

        await InTurnAsync(() => _mirror.Look(_board.Version));

        // Without the clock.
        await Wait.UntilAsync(() => _learning.Find(slot)!.Execs.Any(static exec => exec.Path == "/bin/date"), static known => known, "the edit");
    }

    [Fact]
    public async Task News_AreLookedAtAtOnce_AlsoWhenTheBoardHasFailedForLong()
    {
        var slot = Final("/bin/ls");
        await ShowAsync();
        _board.Failing = true;
        Learn(slot, "/bin/late");
        await InTurnAsync(() => _mirror.Show(hurry: true));
        for (var failures = 0; failures < 6; failures++)
        {
            var reads = _board.Reads;
            await UntilAsync(() => _board.Reads > reads);
        }

        _board.Failing = false;
        _board.Edit(static profile => profile with { Execs = [.. profile.Execs, new ExecEntry("/bin/date", "", [], default)] });
        await InTurnAsync(() => _mirror.Look(_board.Version));

        // Without the clock, by which the next try would be half a minute later.
        await Wait.UntilAsync(() => _learning.Find(slot)!.Execs.Any(static exec => exec.Path == "/bin/date"), static known => known, "the edit");
    }

    private static ContainerProfile Given(string path) => LearnedSlots.Empty(ProfileSlot.Given("app"), ProfileState.Final, default, 0) with
    {
        Execs = [new ExecEntry(path, "", [], default)],
    };

    private ContainerDescription Container(string id, string revision = "r1") => new()
    {
        Id = id,
        Name = "app",
        Runtime = "containerd",
        Node = "node-1",
        Workload = Web,
        Origin = ContainerOrigin.Started,
        SeenAt = Now,
        CgroupId = 1,
        CgroupPath = "/" + id,
        Revision = revision,
    };

    private ProfileSlot Final(params string[] execs)
    {
        var slot = _learning.Register(Container("a"), Now).Slot;
        Learn(slot, execs);
        _time.Advance(Options.Period + WorkloadLearning.Settling);
        _learning.Complete(Now);
        return slot;
    }

    // Seen while it was learned, however late it comes.
    private void Learn(ProfileSlot slot, params string[] execs) =>
        _learning.Merge(Delta(slot, [.. execs.Select(static path => new ExecItem(path, "/bin/busybox", new ArgumentList([])))]), Now);

    private ProfileDelta Delta(ProfileSlot slot, params BehaviourItem[] items) => new()
    {
        Slot = slot,
        Generation = _learning.Generation,
        Items = [.. items.Select(static item => new ObservedItem(item, new DateTimeOffset(2026, 1, 1, 0, 0, 1, TimeSpan.Zero)))],
    };

    private void PassUnused()
    {
        for (var day = 0; day <= Options.ForgetAfter.TotalDays; day++)
        {
            _learning.EndDay();
        }

        Assert.True(_learning.IsUnneeded, "no container was there for long");
    }

    private Task InTurnAsync(Action action) => _turns.StartNew(action, TestContext.Current.CancellationToken);

    private Task<T> InTurnAsync<T>(Func<T> action) => _turns.StartNew(action, TestContext.Current.CancellationToken);

    private async Task ShowAsync()
    {
        await InTurnAsync(() => _mirror.Show(hurry: true));
        await UntilAsync(() => !_mirror.IsUnfinished);
    }

    private async Task LookAsync()
    {
        var reads = _board.Reads;
        await InTurnAsync(() => _mirror.Look(version: null));
        await UntilAsync(() => _board.Reads > reads && !_mirror.IsUnfinished);
    }

    /// <summary>Lets time pass until something is so.</summary>
    private Task UntilAsync(Func<bool> condition) => Wait.UntilAsync(
        () => InTurnAsync(() =>
        {
            if (condition())
            {
                return true;
            }

            _time.Advance(TimeSpan.FromSeconds(1));
            _mirror.Tick();
            return false;
        }),
        static isSo => isSo,
        "end of what was to be done");

    /// <summary>What people see, in memory.</summary>
    private sealed class Board : IProfileMirror
    {
        private int _version;
        private IReadOnlyList<ShownRevision> _revisions = [];
        private IReadOnlyList<ContainerProfile> _containers = [];
        private bool _isOwn;
        private bool _isFinal;

        public bool Failing { get; set; }

        public int Reads { get; private set; }

        public int Writes { get; private set; }

        public int Refusals { get; private set; }

        public ApplicationProfile? Current { get; private set; }

        public string Version { get; private set; } = "";

        public string? OwnerUid { get; private set; }

        public IEnumerable<string> Execs => _containers[0].Execs.Select(static exec => exec.Path);

        public bool Shows(WorkloadKey workload) => true;

        public Task<MirroredProfile?> ReadAsync(WorkloadKey workload, CancellationToken cancellationToken)
        {
            Reads++;
            return Failing ? throw new IOException("It is away.")
                : Task.FromResult(Version.Length == 0 ? null : new MirroredProfile(Version, _isOwn, _isFinal, [.. _containers.Select(AsGiven)], _revisions, OwnerUid));
        }

        public Task<string> WriteAsync(ShownProfile profile, string basedOn, CancellationToken cancellationToken)
        {
            if (Failing)
            {
                throw new IOException("It is away.");
            }

            if (basedOn != Version)
            {
                Refusals++;
                throw new MirrorChangedException("It has changed.");
            }

            Writes++;
            OwnerUid = profile.Object?.Uid;
            (Current, _containers, _revisions, _isOwn, _isFinal) = (profile.Profile, profile.Profile.Containers, profile.Revisions, true, profile.Profile.State == ProfileState.Final);
            return Task.FromResult(Version = $"{++_version}");
        }

        public void Orphan() => (OwnerUid, Version) = (null, $"{++_version}");

        public Task DeleteAsync(WorkloadKey workload, string version, CancellationToken cancellationToken)
        {
            if (version != Version)
            {
                throw new MirrorChangedException("It has changed.");
            }

            Delete();
            return Task.CompletedTask;
        }

        public void Edit(Func<ContainerProfile, ContainerProfile> edit) =>
            (_containers, _isOwn, Version) = ([.. _containers.Select(edit)], false, $"{++_version}");

        public void Give(ContainerProfile profile, bool isFinal) => (_containers, _isOwn, _isFinal, Version) = ([profile], false, isFinal, $"{++_version}");

        public void Delete() => (Current, _containers, Version) = (null, [], "");

        // The object has no field for what a path leads to.
        private static ContainerProfile AsGiven(ContainerProfile profile) => profile with
        {
            Revision = ProfileSlot.GivenRevision,
            State = ProfileState.Final,
            Execs = [.. profile.Execs.Select(static exec => exec with { Executable = "" })],
        };
    }
}
