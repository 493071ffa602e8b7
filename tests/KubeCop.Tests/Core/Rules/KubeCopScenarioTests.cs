using KubeCop.Core.Alerts;
using KubeCop.Core.Events;
using KubeCop.Core.Profiles;
using KubeCop.Core.Rules;
using KubeCop.Grains.Abstractions.Workloads;
using KubeCop.Grains.Containers;
using KubeCop.Tests.Core.Alerts;
using KubeCop.Tests.Grains.Containers;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace KubeCop.Tests.Core.Rules;

/// <summary>
/// The scenarios of KubeCop's own unit tests, rule by rule, through the engine: each gives the alert its authors intended. In two things ours
/// differs on purpose. Without a profile KubeCop's rules failed; ours are silent, and count that they were. And where KubeCop took a section
/// that is missing for an empty one (R0003), ours asks whether it was learned.
/// </summary>
public sealed class KubeCopScenarioTests
{
    private const string Token = "/run/secrets/kubernetes.io/serviceaccount/token";
    private const string ApiServer = "10.96.0.1";

    private readonly RuleCounters _counters = new();
    private readonly AlertList _alerts = [];

    public static TheoryData<string, SensorEvent> Deviations => new()
    {
        { "R0001", Sample.Exec("/test") },
        { "R0002", Sample.Open("/test") },
        { "R0003", Sample.Syscall("test") },
        { "R0004", Sample.Capability("test_cap", "test_call") },
        { "R0005", Sample.Query("test.com") },
        { "R0006", Sample.Open(Token) },
        { "R0007", Sample.Exec("/usr/bin/kubectl") },
        { "R0007", Sample.Connect(ApiServer, 443) },
    };

    [Theory]
    [MemberData(nameof(Deviations))]
    public void NoProfile_KubeCopFailed_WeAreSilentAndCountIt(string rule, SensorEvent sensorEvent)
    {
        Assert.Empty(Alerts(rule, profile: null, sensorEvent));
        Assert.Equal(1, _counters.Of(rule).SuppressedFor(Suppression.ProfileIncomplete));
    }

    [Theory]
    [MemberData(nameof(Deviations))]
    public void EmptyProfile_AlertsWithAFix(string rule, SensorEvent sensorEvent) =>
        Assert.StartsWith("kubecop profiles allow ", Assert.Single(Alerts(rule, Sample.Profile(), sensorEvent)).Fix, StringComparison.Ordinal);

    [Fact]
    public void R0001_PathInProfile_IsSilent() => Assert.Empty(Alerts("R0001", Sample.Profile(Sample.ExecItem("/test")), Sample.Exec("/test")));

    [Fact]
    public void R0002_SamePathAndFlag_IsSilent() => Assert.Empty(Alerts("R0002", Sample.Profile(ReadOnly("/test")), Sample.Open("/test")));

    [Fact]
    public void R0002_SamePathOtherFlag_Alerts() => Assert.Single(Alerts("R0002", Sample.Profile(ReadOnly("/test")), Sample.Open("/test", 1)));

    [Fact]
    public void R0002_BelowAVolumeMountThatIsIgnored_IsSilent() =>
        Assert.Empty(AlertsWith(new() { ["ignoreMounts"] = true }, "R0002", Sample.Profile(), Sample.Open("/var/test1/test")));

    [Fact]
    public void R0002_BelowAnIgnoredPrefix_IsSilent() => Assert.Empty(AlertsWith(
        new() { ["ignoreMounts"] = false, ["ignorePrefixes"] = new[] { "/var" } }, "R0002", Sample.Profile(), Sample.Open("/var/test1/test")));

    [Fact]
    public void R0003_InProfile_IsSilent() => Assert.Empty(Alerts("R0003", Sample.Profile(new SyscallItem("test")), Sample.Syscall("test")));

    [Fact]
    public void R0003_ProfileWithoutSystemCalls_KubeCopFailedOnEveryPoll_WeAreSilentAndCountIt()
    {
        var older = new CompiledProfile(Sample.ContainerProfile() with { Sections = ProfileSections.Execs | ProfileSections.Opens });
        Assert.Empty(Alerts("R0003", older, Sample.Syscall("test")));
        Assert.Equal(1, _counters.Of("R0003").SuppressedFor(Suppression.ProfileIncomplete));
    }

    [Fact]
    public void R0004_InProfile_IsSilent() =>
        Assert.Empty(Alerts("R0004", Sample.Profile(new CapabilityItem("test_cap", "test_call")), Sample.Capability("test_cap", "test_call")));

    [Fact]
    public void R0004_Again_KubeCopAlertedEachTime_WeFoldIt()
    {
        var use = Sample.Capability("test_cap", "test_call");
        Assert.Single(Alerts("R0004", Sample.Profile(), use, use, use));
    }

    [Fact]
    public void R0005_InProfile_IsSilent() => Assert.Empty(Alerts("R0005", Sample.Profile(Sample.DnsItem("test.com.")), Sample.Query("test.com")));

    [Fact]
    public void R0005_QueryAndResponse_KubeCopAlertedTwice_WeAlertOnce() =>
        Assert.Single(Alerts("R0005", Sample.Profile(), Sample.Query("test.com"), Sample.Answer("test.com", ["10.0.0.1"])));

    [Fact]
    public void R0006_OtherTokenDirectoryInProfile_IsSilent() => Assert.Empty(Alerts("R0006", Sample.Profile(ReadOnly("/var" + Token)), Sample.Open(Token)));

    [Fact]
    public void R0007_NormalProgramInProfile_IsSilent() => Assert.Empty(Alerts("R0007", Sample.Profile(Sample.ExecItem("/test")), Sample.Exec("/test")));

    [Theory]
    [InlineData("/kubectl")]
    [InlineData("/a/b/c/kubectl")]
    public void R0007_Kubectl_Alerts(string path) => Assert.Single(Alerts("R0007", Sample.Profile(Sample.ExecItem("/test")), Sample.Exec(path)));

    [Fact]
    public void R0007_KubectlInProfile_IsSilent() => Assert.Empty(Alerts("R0007", Sample.Profile(Sample.ExecItem("/kubectl")), Sample.Exec("/kubectl")));

    [Fact]
    public void R0007_ApiServerInProfile_IsSilent() =>
        Assert.Empty(Alerts("R0007", Sample.Profile(new NetworkItem(true, "tcp", 443, ApiServer)), Sample.Connect(ApiServer, 443)));

    [Fact]
    public void R0007_OtherAddressInProfile_Alerts() =>
        Assert.Single(Alerts("R0007", Sample.Profile(new NetworkItem(true, "tcp", 443, "10.96.0.2")), Sample.Connect(ApiServer, 443)));

    [Fact]
    public void R1000_OrdinaryPath_IsSilent() => Assert.Empty(Alerts("R1000", null, Sample.Exec("/test")));

    [Fact]
    public void R1000_ProcSelfFd_Alerts() => Assert.Single(Alerts("R1000", null, Sample.Exec("/proc/self/fd/3", "/test")));

    [Fact]
    public void R1001_NotInAnUpperLayer_IsSilent() => Assert.Empty(Alerts("R1001", null, Sample.Exec("/test")));

    [Fact]
    public void R1001_InTheUpperLayer_Alerts() => Assert.Single(Alerts("R1001", null, Sample.Exec("/test", flags: EventFlags.FileUpperLayer)));

    [Fact]
    public void R1002_OtherSystemCall_IsSilent() => Assert.Empty(Alerts("R1002", null, Sample.Syscall("test")));

    [Fact]
    public void R1002_InitModule_KubeCopAlertedEachSecond_WeAlertOnce()
    {
        var load = Sample.Event(EventKind.Module);
        Assert.Single(Alerts("R1002", null, load, load, load));
    }

    [Fact]
    public void R1003_SshdConfigThenPort2222InTime_Alerts() => Assert.Single(Alerts("R1003", null, SshdConfig(at: 1), Connect(2222, at: 2)));

    [Fact]
    public void R1003_ThenPort22_IsSilent() => Assert.Empty(Alerts("R1003", null, SshdConfig(at: 1), Connect(22, at: 2)));

    [Fact]
    public void R1003_OtherProcess_IsSilent() => Assert.Empty(Alerts("R1003", null, SshdConfig(at: 1), Connect(2222, at: 2, pid: 2)));

    [Fact]
    public void R1003_AfterTheAlert_KubeCopDisarmed_WeFoldTheSamePeer() =>
        Assert.Single(Alerts("R1003", null, SshdConfig(at: 1), Connect(2222, at: 2), Connect(2222, at: 2.5)));

    [Fact]
    public void R1003_Late_IsSilent() => Assert.Empty(Alerts("R1003", null, SshdConfig(at: 1), Connect(2222, at: 5)));

    [Fact]
    public void R1004_OrdinaryPath_IsSilent() => Assert.Empty(Alerts("R1004", null, Sample.Exec("/test")));

    [Fact]
    public void R1004_BelowAMount_Alerts() => Assert.Single(Alerts("R1004", null, Sample.Exec("/var/test1/test")));

    [Fact]
    public void R1006_OtherSystemCall_IsSilent() => Assert.Empty(Alerts("R1006", null, Sample.Syscall("test")));

    [Fact]
    public void R1006_Unshare_Alerts() => Assert.Single(Alerts("R1006", null, Sample.Event(EventKind.Unshare, value: 0x1000_0000)));

    [Fact]
    public void R1007_Port2222_IsSilent() => Assert.Empty(Alerts("R1007", null, Sample.Connect("1.1.1.1", 2222)));

    [Fact]
    public void R1007_Port3333_Alerts() => Assert.Single(Alerts("R1007", null, Sample.Connect("1.1.1.1", 3333)));

    [Fact]
    public void R1007_PoolDomain_Alerts() => Assert.Single(Alerts("R1007", null, Sample.Query("zergpool.com")));

    [Fact]
    public void R1007_RandomX_Alerts() => Assert.Single(Alerts("R1007", null, Sample.Event(EventKind.RandomX)));

    private static OpenItem ReadOnly(string path) => new(path, OpenFlags.ToSet(0));

    private static SensorEvent SshdConfig(double at) => Sample.Open("/etc/ssh/sshd_config", at: at, pid: 1);

    private static SensorEvent Connect(ushort port, double at, uint pid = 1) => Sample.Connect("1.1.1.1", port, at) with { Process = Sample.Process(pid) };

    private List<Alert> Alerts(string rule, CompiledProfile? profile, params SensorEvent[] events) => AlertsWith([], rule, profile, events);

    /// <summary>What the rule alone tells of a container that the profile guards, or that is still learning when there is none.</summary>
    private List<Alert> AlertsWith(Dictionary<string, object?> parameters, string rule, CompiledProfile? profile, params SensorEvent[] events)
    {
        var type = RuleCatalog.Types.Single(type => type.Descriptor.Id == rule);
        var bound = new BoundRule(type.Create(RuleArguments.Read(type.Descriptor, parameters)), type.Descriptor.Severity);
        var monitor = new ContainerMonitor(
            new NodeRules(new FixedRules(new RuleSet([bound])), _counters, ApiServer),
            _alerts,
            new NoRepeatFilter(),
            new BootClock(),
            new FakeTimeProvider(Sample.Boot),
            new LearningOptions(),
            new AlertOptions(),
            NullLogger<ContainerMonitor>.Instance);
        monitor.Describe(Sample.Container with { Mounts = ["/var/test1"] });
        monitor.Assign(new ProfileAssignment
        {
            Slot = new ProfileSlot("web", "r1", false),
            Generation = 1,
            State = profile is null ? ProfileState.Learning : ProfileState.Final,
            CompletesAt = profile is null ? Sample.Boot.AddHours(1) : Sample.Boot,
        });
        monitor.Guard(profile);

        var batch = new EventBatch(events.Length);
        foreach (var sensorEvent in events)
        {
            batch.Add() = sensorEvent;
        }

        monitor.Ingest(batch);
        return _alerts;
    }
}
