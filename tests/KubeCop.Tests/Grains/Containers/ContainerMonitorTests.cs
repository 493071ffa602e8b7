using KubeCop.Core.Alerts;
using KubeCop.Core.Events;
using KubeCop.Core.Profiles;
using KubeCop.Core.Rules;
using KubeCop.Core.Rules.Deviations;
using KubeCop.Core.Rules.Signatures;
using KubeCop.Core.Workloads;
using KubeCop.Grains.Abstractions.Workloads;
using KubeCop.Grains.Containers;
using KubeCop.Grains.Workloads;
using KubeCop.Host.Bindings;
using KubeCop.Testing;
using KubeCop.Tests.Core;
using KubeCop.Tests.Core.Alerts;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace KubeCop.Tests.Grains.Containers;

public sealed class ContainerMonitorTests
{
    private readonly AlertList _alerts = [];
    private readonly FakeRepeatFilter _repeats = new();
    private readonly SettableRules _bindings = new();
    private readonly RuleCounters _counters = new();
    private readonly FakeTimeProvider _time = new(Sample.Boot);
    private readonly LearningOptions _learning = new() { MaxEntriesPerKind = 100 };
    private readonly AlertOptions _alertOptions = new();

    [Fact]
    public void Learning_ExecsAndOpens_AreLearnedOnce()
    {
        var monitor = Learning();
        Ingest(monitor, Sample.Exec("/bin/ls", "/bin/busybox", args: ["ls", "-l"]), Sample.Open("/etc/passwd", at: 2));
        Ingest(monitor, Sample.Exec("/bin/ls", "/bin/busybox", args: ["/bin/ls", "-l"], at: 3), Sample.Open("/etc/passwd", at: 3));

        Assert.Equal(
            [
                new ObservedItem(Sample.ExecItem("/bin/ls", "/bin/busybox", "-l"), Sample.Boot.AddSeconds(1)),
                new ObservedItem(new OpenItem("/etc/passwd", 1), Sample.Boot.AddSeconds(2)),
            ],
            monitor.TakeLearned());
        Assert.Empty(monitor.TakeLearned());
        Assert.Empty(_alerts);
    }

    [Fact]
    public void Open_BelowIgnoredPrefixOrMount_IsNeitherLearnedNorCompared_UnlessSensitive()
    {
        _learning.IgnoredPrefixes.Add("/srv/cache");
        _learning.IgnoredPrefixes.Add("/etc");
        _learning.IgnoreMounts = true;
        var opens = new[] { "/srv/cache/a", "/data/b", "/srv/cached", "/etc/passwd", "/data/.ssh/id_rsa" };
        var monitor = Learning();
        monitor.Describe(Sample.Container with { Mounts = ["/data"] });

        Ingest(monitor, [.. opens.Select(static path => Sample.Open(path))]);
        Assert.Equal(
            ["/srv/cached", "/etc/passwd", "/data/.ssh/id_rsa"],
            monitor.TakeLearned().Select(static learned => ((OpenItem)learned.Item).Path));

        var guarding = Monitor(new RuleSet([new BoundRule(UnexpectedFileAccess.Type.Create(RuleArguments.Default), Severity.Medium)]));
        guarding.Describe(Sample.Container with { Mounts = ["/data"] });
        guarding.Assign(Assignment(ProfileState.Final), Sample.Profile());
        Ingest(guarding, [.. opens.Select(static path => Sample.Open(path, at: 3600))]);
        Assert.Equal(["/srv/cached", "/etc/passwd", "/data/.ssh/id_rsa"], _alerts.Select(static alert => alert.Event.Path));
    }

    public static TheoryData<string, SensorEvent, BehaviourItem> Behaviours => new()
    {
        { "R0001", Sample.Exec("/bin/ls", args: ["ls", "-l"]), Sample.ExecItem("/bin/ls", null, "-l") },
        { "R0002", Sample.Open("/etc/secret"), new OpenItem("/etc/secret", 1) },
        { "R0003", Sample.Syscall("unshare"), new SyscallItem("unshare") },
        { "R0004", Sample.Capability("SYS_ADMIN", "mount"), new CapabilityItem("SYS_ADMIN", "mount") },
        { "R0004", Sample.Capability("SYS_ADMIN", "mmap", granted: false), new CapabilityItem("SYS_ADMIN", "mmap", IsRefused: true) },
        { "R0005", Sample.Query("example.com"), Sample.DnsItem("example.com") },
        { "R0005", Sample.Answer("example.com", ["10.0.0.1", "fd00::1"]), Sample.DnsItem("example.com", "10.0.0.1", "fd00::1") },
        { "R0005", Sample.Answer("no.example.com", [], "NXDOMAIN"), Sample.DnsItem("no.example.com") },
        { "R0006", Sample.Open("/run/secrets/kubernetes.io/serviceaccount/..data/token"), new OpenItem("/run/secrets/kubernetes.io/serviceaccount/..data/token", 1) },
        { "R0007", Sample.Connect("10.96.0.1", 443), new NetworkItem(true, "tcp", 443, "10.96.0.1") },
        { "", Sample.Network(NetworkAction.Accept, "tcp", "10.1.2.3", 80), new NetworkItem(false, "tcp", 80, "") },
        { "", Sample.Network(NetworkAction.Listen, "udp", "::", 53), new NetworkItem(false, "udp", 53, "") },
    };

    [Theory]
    [MemberData(nameof(Behaviours))]
    public void EveryKind_Learned_IsSilentAndUnlearnedAlerts(string ruleId, SensorEvent sensorEvent, BehaviourItem item)
    {
        var monitor = Learning(DefaultBinding.Rules);
        Ingest(monitor, sensorEvent, sensorEvent);
        var learned = Assert.Single(monitor.TakeLearned());
        Assert.Equal(new ObservedItem(item, Sample.Boot.AddSeconds(1)), learned);

        // Not yet in the profile, then in it.
        monitor.Guard(Sample.Profile());
        Ingest(monitor, At(sensorEvent, 20));
        monitor.Guard(Sample.Profile(item));
        Ingest(monitor, At(sensorEvent, 21));
        Assert.Empty(_alerts);

        // The profile had it, so it alone decides: here somebody takes it out again.
        monitor.Guard(Sample.Profile());
        Ingest(monitor, At(sensorEvent, 22));
        Assert.Equal(ruleId, _alerts.SingleOrDefault()?.RuleId ?? "");
        Assert.Empty(monitor.TakeLearned());
    }

    [Theory]
    [MemberData(nameof(Behaviours))]
    public void ProfileThatNeverLearnedTheKind_IsSilent(string ruleId, SensorEvent sensorEvent, BehaviourItem item)
    {
        var before = new CompiledProfile(Sample.ContainerProfile() with { Sections = ProfileSections.Execs | ProfileSections.Opens });
        var monitor = Learning(DefaultBinding.Rules);
        monitor.Guard(before);
        Ingest(monitor, At(sensorEvent, 20));
        Assert.Equal(item is ExecItem or OpenItem ? ruleId : "", _alerts.SingleOrDefault()?.RuleId ?? "");
    }

    [Fact]
    public void Capability_RefusedWhileLearning_GrantedLaterAlerts()
    {
        var monitor = Learning();
        Ingest(monitor, Sample.Capability("SYS_ADMIN", "mount", granted: false));
        monitor.Guard(Sample.Profile(new CapabilityItem("SYS_ADMIN", "mount", IsRefused: true)));
        Ingest(monitor, Sample.Capability("SYS_ADMIN", "mount", granted: false, at: 20), Sample.Capability("SYS_ADMIN", "mount", at: 21));
        Assert.Equal("Unexpected capability used: SYS_ADMIN in mount", Assert.Single(_alerts).Message);
    }

    [Fact]
    public void Capability_GrantedWhileLearning_CoversARefusal()
    {
        var monitor = Learning();
        Ingest(monitor, Sample.Capability("KILL", "kill"), Sample.Capability("KILL", "kill", granted: false));
        Assert.Single(monitor.TakeLearned());
        monitor.Guard(Sample.Profile(new CapabilityItem("KILL", "kill")));
        Ingest(monitor, Sample.Capability("KILL", "kill", granted: false, at: 20));
        Assert.Empty(_alerts);
    }

    [Fact]
    public void RefusedExec_IsNeverLearnedButJudged()
    {
        var monitor = Learning();
        Ingest(monitor, Sample.Refused(Sample.Exec("/bin/x")), Sample.Refused(Sample.Exec("/bin/known", "")));
        Assert.Empty(monitor.TakeLearned());
        monitor.Guard(Sample.Profile(Sample.ExecItem("/bin/known")));
        Ingest(monitor, Sample.Refused(Sample.Exec("/bin/known", "", at: 20)), Sample.Refused(Sample.Exec("/bin/x", at: 20)), Sample.Exec("/bin/x", at: 21));
        Assert.Equal(
            ["Unexpected process launched: /bin/x; it was refused (EACCES)", "Unexpected process launched: /bin/x"],
            _alerts.Select(static alert => alert.Message));
    }

    [Fact]
    public void RefusedExecThenRealOne_HeldTogether_BothAreDecided()
    {
        var monitor = Monitor();
        monitor.Describe(Sample.Container);
        Ingest(monitor, Sample.Refused(Sample.Exec("/bin/x")), Sample.Exec("/bin/x"));
        monitor.Assign(Assignment(ProfileState.Learning));
        Assert.Single(monitor.TakeLearned());
    }

    [Fact]
    public void Dns_ManyAnswers_UnitesUpToTheBound()
    {
        var monitor = Learning();
        Ingest(
            monitor,
            Sample.Query("a.example"),
            Sample.Answer("a.example", ["10.0.0.1"]),
            Sample.Answer("a.example", ["10.0.0.1", "10.0.0.2"]),
            Sample.Answer("a.example", ["10.0.0.2"]));
        Assert.Equal(
            [Sample.DnsItem("a.example"), Sample.DnsItem("a.example", "10.0.0.1"), Sample.DnsItem("a.example", "10.0.0.2")],
            monitor.TakeLearned().Select(static item => item.Item));

        Ingest(monitor, Sample.Answer("a.example", [.. Enumerable.Range(0, 200).Select(static number => $"10.0.1.{number}")]));
        Assert.Equal(DnsItem.MaxAddresses - 2, ((DnsItem)Assert.Single(monitor.TakeLearned()).Item).Addresses.Values.Count);
        Ingest(monitor, Sample.Answer("a.example", ["10.9.9.9"]));
        Assert.Empty(monitor.TakeLearned());
        Assert.Equal(0, monitor.LearningDropped);
    }

    [Theory]
    [InlineData(EventKind.Module)]
    [InlineData(EventKind.Ptrace)]
    [InlineData(EventKind.Unshare)]
    [InlineData(EventKind.Setns)]
    [InlineData(EventKind.RandomX)]
    [InlineData((EventKind)999)]
    public void KindsWithoutASection_AreLeftToSignatureRules(EventKind kind)
    {
        var monitor = Monitor(new RuleSet([new BoundRule(new AnyRule(kind), Severity.High), .. DefaultBinding.Rules.Rules]));
        Ingest(monitor, Sample.Event(kind, at: 1));
        monitor.Describe(Sample.Container);
        monitor.Assign(Assignment(ProfileState.Learning));
        monitor.Guard(Sample.Profile());
        Ingest(monitor, Sample.Event(kind, at: 20));
        Assert.Empty(monitor.TakeLearned());
        Assert.Equal(kind <= EventKind.Setns ? ["R9998"] : [], _alerts.Select(static alert => alert.RuleId).Where(static id => id == "R9998"));
    }

    [Fact]
    public void Learning_OtherFlagsOrArguments_AreNew()
    {
        var monitor = Learning();
        Ingest(monitor, Sample.Open("/x"), Sample.Open("/x", 1), Sample.Open("/x", 1), Sample.Exec("/a", args: ["a", "1"]), Sample.Exec("/a", args: ["a", "2"]), Sample.Exec("/a", "/b"));
        Assert.Equal(5, monitor.TakeLearned().Count);
    }

    [Theory]
    [InlineData(EventFlags.Setup)]
    [InlineData(EventFlags.Snapshot)]
    public void SetupAndSnapshot_AreNeitherLearnedNorJudged(EventFlags flags)
    {
        var monitor = Learning();
        Ingest(
            monitor,
            Sample.Exec("/dev/shm/x", flags: flags),
            Sample.Open("/x", eventFlags: flags, at: 20),
            Sample.Event(EventKind.Unshare, value: 0x2_0000) with { Flags = flags });
        monitor.Guard(Sample.Profile());
        Assert.Empty(monitor.TakeLearned());
        Assert.Empty(_alerts);
        Assert.Equal((3L, 1), (monitor.Events, monitor.Processes));
    }

    [Fact]
    public void SignatureRule_WhileLearning_AlertsAndDoesNotLearn()
    {
        var monitor = Learning();
        Ingest(monitor, Sample.Exec("/dev/shm/x"), Sample.Exec("/usr/bin/new", flags: EventFlags.FileUpperLayer));
        Assert.Equal(["R1000", "R1001"], _alerts.Select(static alert => alert.RuleId));
        Assert.All(_alerts, static alert => Assert.Equal((true, Severity.Critical), (alert.Learning, alert.Severity)));
        Assert.Empty(monitor.TakeLearned());
    }

    [Fact]
    public void Guarding_KnownBehaviour_IsSilentAndUnknownAlerts()
    {
        var monitor = Guarding(Sample.ExecItem("/bin/ls"), new OpenItem("/etc/passwd", 1));
        Ingest(monitor, Sample.Exec("/bin/ls", at: 20), Sample.Open("/etc/passwd", at: 20));
        Assert.Empty(_alerts);

        Ingest(monitor, Sample.Exec("/bin/id", at: 21), Sample.Open("/etc/secret", at: 21));
        Assert.Equal(["R0001", "R0002"], _alerts.Select(static alert => alert.RuleId));
        Assert.Equal(2, monitor.Alerts);
        Assert.Empty(monitor.TakeLearned());
    }

    [Fact]
    public void Alert_OfAnExec_CarriesEverything()
    {
        var monitor = Guarding();
        Ingest(monitor, Sample.Exec("/init", pid: 1, flags: EventFlags.Snapshot), Sample.Fork(10, 1), Sample.Exec("/bin/id", "/bin/busybox", args: ["id", "-u"], at: 20));
        var alert = Assert.Single(_alerts);
        Assert.Equal(("R0001", Severity.Critical, false, 1L, "node-1"), (alert.RuleId, alert.Severity, alert.Learning, alert.Count, alert.Node));
        Assert.Equal(Sample.Boot.AddSeconds(20), alert.Timestamp);
        Assert.Equal(("/bin/busybox", "/work", 10u), (alert.Process.Executable, alert.Process.WorkingDirectory, alert.Process.Pid));
        Assert.Equal(["id", "-u"], alert.Process.Arguments);
        Assert.Equal(new AncestorProcess(1, "p1", "/init"), Assert.Single(alert.Process.Ancestors));
        Assert.Equal(AlertFingerprint.Of("R0001", Sample.Container.Workload, "web", "/bin/id (/bin/busybox)"), alert.Fingerprint);
        Assert.Equal('7', alert.Id[14]);
    }

    [Fact]
    public void Repeats_AreFoldedUntilTheWindowCloses()
    {
        var monitor = Guarding();
        Ingest(monitor, [.. Enumerable.Range(20, 5).Select(static second => Sample.Open("/etc/secret", at: second))]);
        Assert.Single(_alerts);
        _time.Advance(AlertFolding.Window);
        monitor.Tick();
        Assert.Equal((AlertState.Summary, 5L, Sample.Boot.AddSeconds(24)), (_alerts[1].State, _alerts[1].Count, _alerts[1].LastSeen));
        Assert.Equal(1, monitor.Alerts);
    }

    [Fact]
    public void Complete_OpenWindows_SendsSummaries()
    {
        var monitor = Guarding();
        Ingest(monitor, Sample.Open("/etc/secret", at: 20), Sample.Open("/etc/secret", at: 21));
        monitor.Complete();
        Assert.Equal(2, _alerts.Count);
    }

    [Fact]
    public void EventsAfterTheEnd_WaitForTheFinalProfile()
    {
        var monitor = Learning();
        Ingest(monitor, Sample.Exec("/bin/sh", at: 9), Sample.Exec("/bin/sh", at: 11), Sample.Exec("/bin/id", at: 11), Sample.Exec("/bin/id", at: 12));
        Assert.Equal(Sample.ExecItem("/bin/sh"), Assert.Single(monitor.TakeLearned()).Item);
        Assert.Empty(_alerts);

        monitor.Guard(Sample.Profile(Sample.ExecItem("/bin/sh")));
        var alert = Assert.Single(_alerts);
        Assert.Equal((false, Sample.Boot.AddSeconds(11)), (alert.Learning, alert.Timestamp));
    }

    [Fact]
    public void HeldEvent_ProcessGoneWhenJudged_AlertTellsItAsItWas()
    {
        var monitor = Learning();
        Ingest(monitor, Sample.Exec("/bin/a", at: 9), Sample.Open("/etc/secret", at: 11), Sample.Exec("/bin/b", at: 12), Sample.Exit(10));
        monitor.Guard(Sample.Profile(Sample.ExecItem("/bin/a"), Sample.ExecItem("/bin/b")));
        Assert.Equal("/bin/a", Assert.Single(_alerts).Process.Executable);
    }

    [Fact]
    public void BeforeAssignment_EventsAreHeldThenLearnedOrJudged()
    {
        var monitor = Monitor();
        monitor.Describe(Sample.Container);
        Ingest(monitor, Sample.Open("/early", at: 5), Sample.Open("/late", at: 15), Sample.Exec("/dev/shm/x", at: 5));
        Assert.Equal("R1000", Assert.Single(_alerts).RuleId);
        Assert.Empty(monitor.TakeLearned());

        monitor.Assign(Assignment(ProfileState.Final));
        Assert.Equal(new OpenItem("/early", 1), Assert.Single(monitor.TakeLearned()).Item);
        monitor.Guard(Sample.Profile());
        Assert.Equal(["R1000", "R0002"], _alerts.Select(static alert => alert.RuleId));
    }

    [Fact]
    public void BeforeDescribe_EventsAreJudgedAfterIt()
    {
        var monitor = Monitor();
        Ingest(monitor, Sample.Exec("/dev/shm/x"));
        Assert.Empty(_alerts);
        monitor.Describe(Sample.Container);
        Assert.Equal("R1000", Assert.Single(_alerts).RuleId);
    }

    [Fact]
    public void LearnedJustBeforeTheEnd_NotYetInTheProfile_IsNoAlert()
    {
        var monitor = Learning();
        Ingest(monitor, Sample.Exec("/bin/late", at: 9.9), Sample.Open("/late", at: 9.9));
        monitor.Guard(Sample.Profile());
        Ingest(monitor, Sample.Exec("/bin/late", at: 10.1, args: ["late", "other"]), Sample.Open("/late", at: 10.1));
        Assert.Empty(_alerts);

        // Once the profile had it, the profile alone decides: here somebody takes it out again.
        monitor.Guard(Sample.Profile(Sample.ExecItem("/bin/late"), new OpenItem("/late", 1)));
        monitor.Guard(Sample.Profile());
        Ingest(monitor, Sample.Exec("/bin/late", at: 11), Sample.Open("/late", at: 11));
        Assert.Equal(2, _alerts.Count);
    }

    [Fact]
    public void LateArrivalFromLearning_AfterTheFinalProfile_IsLearnedUnlessKnown()
    {
        var monitor = Guarding(new OpenItem("/known", 1));
        Ingest(monitor, Sample.Open("/known", at: 9), Sample.Open("/new", at: 9));
        Assert.Equal(new OpenItem("/new", 1), Assert.Single(monitor.TakeLearned()).Item);
        Assert.Empty(_alerts);
    }

    [Fact]
    public void OldProfileGuards_WhileNewRevisionLearns_OneSeverityLessAndLearned()
    {
        var monitor = Learning();
        monitor.Guard(Sample.ProfileOf("r0", Sample.ExecItem("/bin/known")));
        Ingest(monitor, Sample.Exec("/bin/known"), Sample.Exec("/bin/new"), Sample.Exec("/bin/new", at: 2));
        var alert = Assert.Single(_alerts);
        Assert.Equal(("R0001", Severity.High, true), (alert.RuleId, alert.Severity, alert.Learning));
        Assert.Equal(2, monitor.TakeLearned().Count);

        Ingest(monitor, Sample.Exec("/bin/later", at: 11));
        Assert.Single(_alerts);
        monitor.Guard(Sample.Profile(Sample.ExecItem("/bin/known"), Sample.ExecItem("/bin/new")));
        Assert.Equal((2, Severity.Critical, false), (_alerts.Count, _alerts[1].Severity, _alerts[1].Learning));
    }

    [Theory]
    [MemberData(nameof(Behaviours))]
    public void ContainerNotInTheProfile_EverythingItDoesAlerts(string ruleId, SensorEvent sensorEvent, BehaviourItem item)
    {
        var monitor = Monitor();
        monitor.Describe(Sample.Container with { Name = "debugger", Type = ContainerType.Ephemeral });
        var learning = new WorkloadLearning(Sample.Container.Workload, _learning);
        learning.Register(Sample.Container, Sample.Boot);
        learning.Merge(new ProfileDelta { Slot = new ProfileSlot("web", "r1", false), Generation = 1, Items = [new ObservedItem(item, Sample.Boot)] }, Sample.Boot);
        learning.Complete(Sample.Boot.AddHours(1));
        var profile = learning.Find(ProfileSlot.Unlisted("debugger"))!;
        monitor.Assign(LearnedSlot.AssignmentOf(profile));
        monitor.Guard(new CompiledProfile(profile));

        Ingest(monitor, sensorEvent);

        Assert.Equal(ruleId, _alerts.SingleOrDefault()?.RuleId ?? "");
        Assert.All(_alerts, static alert => Assert.False(alert.Learning));
        Assert.All(_alerts, static alert => Assert.StartsWith("Find out who added container debugger to the running pod", alert.Fix, StringComparison.Ordinal));
        Assert.Empty(monitor.TakeLearned());
    }

    [Fact]
    public void LearnAgain_NewGeneration_LearnsEverythingAnew()
    {
        var monitor = Guarding(new OpenItem("/x", 1));
        monitor.Assign(Assignment(ProfileState.Learning) with { Generation = 2, CompletesAt = Sample.Boot.AddSeconds(60) });
        Ingest(monitor, Sample.Open("/x", at: 30));
        Assert.Single(monitor.TakeLearned());
        Assert.Empty(_alerts);
    }

    [Fact]
    public void Unassign_WhatIsDoneUntilTheNextAssignment_IsLearnedThen()
    {
        var monitor = Guarding(new OpenItem("/x", 1));
        monitor.Unassign();
        Ingest(monitor, Sample.Open("/x", at: 20), Sample.Open("/y", at: 20), Sample.Exec("/dev/shm/x", at: 20));
        Assert.Equal("R1000", Assert.Single(_alerts).RuleId);
        Assert.Equal(2, monitor.TakeUnassigned().Count);

        monitor.Assign(Assignment(ProfileState.Learning) with { Generation = 2, CompletesAt = Sample.Boot.AddSeconds(60) });
        Assert.Equal(["/x", "/y"], monitor.TakeLearned().Select(static learned => ((OpenItem)learned.Item).Path));
        Assert.Single(_alerts);
    }

    [Fact]
    public void PathsThatAreNoNames_AreLearnedUnderAMark()
    {
        const uint TemporaryFile = 0x400000 | 2;
        var monitor = Learning();
        Ingest(
            monitor,
            Sample.Open("/", eventFlags: EventFlags.PathUnreachable),
            Sample.Open(""),
            Sample.Open("etc/passwd", eventFlags: EventFlags.PathTruncated),
            Sample.Open("/tmp/#17", TemporaryFile),
            Sample.Open("/tmp/#18", TemporaryFile),
            Sample.Open("/#19", TemporaryFile));
        Assert.Equal(
            ["(unreachable)/", "(unreachable)", "(truncated)etc/passwd", "/tmp/#tmpfile", "/#tmpfile"],
            monitor.TakeLearned().Select(static item => ((OpenItem)item.Item).Path));
    }

    [Fact]
    public void ProjectedVolume_Rotated_IsTheSameFile()
    {
        var monitor = Learning();
        Ingest(
            monitor,
            Sample.Open("/etc/config/..2026_01_31_12_00_00.1234567890/app.yaml"),
            Sample.Open("/etc/config/..2026_01_31_12_00_00.1234567890/d/app.yaml"),
            Sample.Open("/etc/config/..2026_01_31_12_00_00.1234567890"));
        Ingest(
            monitor,
            Sample.Open("/etc/config/..2026_01_31_13_00_00.987/app.yaml"),
            Sample.Open("/etc/config/..2026_01_31_13_00_00.987"),
            Sample.Open("/etc/config/..data/app.yaml"),
            Sample.Open("/etc/other/..2026_01_31_13_00_00.987/app.yaml"),
            Sample.Open("/etc/config/..2026_01_31_13_00_00./app.yaml"),
            Sample.Open("/etc/config/..2026_01_31_13_00_00.12a/app.yaml"),
            Sample.Open("/etc/config/..2026-01-31_13_00_00.12/app.yaml"));
        Assert.Equal(
            [
                "/etc/config/..data/app.yaml", "/etc/config/..data/d/app.yaml", "/etc/config/..data", "/etc/other/..data/app.yaml",
                "/etc/config/..2026_01_31_13_00_00./app.yaml", "/etc/config/..2026_01_31_13_00_00.12a/app.yaml", "/etc/config/..2026-01-31_13_00_00.12/app.yaml",
            ],
            monitor.TakeLearned().Select(static item => ((OpenItem)item.Item).Path));
    }

    [Fact]
    public void UnreachablePath_LikeAKnownOne_AlertsAndShowsTheRealPath()
    {
        var monitor = Guarding(new OpenItem("/etc/passwd", 1));
        Ingest(monitor, Sample.Open("/etc/passwd", eventFlags: EventFlags.PathUnreachable, at: 20));
        var alert = Assert.Single(_alerts);
        Assert.Equal("/etc/passwd", alert.Event.Path);
        Assert.Contains("(unreachable)/etc/passwd", alert.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Learning_TooMuch_IsDroppedAndCounted()
    {
        var monitor = Learning();
        Ingest(monitor, [.. Enumerable.Range(0, 150).Select(static number => Sample.Open($"/{number}"))]);
        Ingest(monitor, [.. Enumerable.Range(0, 70).Select(static number => Sample.Exec("/bin/x", args: ["x", $"{number}"]))]);
        Ingest(monitor, [.. Enumerable.Range(0, 70).Select(static number => Sample.Exec($"/bin/{number}"))]);
        var learned = monitor.TakeLearned();
        Assert.Equal((100, 100), (learned.Count(static item => item.Item is OpenItem), learned.Count(static item => item.Item is ExecItem)));
        Assert.Equal(50 + 6 + 34, monitor.LearningDropped);

        // The workload makes patterns of many files.
        monitor.HandedOver();
        Ingest(monitor, Sample.Open("/more"), Sample.Exec("/bin/more"));
        Assert.Equal(new OpenItem("/more", 1), Assert.Single(monitor.TakeLearned()).Item);
    }

    [Fact]
    public void Learning_TooMuchOfAnyKind_IsDroppedAndCounted()
    {
        var monitor = Learning();
        for (ushort number = 1; number <= 150; number++)
        {
            Ingest(
                monitor,
                Sample.Syscall($"call{number}"),
                Sample.Capability("KILL", $"call{number}"),
                Sample.Query($"{number}.example"),
                Sample.Connect("10.0.0.1", number));
        }

        Assert.Equal([100, 100, 100, 100], monitor.TakeLearned().GroupBy(static item => item.Item.GetType()).Select(static kind => kind.Count()));
        Assert.Equal(4 * 50, monitor.LearningDropped);
    }

    [Fact]
    public void Held_TooMany_IsDroppedAndCounted()
    {
        _alertOptions.MaxPerMinute = 5000;
        var monitor = Learning();
        Ingest(monitor, [.. Enumerable.Range(0, 5000).Select(static number => Sample.Open($"/{number}", at: 20))]);
        Assert.Equal(5000 - 4096, monitor.HeldDropped);
        Assert.Equal(5000 - 4096, _counters.Of("R0002").SuppressedFor(Suppression.HeldOverflow));
        monitor.Guard(Sample.Profile());
        Assert.Equal(4096, monitor.Alerts);
        Assert.Equal(4096 - 1024, _counters.FoldingOverflows);
    }

    [Fact]
    public void Flood_OfOneRule_IsLimitedCountedAndHidesNoOther()
    {
        _alertOptions.MaxPerMinute = 5;
        var monitor = Guarding();
        Ingest(monitor, [.. Enumerable.Range(0, 1000).Select(static number => Sample.Open($"/{number}", at: 20))]);
        Ingest(monitor, Sample.Exec("/bin/attack", at: 21));

        Assert.Equal(["R0002", "R0002", "R0002", "R0002", "R0002", "R0002", "R0001"], _alerts.Select(static alert => alert.RuleId));
        Assert.EndsWith("R0002 has raised 5 alerts in this container within 60 s, so for as long what else it finds is only counted", _alerts[5].Message, StringComparison.Ordinal);
        Assert.NotEqual(AlertFingerprint.Of("R0002", Sample.Container.Workload, "web", "/5"), _alerts[5].Fingerprint);
        Assert.Equal(994, _counters.Of("R0002").SuppressedFor(Suppression.RateLimit));

        _time.Advance(AlertFolding.Window);
        monitor.Tick();
        Assert.Equal((AlertState.Summary, 995L, _alerts[5].Fingerprint), (_alerts[^1].State, _alerts[^1].Count, _alerts[^1].Fingerprint));
    }

    [Fact]
    public void NoRules_EventsAreCountedAsUnjudged()
    {
        var monitor = Learning(RuleSet.Empty);
        Ingest(monitor, Sample.Fork(20, 10), Sample.Exec("/dev/shm/x"), Sample.Open("/x"), Sample.Event(EventKind.Module), Sample.Exit(20));
        Assert.Equal((3, 3), (monitor.EventsUnjudged, _counters.Of(RuleCounters.NoRule).SuppressedFor(Suppression.NoRules)));

        _bindings.Set(DefaultBinding.Rules);
        Ingest(monitor, Sample.Open("/x", at: 2));
        Assert.Equal(3, monitor.EventsUnjudged);
    }

    [Fact]
    public void RuleThatThrows_OthersGoOn()
    {
        var monitor = Monitor(new RuleSet([new BoundRule(new BrokenRule(), Severity.Low), .. DefaultBinding.Rules.Rules]));
        monitor.Describe(Sample.Container);
        monitor.Assign(Assignment(ProfileState.Learning));
        Ingest(monitor, Sample.Exec("/dev/shm/x"), Sample.Exec("/bin/ls"));
        Assert.Equal("R1000", Assert.Single(_alerts).RuleId);
        Assert.Single(monitor.TakeLearned());
        Assert.Equal(2, monitor.RuleFailures);
    }

    [Fact]
    public void Rules_BoundLater_JudgeTheNextEventAndHaveTheSensorReportAnew()
    {
        var monitor = Learning(RuleSet.Empty);
        Ingest(monitor, Sample.Exec("/dev/shm/x"));
        var before = _repeats.Forgotten;
        Assert.Empty(_alerts);

        _bindings.Set(DefaultBinding.Rules);
        Ingest(monitor, Sample.Exec("/dev/shm/x", at: 2));
        Assert.Equal("R1000", Assert.Single(_alerts).RuleId);
        Assert.Equal(before + 1, _repeats.Forgotten);

        _bindings.Set(RuleSet.Empty);
        Ingest(monitor, Sample.Exec("/dev/shm/y", at: 3));
        Assert.Single(_alerts);
        Assert.Equal(before + 1, _repeats.Forgotten);
    }

    [Fact]
    public void Rules_BoundLater_AreTakenWithoutEvents()
    {
        var monitor = Learning(RuleSet.Empty);
        var before = _repeats.Forgotten;
        _bindings.Set(DefaultBinding.Rules);
        monitor.Tick();
        Assert.Equal(before + 1, _repeats.Forgotten);
    }

    [Fact]
    public void RuleThatRemembers_DoesSoForOneContainerAndThroughOtherBindings()
    {
        var counting = new BoundRule(new CountingRule(), Severity.High);
        var first = Learning(new RuleSet([counting]));
        var second = Learning(new RuleSet([counting]));
        Ingest(first, Sample.Exec("/a"));
        Ingest(second, Sample.Exec("/a"));
        _bindings.Set(new RuleSet([new BoundRule(new BrokenRule(), Severity.Low), counting]));
        Ingest(first, Sample.Exec("/b"));
        _bindings.Set(RuleSet.Empty);
        Ingest(first, Sample.Exec("/c"));
        _bindings.Set(new RuleSet([counting]));
        Ingest(first, Sample.Exec("/d"));

        Assert.Equal(["/a 1", "/a 1", "/b 2", "/d 1"], _alerts.Select(static alert => $"{alert.Event.Path} {alert.Message}"));
    }

    [Fact]
    public void Rules_AreCounted()
    {
        var monitor = Learning();
        Ingest(monitor, Sample.Exec("/dev/shm/x"), Sample.Exec("/dev/shm/x"), Sample.Exec("/bin/ls"));
        monitor.Guard(new CompiledProfile(Sample.ContainerProfile() with { Sections = ProfileSections.None }));
        Ingest(monitor, Sample.Exec("/bin/unknown", at: 20));
        monitor.Tick();

        var count = _counters.Of("R1000");
        Assert.Equal((4, 1, 0), (count.Evaluations, count.Alerts, count.Failures));
        Assert.Equal(1, count.SuppressedFor(Suppression.Fold));
        // Once while there is no profile, once with one that does not know executables.
        Assert.Equal(2, _counters.Of("R0001").SuppressedFor(Suppression.ProfileIncomplete));
    }

    [Fact]
    public void Alert_OnABehaviourTheSensorFilters_HasItsRepeatsReportedAndCounted()
    {
        var monitor = Guarding();
        var open = Sample.Open("/etc/secret", at: 20);
        open.Sighting = 77;
        Ingest(monitor, open);
        open.Repeats = 41;
        Ingest(monitor, open);
        monitor.Complete();

        Assert.Equal([77ul, 77ul], _repeats.Reported);
        Assert.Equal([1L, 42L], _alerts.Select(static alert => alert.Count));
    }

    [Fact]
    public void Rule_ThatNeedsEveryEvent_HasEachReportedOfWhatItNames()
    {
        var monitor = Learning(new RuleSet([new BoundRule(new ShadowRule(), Severity.High)]));
        var open = Sample.Open("/etc/secret");
        open.Sighting = 77;
        var other = Sample.Open("/etc/passwd");
        other.Sighting = 78;

        Ingest(monitor, open, other);

        Assert.Equal([77ul], _repeats.Each);
        Assert.Empty(_repeats.Reported);
    }

    [Theory]
    [InlineData("/tmp/⋯", "/tmp/new", true)]
    [InlineData("/tmp/*", "/tmp/a/b/new", true)]
    [InlineData("/tmp/⋯/new", "/tmp/a/new", false)]
    [InlineData("/tmp/new", "/tmp/new", false)]
    [InlineData("/etc/⋯", "/etc/new", false)]
    [InlineData("/srv/⋯/.ssh/⋯", "/srv/a/.ssh/new", false)]
    [InlineData("/*", "/srv/a/.ssh/new", false)]
    public void Open_CoveredByAPattern_EndsOthersOfItsDirectory_IfAnyNameIsCoveredAndNoneIsSensitive(string pattern, string path, bool expected)
    {
        var monitor = Guarding(new OpenItem(pattern, 1));
        Ingest(monitor, Sample.Open(path, at: 20) with { Directory = 8 });
        Assert.Equal(expected ? [(Sample.Container.CgroupId, 8ul)] : [], _repeats.Ended);
        Assert.Empty(_alerts);
    }

    [Fact]
    public void Open_CoveredByAPattern_WithOtherFlagsOrWithoutADirectory_EndsNoOthers()
    {
        var monitor = Guarding(new OpenItem("/var/cache/⋯", 1), new OpenItem("/var/cache/written", 2));
        Ingest(monitor, Sample.Open("/var/cache/written", 1, at: 20) with { Directory = 8 }, Sample.Open("/var/cache/new", at: 20));
        Assert.Empty(_alerts);
        Ingest(monitor, Sample.Open("/var/cache/new", 1, at: 21) with { Directory = 8 });
        Ingest(monitor, Sample.Open("/var/cache/new", eventFlags: EventFlags.PathUnreachable, at: 21) with { Directory = 8 });
        Assert.Equal(2, _alerts.Count);
        Assert.Empty(_repeats.Ended);
    }

    [Fact]
    public void Open_CoveredByAPattern_WhileARuleLooksAtOpens_EndsNoOthers()
    {
        var monitor = Learning(new RuleSet([new BoundRule(new ShadowRule(), Severity.High), .. DefaultBinding.Rules.Rules]));
        monitor.Guard(Sample.Profile(new OpenItem("/var/cache/⋯", 1)));
        Ingest(monitor, Sample.Open("/var/cache/new", at: 20) with { Directory = 8 });
        Assert.Empty(_repeats.Ended);
    }

    [Fact]
    public void Open_CoveredByAPattern_EndsNoOthersBeforeTheProfileIsTheContainersOwnAndFinal()
    {
        var monitor = Learning();
        var open = Sample.Open("/var/cache/new") with { Directory = 8 };
        monitor.Guard(Sample.ProfileOf("r0", new OpenItem("/var/cache/⋯", 1)));
        Ingest(monitor, open, At(open, 20));
        Assert.Empty(_repeats.Ended);

        // The second was held until now.
        monitor.Guard(Sample.Profile(new OpenItem("/var/cache/⋯", 1)));
        Assert.Single(_repeats.Ended);
        Ingest(monitor, open);
        Assert.Single(_repeats.Ended);
    }

    [Fact]
    public void File_CalledLikeAPattern_IsLearnedAsItself()
    {
        var monitor = Learning();
        Ingest(monitor, Sample.Open("/srv/files/*"), Sample.Open("/⋯/x"), Sample.Open("/⋯/#17", 0x400002));
        var learned = monitor.TakeLearned().Select(static item => (OpenItem)item.Item).ToList();
        Assert.Equal([@"/srv/files/\x2a", @"/\xe2\x8b\xaf/x", @"/\xe2\x8b\xaf/#tmpfile"], learned.Select(static item => item.Path));

        monitor.Guard(Sample.Profile([.. learned]));
        Ingest(monitor, Sample.Open("/srv/files/*", at: 20), Sample.Open("/⋯/x", at: 20), Sample.Open("/⋯/#18", 0x400002, at: 20));
        Assert.Empty(_alerts);
        Ingest(monitor, Sample.Open("/srv/files/other", at: 21), Sample.Open("/other/x", at: 21));
        Assert.Equal(2, _alerts.Count);
    }

    /// <summary>What such a rule does not name is filtered like any other behaviour, and counted when it led to an alert.</summary>
    [Fact]
    public void Rule_ThatNeedsEveryEvent_HasRepeatsReportedOfTheRest()
    {
        var monitor = Learning(new RuleSet([new BoundRule(new ShadowRule(fires: true), Severity.High)]));
        var other = Sample.Open("/etc/passwd");
        other.Sighting = 78;

        Ingest(monitor, other);

        Assert.Empty(_repeats.Each);
        Assert.Equal([78ul], _repeats.Reported);
    }

    [Fact]
    public void RuleThatIsNoLongerCovered_SeesWhatWasPassedWithoutIt()
    {
        var covered = new BoundRule(MiningPortConnection.Type.Create(RuleArguments.Default), Severity.Medium);
        var covering = new BoundRule(new AnyRule(EventKind.RandomX, MiningPortConnection.Type.Descriptor.CoveredBy!), Severity.High);
        var monitor = Learning(new RuleSet([covered, covering]));
        Ingest(monitor, Sample.Connect("192.0.2.1", 3333));
        Assert.Empty(_alerts);
        var before = _repeats.Forgotten;

        _bindings.Set(new RuleSet([covered]));
        Ingest(monitor, Sample.Connect("192.0.2.1", 3333));

        Assert.Equal(before + 1, _repeats.Forgotten);
        Assert.Equal("R1009", Assert.Single(_alerts).RuleId);
    }

    [Fact]
    public void Ssh_SecondSession_IsReportedAndOtherConnectionsAreNot()
    {
        var monitor = Learning();
        Ingest(
            monitor,
            Sample.Connect("10.0.0.9", 443, at: 1) with { Sighting = 70 },
            Sample.Open("/etc/hosts", at: 1.1) with { Sighting = 71 },
            Sample.Open("/etc/ssh/ssh_config", at: 1.2) with { Sighting = 72 },
            Sample.Connect("10.0.0.1", 2222, at: 1.3) with { Sighting = 73 },
            Sample.Connect("10.0.0.1", 22, at: 1.4) with { Sighting = 74 });
        Assert.Equal([72ul, 73ul], _repeats.Each);
        Assert.Equal("R1003", Assert.Single(_alerts).RuleId);
    }

    [Fact]
    public void AnotherProfile_MakesTheSensorReportAnew()
    {
        var monitor = Guarding();
        var before = _repeats.Forgotten;

        monitor.Guard(new CompiledProfile(Sample.ContainerProfile()));

        Assert.Equal(before + 1, _repeats.Forgotten);
    }

    [Fact]
    public void Losses_AreToldOnce()
    {
        var monitor = Learning();
        monitor.Ingest(new EventBatch(1) { LostBefore = 3 });
        monitor.Ingest(new EventBatch(1) { LostBefore = 4 });
        Assert.Equal((7L, 0L, 7L), (monitor.TakeLost(), monitor.TakeLost(), monitor.EventsLost));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void KnownBehaviour_Ingested_AllocatesNothing(bool guarding)
    {
        var at = guarding ? 20 : 1;
        SensorEvent[] events =
        [
            Sample.Fork(20, 10),
            Sample.Exec("/bin/ls", "/bin/busybox", at: at, pid: 20, args: ["ls", "-l", "/"]),
            Sample.Exec("/bin/ls", "/bin/busybox", at: at, pid: 20, args: ["ls", "-l", "/"]),
            Sample.Open("/etc/passwd", 0x80000, at: at, pid: 20),
            Sample.Open("/tmp/#99", 0x400002, at: at, pid: 20),
            Sample.Open("/", eventFlags: EventFlags.PathUnreachable, at: at, pid: 20),
            Sample.Open("/proc/1/stat", at: at, pid: 20),
            Sample.Open("/srv/files/*", at: at, pid: 20),
            Sample.Open("/var/cache/new", at: at, pid: 20) with { Directory = 8 },
            Sample.Syscall("read", at),
            Sample.Capability("NET_BIND_SERVICE", "bind", at: at),
            Sample.Capability("SYS_ADMIN", "mmap", granted: false, at: at),
            Sample.Query("a.example", at),
            Sample.Answer("a.example", ["10.0.0.1", "10.0.0.2"], at: at),
            Sample.Connect("10.0.0.1", 443, at),
            Sample.Network(NetworkAction.Accept, "tcp", "10.9.9.9", 80, at),
            Sample.Event(EventKind.Unshare, at: at, value: 0x200),
            Sample.Open("/etc/ssh/ssh_config", at: at + 1, pid: 20),
            Sample.Connect("10.0.0.1", 22, at + 1.1),
            Sample.Open("/run/secrets/kubernetes.io/serviceaccount/..2026_01_31_12_00_00.123/token", at: at, pid: 20),
            Sample.Exit(20),
        ];
        var monitor = guarding
            ? Guarding(
                Sample.ExecItem("/bin/ls", "/bin/busybox", "-l", "/"),
                new OpenItem("/etc/passwd", 0x80001),
                new OpenItem("(unreachable)/", 1),
                new OpenItem("/proc/1/stat", 1),
                new OpenItem(@"/srv/files/\x2a", 1),
                new OpenItem("/var/cache/⋯", 1),
                new OpenItem("/etc/ssh/ssh_config", 1),
                new OpenItem("/run/secrets/kubernetes.io/serviceaccount/..data/token", 1),
                new SyscallItem("read"),
                new CapabilityItem("NET_BIND_SERVICE", "bind"),
                new CapabilityItem("SYS_ADMIN", "mmap", IsRefused: true),
                Sample.DnsItem("a.example"),
                new NetworkItem(true, "tcp", 443, "10.0.0.1"),
                new NetworkItem(true, "tcp", 22, "10.0.0.1"),
                new NetworkItem(false, "tcp", 80, ""))
            : Learning();
        var batch = Batch(events);

        // New processes, so that the tree takes part; enough of them before to let it and the JIT grow into their final size.
        uint round = 0;
        for (; round < 3000; round++)
        {
            Renew(batch, round);
            monitor.Ingest(batch);
        }

        monitor.TakeLearned();
        Assert.Equal(0, Allocations.Of(() =>
        {
            for (var end = round + 1000; round < end; round++)
            {
                Renew(batch, round);
                monitor.Ingest(batch);
                monitor.TakeLearned();
            }
        }));
        Assert.Empty(_alerts);

        void Renew(EventBatch renewed, uint round)
        {
            renewed.Clear();
            foreach (var sensorEvent in events)
            {
                ref var place = ref renewed.Add();
                place = sensorEvent;
                place.Process = sensorEvent.Process with { Key = Sample.Key(1000 + round) };
            }
        }
    }

    private static EventBatch Batch(SensorEvent[] events)
    {
        var batch = new EventBatch(events.Length);
        foreach (var sensorEvent in events)
        {
            batch.Add() = sensorEvent;
        }

        return batch;
    }

    [Fact]
    public void Rules_TimeIsEstimatedFromOneEvaluationOfMany()
    {
        var slow = new SlowRule(_time);
        var monitor = Learning(new RuleSet([new BoundRule(slow, Severity.Low)]));
        for (var i = 0; i < 10 * RuleCount.TimedOneOf; i++)
        {
            Ingest(monitor, Sample.Exec("/bin/ls"));
        }

        monitor.Tick();

        var count = _counters.Of(slow.Descriptor.Id);
        Assert.Equal(10 * RuleCount.TimedOneOf, count.Evaluations);
        Assert.Equal(TimeSpan.FromMilliseconds(count.Evaluations), count.Time);
    }

    [Fact]
    public void Alert_OfAProgramWithASecret_DoesNotShowItAnywhere()
    {
        var monitor = Guarding(Sample.ExecItem("/bin/known", null, "-x"));
        Ingest(monitor, Sample.Exec("/bin/known", args: ["known", "--password=hunter2", "-y"], at: 20), Sample.Open("/etc/shadow", at: 21));

        Assert.Contains(_alerts, static alert => alert.RuleId == "R0040");
        Assert.Contains(_alerts, static alert => alert.Event.Kind == EventKind.Open);
        Assert.All(_alerts, static alert =>
        {
            var json = new System.Buffers.ArrayBufferWriter<byte>();
            AlertJson.Write(json, alert);
            var text = System.Text.Encoding.UTF8.GetString(json.WrittenSpan);
            Assert.DoesNotContain("hunter2", text, StringComparison.Ordinal);
            Assert.Equal(["known", "--password=***", "-y"], alert.Process.Arguments);
        });
        var exec = _alerts.First(static alert => alert.RuleId == "R0040");
        Assert.Equal(["known", "--password=***", "-y"], exec.Event.Exec!.Arguments);
        Assert.Equal("Unexpected process arguments: /bin/known was started with '--password=***' -y", exec.Message);

        // Any arguments are allowed: nobody can allow those that are not shown.
        Assert.EndsWith("--exec /bin/known --executable /bin/known", exec.Fix, StringComparison.Ordinal);
    }

    [Fact]
    public void Alerts_OfProgramsThatDifferInASecretAlone_AreTwo()
    {
        var monitor = Guarding(Sample.ExecItem("/bin/known", null, "-x"));
        Ingest(
            monitor,
            Sample.Exec("/bin/known", args: ["known", "--password=one"], at: 20),
            Sample.Exec("/bin/known", args: ["known", "--password=two"], at: 21, pid: 11),
            Sample.Exec("/bin/known", args: ["known", "--password=one"], at: 22, pid: 12),
            Sample.Exec("/bin/known", args: ["known", "--password=one", "-y"], at: 23, pid: 13));

        // Who has the fingerprint cannot try passwords with it.
        Assert.Equal(3, _alerts.Count);
        Assert.Equal(_alerts[0].Fingerprint, _alerts[1].Fingerprint);
        Assert.NotEqual(_alerts[0].Fingerprint, _alerts[2].Fingerprint);
        Assert.Equal(_alerts[0].Message, _alerts[1].Message);
    }

    [Fact]
    public void ProgramWithASecret_IsLearnedAsItIs()
    {
        var monitor = Learning();
        Ingest(monitor, Sample.Exec("/bin/known", args: ["known", "--password=hunter2"]));

        Assert.Equal(Sample.ExecItem("/bin/known", null, "--password=hunter2"), Assert.Single(monitor.TakeLearned()).Item);
    }

    private static void Ingest(ContainerMonitor monitor, params SensorEvent[] events) => monitor.Ingest(Batch(events));

    private static ProfileAssignment Assignment(ProfileState state) => new()
    {
        Slot = new ProfileSlot("web", "r1", false),
        Generation = 1,
        State = state,
        CompletesAt = Sample.Boot.AddSeconds(10),
    };

    /// <summary>Notes what it is asked for.</summary>
    private sealed class FakeRepeatFilter : IRepeatFilter
    {
        public List<ulong> Reported { get; } = [];

        public List<ulong> Each { get; } = [];

        public List<(ulong CgroupId, ulong Directory)> Ended { get; } = [];

        public int Forgotten { get; private set; }

        public void ReportRepeats(ulong cgroupId, ulong sighting) => Reported.Add(sighting);

        public void ReportEach(ulong cgroupId, ulong sighting) => Each.Add(sighting);

        public void EndOpensIn(ulong cgroupId, ulong directory) => Ended.Add((cgroupId, directory));

        public void ForgetAll(ulong cgroupId) => Forgotten++;
    }

    private ContainerMonitor Monitor(RuleSet? rules = null)
    {
        _bindings.Set(rules ?? DefaultBinding.Rules);
        return new(
            new NodeRules(_bindings, _counters, "10.96.0.1"), _alerts, _repeats, new BootClock(), _time, _learning, _alertOptions, NullLogger<ContainerMonitor>.Instance);
    }

    private ContainerMonitor Learning(RuleSet? rules = null)
    {
        var monitor = Monitor(rules);
        monitor.Describe(Sample.Container);
        monitor.Assign(Assignment(ProfileState.Learning));
        return monitor;
    }

    private ContainerMonitor Guarding(params BehaviourItem[] items)
    {
        var monitor = Learning();
        monitor.Guard(Sample.Profile(items));
        return monitor;
    }

    private static SensorEvent At(SensorEvent sensorEvent, double seconds) => sensorEvent with { Timestamp = (long)(seconds * 1e9) };

    private sealed class SettableRules : IRuleBindings
    {
        private RuleSet _rules = RuleSet.Empty;

        public long Version { get; private set; }

        public void Set(RuleSet rules) => (_rules, Version) = (rules, Version + 1);

        public RuleSet RulesOf(ContainerDescription container) => _rules;
    }

    /// <summary>Fires on each event, with the number of events it has seen of its container as message.</summary>
    private sealed class CountingRule : IRule
    {
        private int _seen;

        public RuleDescriptor Descriptor { get; } = new AnyRule(EventKind.Exec).Descriptor with { Id = "R9997" };

        public Finding? Evaluate(in SensorEvent sensorEvent, in RuleContext context) => new(sensorEvent.Path, $"{++_seen}", "", "");

        public IRule ForContainer() => new CountingRule();
    }

    private sealed class AnyRule(EventKind kind, string id = "R9998") : IRule
    {
        public RuleDescriptor Descriptor { get; } = new()
        {
            Id = id,
            Name = "Any",
            Description = "",
            Severity = Severity.High,
            Tags = [],
            Mitre = new MitreTechnique("", "", ""),
            Events = [kind],
            NeedsProfile = false,
            FalsePositives = "",
        };

        public Finding? Evaluate(in SensorEvent sensorEvent, in RuleContext context) => new("", "", "", "");
    }

    /// <summary>Has to see who opens one file, whether it finds something or not.</summary>
    private sealed class ShadowRule(bool fires = false) : IRule
    {
        public RuleDescriptor Descriptor { get; } = new AnyRule(EventKind.Open).Descriptor with { Delivery = Delivery.Every };

        public Finding? Evaluate(in SensorEvent sensorEvent, in RuleContext context) => fires ? new(sensorEvent.Path, "", "", "") : null;

        public bool NeedsEvery(in SensorEvent sensorEvent) => sensorEvent.Path == "/etc/secret";
    }

    /// <summary>Takes a millisecond.</summary>
    private sealed class SlowRule(FakeTimeProvider time) : IRule
    {
        public RuleDescriptor Descriptor { get; } = new AnyRule(EventKind.Exec, "R9996").Descriptor;

        public Finding? Evaluate(in SensorEvent sensorEvent, in RuleContext context)
        {
            time.Advance(TimeSpan.FromMilliseconds(1));
            return null;
        }
    }

    private sealed class BrokenRule : IRule
    {
        public RuleDescriptor Descriptor { get; } = new()
        {
            Id = "R9999",
            Name = "Broken",
            Description = "",
            Severity = Severity.Low,
            Tags = [],
            Mitre = new MitreTechnique("", "", ""),
            Events = [EventKind.Exec],
            NeedsProfile = false,
            FalsePositives = "",
        };

        public Finding? Evaluate(in SensorEvent sensorEvent, in RuleContext context) => throw new InvalidOperationException("broken");
    }
}
