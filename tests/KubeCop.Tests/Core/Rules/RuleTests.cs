using KubeCop.Core.Events;
using KubeCop.Core.Profiles;
using KubeCop.Core.Rules;
using KubeCop.Core.Rules.Data;
using KubeCop.Core.Rules.Deviations;
using KubeCop.Core.Rules.Signatures;
using KubeCop.Host.Bindings;

namespace KubeCop.Tests.Core.Rules;

public sealed class RuleTests
{
    private static readonly IRule FileAccess = DefaultBinding.Rules.For(EventKind.Open)[0].Rule;

    [Theory]
    [InlineData("/bin/ls", "/bin/busybox", false)]
    [InlineData("/bin/cat", "/bin/busybox", true)]
    [InlineData("/bin/ls", "/tmp/ls", true)]
    [InlineData("/bin/ls/", "/bin/busybox", true)]
    public void UnexpectedProcess_PairOfPathAndExecutable_FiresWhenUnknown(string path, string executable, bool fires)
    {
        var finding = Evaluate(new UnexpectedProcessLaunched(), Sample.Exec(path, executable), Sample.Profile(Sample.ExecItem("/bin/ls", "/bin/busybox")));
        Assert.Equal(fires, finding is not null);
    }

    [Fact]
    public void UnexpectedProcess_Finding_NamesProgramAndAllowsIt()
    {
        var finding = Evaluate(new UnexpectedProcessLaunched(), Sample.Exec("/bin/it's", "/bin/busybox"), Sample.Profile());
        Assert.NotNull(finding);
        Assert.Equal("/bin/it's (/bin/busybox)", finding.Subject);
        Assert.Equal(@"kubecop profiles allow shop/deployment-web --container web --exec '/bin/it'\''s' --executable /bin/busybox", finding.Fix);
    }

    [Theory]
    [InlineData("/etc/known", 0u, false)]
    [InlineData("/etc/known", 0x80000u, false)] // O_CLOEXEC was learned too
    [InlineData("/etc/known", 1u, true)]
    [InlineData("/etc/shadow", 0u, true)]
    [InlineData("/proc/1/environ", 0u, false)]
    [InlineData("/process", 0u, true)]
    [InlineData("/tmp/x", 0u, false)]
    [InlineData("/tmpfoo", 0u, true)]
    [InlineData("/data/x", 0u, false)]
    [InlineData("/database", 0u, true)]
    [InlineData("/etc/config/x", 0u, false)]
    [InlineData("/etc/config.bak", 0u, true)]
    [InlineData("/run/secrets/kubernetes.io/serviceaccount/token", 0u, false)]
    [InlineData("(unreachable)/tmp/x", 0u, true)]
    public void UnexpectedFile_DefaultBinding_FiresForUnknownPathOrFlags(string path, uint flags, bool fires)
    {
        var profile = Sample.Profile(new OpenItem("/etc/known", OpenFlags.ToSet(0x80000)));
        Assert.Equal(fires, Evaluate(FileAccess, Sample.Open(path, flags), profile) is not null);
    }

    [Fact]
    public void UnexpectedFile_Finding_NamesFlagsAndAllowsThem()
    {
        var finding = Evaluate(FileAccess, Sample.Open("/etc/shadow", 0x80000), Sample.Profile());
        Assert.NotNull(finding);
        Assert.Equal("/etc/shadow", finding.Subject);
        Assert.Contains("/etc/shadow with O_RDONLY, O_CLOEXEC", finding.Message, StringComparison.Ordinal);
        Assert.Equal("kubecop profiles allow shop/deployment-web --container web --open /etc/shadow --flags O_RDONLY,O_CLOEXEC", finding.Fix);
    }

    [Fact]
    public void UnexpectedFile_ReadThenWritten_AreTwoSubjects()
    {
        var read = Evaluate(FileAccess, Sample.Open("/etc/passwd"), Sample.Profile());
        var written = Evaluate(FileAccess, Sample.Open("/etc/passwd", 1), Sample.Profile());
        Assert.NotEqual(read!.Subject, written!.Subject);
    }

    [Fact]
    public void UnexpectedFile_WithoutParameters_IgnoresNothing()
    {
        var rule = UnexpectedFileAccess.Type.Create(RuleArguments.Default);
        Assert.NotNull(Evaluate(rule, Sample.Open("/tmp/x"), Sample.Profile()));
        Assert.NotNull(Evaluate(rule, Sample.Open("/data/x"), Sample.Profile()));
    }

    [Theory]
    [InlineData("/dev/shm/x", "/dev/shm/x", EventFlags.None, "/dev/shm")]
    [InlineData("/run/x", "/run/x", EventFlags.None, "/run")]
    [InlineData("/var/run/x", "/run/x", EventFlags.None, "/run")]
    [InlineData("/usr/bin/innocent", "/dev/shm/x", EventFlags.None, "/dev/shm")] // a link
    [InlineData("/run/x.sh", "/bin/sh", EventFlags.None, "/run")] // a script
    [InlineData("/proc/self/fd/3", "/usr/bin/x", EventFlags.None, "/proc/self")]
    [InlineData("/proc/77/root/x", "/x", EventFlags.None, "/proc/<pid>")]
    [InlineData("/proc/self/exe", "/bin/busybox", EventFlags.None, null)] // a shell that runs an applet
    [InlineData("/proc/thread-self/exe", "/bin/busybox", EventFlags.None, null)]
    [InlineData("/proc/10/exe", "/usr/bin/runner", EventFlags.None, null)]
    [InlineData("/proc/self/exe", "/bin/busybox", EventFlags.FileUpperLayer, "/proc/self")]
    [InlineData("/proc/self/exe", "/bin/busybox", EventFlags.FileDeleted, "/proc/self")]
    [InlineData("/proc/self/exe", "/usr/bin/runc", EventFlags.PathUnreachable, "/proc/self")] // of the host
    [InlineData("/proc/self/exe", "/memfd:x", EventFlags.FileInMemory, "memory (memfd)")]
    [InlineData("/proc/self/exe", "/dev/shm/x", EventFlags.None, "/dev/shm")]
    [InlineData("/proc/self/exe", "", EventFlags.None, "/proc/self")] // refused before it was resolved
    [InlineData("/proc/self/fd/3", "/bin/busybox", EventFlags.None, "/proc/self")]
    [InlineData("/dev/fd/5", "/memfd:x", EventFlags.FileInMemory, "memory (memfd)")]
    [InlineData("/usr/bin/x", "/usr/bin/x", EventFlags.FileDeleted, "a deleted file")]
    [InlineData("/usr/bin/x", "/usr/bin/x", EventFlags.PathUnreachable, "a place that no path of the container leads to")]
    [InlineData("a/b/x", "a/b/x", EventFlags.PathTruncated, "a path too deep to be seen whole")]
    [InlineData("/runner/x", "/runner/x", EventFlags.None, null)]
    [InlineData("/var/runx", "/var/runx", EventFlags.None, null)]
    [InlineData("/dev/.x", "/dev/.x", EventFlags.None, "/dev")]
    [InlineData("/devices/x", "/devices/x", EventFlags.None, null)]
    [InlineData("/usr/bin/x", "/usr/bin/x", EventFlags.FileUpperLayer, null)]
    public void MaliciousSource_InvokedAndResolvedPath_FiresWithSource(string path, string executable, EventFlags flags, string? source)
    {
        var finding = Evaluate(new ExecFromMaliciousSource(), Sample.Exec(path, executable, flags), null);
        if (source is null)
        {
            Assert.Null(finding);
        }
        else
        {
            Assert.EndsWith($"was started from {source}", finding?.Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData(EventFlags.FileUpperLayer, true)]
    [InlineData(EventFlags.FileUpperLayer | EventFlags.Entered, true)]
    [InlineData(EventFlags.FileUpperLayer | EventFlags.FileDeleted, true)]
    [InlineData(EventFlags.None, false)]
    [InlineData(EventFlags.FileInMemory, false)]
    public void NotInBaseImage_UpperLayer_Fires(EventFlags flags, bool fires)
    {
        var finding = Evaluate(new ExecBinaryNotInBaseImage(), Sample.Exec("/usr/bin/x", flags: flags), null);
        Assert.Equal(fires, finding is not null);
        Assert.True(finding is null || finding.Message.Contains("registry/web:1", StringComparison.Ordinal));
    }

    [Fact]
    public void UnexpectedProcess_LookedForAlongPath_IsNoFinding() =>
        Assert.Null(Evaluate(new UnexpectedProcessLaunched(), Sample.Refused(Sample.Exec("/usr/local/bin/ls"), error: 2), Sample.Profile()));

    [Fact]
    public void UnexpectedSyscall_Finding_NamesAndAllowsIt()
    {
        var rule = UnexpectedSystemCall.Type.Create(RuleArguments.Default);
        Assert.Null(Evaluate(rule, Sample.Syscall("read"), Sample.Profile(new SyscallItem("read"))));
        Assert.Equal(
            new Finding(
                "unshare",
                "Unexpected system call: unshare",
                "Only system calls of the profile are made.",
                "kubecop profiles allow shop/deployment-web --container web --syscall unshare"),
            Evaluate(rule, Sample.Syscall("unshare"), Sample.Profile(new SyscallItem("read"))));
    }

    [Fact]
    public void UnexpectedSyscall_ThatReachesNothing_FiresOnlyWhenAskedFor()
    {
        var strict = UnexpectedSystemCall.Type.Create(RuleArguments.Read(UnexpectedSystemCall.Type.Descriptor, new Dictionary<string, object?> { ["ignoreHarmless"] = false }));
        Assert.All(RuleData.Read("harmless-syscalls"), name =>
        {
            Assert.True(SystemCalls.Exists(name), $"There is no {name}.");
            Assert.Null(Evaluate(UnexpectedSystemCall.Type.Create(RuleArguments.Default), Sample.Syscall(name), Sample.Profile()));
            Assert.NotNull(Evaluate(strict, Sample.Syscall(name), Sample.Profile()));
        });
        Assert.NotNull(Evaluate(UnexpectedSystemCall.Type.Create(RuleArguments.Default), Sample.Syscall("personality"), Sample.Profile()));
    }

    [Theory]
    [InlineData("NET_ADMIN", "socket", true, false)]
    [InlineData("NET_ADMIN", "socket", false, false)] // may be used, so may be refused
    [InlineData("NET_ADMIN", "bind", true, true)]
    [InlineData("SYS_ADMIN", "mmap", false, false)]
    [InlineData("SYS_ADMIN", "mmap", true, true)]
    [InlineData("CHOWN", "fchownat", true, false)]
    [InlineData("SYS_MODULE", "finit_module", false, true)]
    public void UnexpectedCapability_SyscallAndVerdict_FiresWhenUnknown(string name, string syscall, bool granted, bool fires)
    {
        var profile = Sample.Profile(
            new CapabilityItem("NET_ADMIN", "socket"),
            new CapabilityItem("SYS_ADMIN", "mmap", IsRefused: true),
            new CapabilityItem("CHOWN", CapabilityItem.AnySyscall));
        var finding = Evaluate(new UnexpectedCapabilityUsed(), Sample.Capability(name, syscall, granted), profile);
        Assert.Equal(fires, finding is not null);
        if (finding is not null)
        {
            Assert.Equal(!granted, finding.Message.Contains("refused", StringComparison.Ordinal));
            Assert.Equal($"kubecop profiles allow shop/deployment-web --container web --{(granted ? "" : "refused-")}capability {name}:{syscall}", finding.Fix);
        }
    }

    [Theory]
    [InlineData("example.com", false)]
    [InlineData("kubecop.example", false)] // written as KubeCop writes names
    [InlineData("evil.example.com", true)]
    [InlineData("ample.com", true)]
    [InlineData(".", true)]
    public void UnexpectedDomain_NamesOfAProfile_FiresWhenUnknown(string name, bool fires)
    {
        var profile = Sample.Profile(Sample.DnsItem("example.com"), Sample.DnsItem("KubeCop.Example."));
        Assert.Equal(fires, Evaluate(new UnexpectedDomainRequest(), Sample.Query(name), profile) is not null);
        Assert.Equal(fires, Evaluate(new UnexpectedDomainRequest(), Sample.Answer(name, ["10.0.0.1"]), profile) is not null);
    }

    [Fact]
    public void UnexpectedDomain_HostileName_IsAllowedByAPlainWord()
    {
        var finding = Evaluate(new UnexpectedDomainRequest(), Sample.Query("$(reboot)\u001b[2J.example"), Sample.Profile());
        Assert.Equal(@"kubecop profiles allow shop/deployment-web --container web --dns=$'$(reboot)\033[2J.example'", finding?.Fix);
    }

    [Theory]
    [InlineData("/usr/bin/kubectl", "/usr/bin/kubectl", true)]
    [InlineData("/a/b/c/kubectl", "/bin/busybox", true)]
    [InlineData("/tmp/x", "/usr/bin/crictl", true)] // a link
    [InlineData("/usr/bin/known/kubectl", "/usr/bin/known/kubectl", false)]
    [InlineData("/usr/bin/kubectl2", "/usr/bin/kubectl2", false)]
    [InlineData("/kubectl/ls", "/kubectl/ls", false)]
    public void KubernetesClient_Exec_FiresForClientsThatAreUnknown(string path, string executable, bool fires)
    {
        var finding = Evaluate(new KubernetesClientExecuted(), Sample.Exec(path, executable), Sample.Profile(Sample.ExecItem("/usr/bin/known/kubectl")));
        Assert.Equal(fires, finding is not null);
        Assert.True(finding is null || finding.Fix.EndsWith($"--exec {path} --executable {executable}", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("10.96.0.1", 443, "10.96.0.1", true, "tcp:10.96.0.1:443")]
    [InlineData("fd00::1", 443, "fd00::1", true, "'tcp:[fd00::1]:443'")]
    [InlineData("10.96.0.1", 6443, "10.96.0.1", false, "")]
    [InlineData("10.96.0.1", 443, "10.96.0.2", false, "")]
    [InlineData(null, 443, "10.96.0.1", false, "")]
    public void KubernetesClient_Connection_FiresForTheApiServerOnly(string? apiServer, int port, string address, bool fires, string allowed)
    {
        var rule = new KubernetesClientExecuted();
        var finding = Evaluate(rule, Sample.Connect(address, (ushort)port), Sample.Profile(new NetworkItem(true, "tcp", 6443, "10.96.0.1")), apiServer);
        Assert.Equal(fires, finding is not null);
        Assert.True(finding is null || finding.Fix == $"kubecop profiles allow shop/deployment-web --container web --connect {allowed}", finding?.Fix);

        var accepted = Sample.Network(NetworkAction.Accept, "tcp", address, (ushort)port);
        Assert.Null(Evaluate(rule, accepted, Sample.Profile(), apiServer));
    }

    private static Finding? Evaluate(IRule rule, SensorEvent sensorEvent, CompiledProfile? profile, string? apiServer = null) =>
        rule.Evaluate(sensorEvent, new RuleContext(Sample.Container, profile, apiServer));
}
