using KubeCop.Core.Events;
using KubeCop.Core.Profiles;
using KubeCop.Core.Rules;
using KubeCop.Core.Rules.Deviations;

namespace KubeCop.Tests.Core.Rules;

/// <summary>R0008 and R0010: files with credentials.</summary>
public sealed class CredentialRuleTests
{
    private static readonly IRule Environments = EnvironmentRead.Type.Create(RuleArguments.Default);
    private static readonly IRule SensitiveFiles = SensitiveFileAccess.Type.Create(RuleArguments.Default);

    [Theory]
    [InlineData("/proc/1/environ", true)]
    [InlineData("/proc/1/task/22/environ", true)]
    [InlineData("/host/proc/1/environ", true)]
    [InlineData("/proc/1/status", false)]
    [InlineData("/proc/1/environment", false)]
    [InlineData("/proc/environ", false)]
    [InlineData("/proc/sys/environ", false)]
    [InlineData("/proc/1/task/environ", false)]
    [InlineData("/proc/1/fd/environ", false)]
    [InlineData("/srv/1/environ", false)]
    [InlineData("/environ", false)]
    [InlineData("environ", false)]
    public void Environment_OfAProcess_Fires(string path, bool fires) => Assert.Equal(fires, Evaluate(Environments, Sample.Open(path), Sample.Profile()) is not null);

    [Theory]
    [InlineData("/proc/7/environ", true)]
    [InlineData("/proc/7/task/8/environ", true)]
    [InlineData("/proc/self/environ", true)]
    [InlineData("/proc/⋯/environ", true)]
    [InlineData("/proc/*", false)] // was not meant for it
    [InlineData("/proc/⋯/⋯", false)]
    [InlineData("/proc/7/status", false)]
    public void Environment_KnownToTheProfile_IsSilentWhoseverItIs(string entry, bool known) =>
        Assert.Equal(!known, Evaluate(Environments, Sample.Open("/proc/1/environ"), Sample.Profile(new OpenItem(entry, 1))) is not null);

    [Fact]
    public void Environment_WithoutAProfile_IsSilent()
    {
        Assert.True(EnvironmentRead.Type.Descriptor.NeedsProfile);
        Assert.Null(Evaluate(Environments, Sample.Open("/proc/1/environ"), null));
    }

    [Theory]
    [InlineData("/etc/shadow", true)]
    [InlineData("/etc/shadow-", true)]
    [InlineData("/etc/sudoers.d/90-admin", true)]
    [InlineData("/srv/a/b/.ssh/id_ed25519", true)]
    [InlineData("/root/.kube/config", true)]
    [InlineData("/root/.aws/sso/cache/x.json", true)]
    [InlineData("/etc/kubernetes/pki/apiserver.key", true)]
    [InlineData("/data/etc/shadow", true)] // the host's root as a volume
    [InlineData("/etc/config/root/.ssh/id_rsa", true)]
    [InlineData("/etc/passwd", false)]
    [InlineData("/etc/shadow.d", false)]
    [InlineData("/etc/sudoers.d", false)]
    [InlineData("/srv/a/.ssh/id_ed25519.pub", false)]
    [InlineData("/srv/a/.ssh/known_hosts", false)]
    [InlineData("/srv/a.ssh/id_rsa", false)]
    [InlineData("/srv/etc/shadow", false)]
    [InlineData("/database/etc/shadow", false)]
    [InlineData("(unreachable)/etc/shadow", false)]
    public void Sensitive_FileThatIsNotKnown_Fires(string path, bool fires)
    {
        Assert.Equal(fires, Evaluate(SensitiveFiles, Sample.Open(path), Sample.Profile()) is not null);
        Assert.Null(Evaluate(SensitiveFiles, Sample.Open(path), null));
    }

    [Theory]
    [InlineData("/etc/shadow", "/etc/shadow", false)]
    [InlineData("/data/etc/shadow", "/data/etc/shadow", false)]
    [InlineData("/etc/shadow", "/etc/*", true)]
    [InlineData("/etc/shadow", "/etc/⋯", true)]
    [InlineData("/etc/shadow", "/data/etc/shadow", true)]
    [InlineData("/etc/gshadow", "/etc/shadow", true)]
    public void Sensitive_OnlyItsOwnEntry_MakesItKnown(string path, string entry, bool fires) =>
        Assert.Equal(fires, Evaluate(SensitiveFiles, Sample.Open(path), Sample.Profile(new OpenItem(entry, 1))) is not null);

    [Theory]
    [InlineData(0u, 0u, false)]
    [InlineData(0u, 0x80000u, false)] // O_CLOEXEC
    [InlineData(0u, 1u, true)]
    [InlineData(0u, 2u, true)]
    [InlineData(0u, 0x200u, true)] // O_TRUNC
    [InlineData(2u, 1u, false)]
    [InlineData(1u, 0u, false)]
    public void Sensitive_KnownForReading_FiresForWriting(uint learned, uint opened, bool fires)
    {
        var finding = Evaluate(SensitiveFiles, Sample.Open("/etc/shadow", opened), Sample.Profile(new OpenItem("/etc/shadow", OpenFlags.ToSet(learned))));
        Assert.Equal(fires, finding is not null);
        Assert.True(finding is null || finding.Subject == "/etc/shadow for writing");
    }

    [Fact]
    public void Sensitive_PathsOfABinding_FireToo()
    {
        var type = SensitiveFileAccess.Type;
        var rule = type.Create(RuleArguments.Read(type.Descriptor, new Dictionary<string, object?> { ["additionalPaths"] = new List<object?> { "/vault/" } }));
        Assert.NotNull(Evaluate(rule, Sample.Open("/vault/key"), Sample.Profile()));
        Assert.NotNull(Evaluate(rule, Sample.Open("/etc/shadow"), Sample.Profile()));
        Assert.Null(Evaluate(rule, Sample.Open("/vault/key"), Sample.Profile(new OpenItem("/vault/key", 1))));
        Assert.Null(Evaluate(rule, Sample.Open("/vaults"), Sample.Profile()));
    }

    [Fact]
    public void Sensitive_Finding_IsAllowedByItsPath()
    {
        var finding = Evaluate(SensitiveFiles, Sample.Open("/etc/shadow", 0x80000), Sample.Profile());
        Assert.Equal("kubecop profiles allow shop/deployment-web --container web --open /etc/shadow --flags O_RDONLY,O_CLOEXEC", finding?.Fix);
    }

    private static Finding? Evaluate(IRule rule, SensorEvent sensorEvent, CompiledProfile? profile) =>
        rule.Evaluate(sensorEvent, new RuleContext(Sample.Container, profile));
}
