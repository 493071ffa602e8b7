using KubeCop.Core.Events;
using KubeCop.Core.Profiles;
using KubeCop.Core.Rules;
using KubeCop.Core.Rules.Deviations;

namespace KubeCop.Tests.Core.Rules;

/// <summary>R0006.</summary>
public sealed class ServiceAccountTokenTests
{
    private const string Kubernetes = "/run/secrets/kubernetes.io/serviceaccount";
    private const string Amazon = "/var/run/secrets/eks.amazonaws.com/serviceaccount";

    private readonly UnexpectedServiceAccountTokenAccess _rule = new();

    [Theory]
    [InlineData(Kubernetes + "/token", true)]
    [InlineData(Kubernetes + "/..data/token", true)]
    [InlineData(Kubernetes + "/..2026_01_31_12_00_00.1234567890/token", true)]
    [InlineData(Kubernetes + "/ca.crt", true)]
    [InlineData(Kubernetes, true)]
    [InlineData("/var" + Kubernetes + "/token", true)]
    [InlineData(Amazon + "/token", true)]
    [InlineData("/run/secrets/eks.amazonaws.com/serviceaccount/token", true)]
    [InlineData(Kubernetes + "-backup/token", false)]
    [InlineData("/srv" + Kubernetes + "/token", false)]
    [InlineData("/run/secrets/kubernetes.io/token", false)]
    [InlineData("/run/secrets/db/token", false)]
    [InlineData("(unreachable)" + Kubernetes + "/token", false)]
    public void Read_NothingLearned_FiresForTokens(string path, bool fires) => Assert.Equal(fires, Evaluate(Sample.Open(path)) is not null);

    [Theory]
    [InlineData(Kubernetes + "/..2026_01_31_13_00_00.987/token")] // rotated
    [InlineData("/var" + Kubernetes + "/token")]
    [InlineData(Amazon + "/token")]
    public void Read_AnyTokenLearned_IsSilent(string path)
    {
        Assert.Null(Evaluate(Sample.Open(path), new OpenItem(Kubernetes + "/..data/token", 1)));
        Assert.Null(Evaluate(Sample.Open(path, 0x80000), new OpenItem(Kubernetes + "/..data/token", 1)));
    }

    [Fact]
    public void Read_OnlyOtherFilesLearned_Fires() => Assert.NotNull(Evaluate(Sample.Open(Kubernetes + "/token"), new OpenItem(Kubernetes + "-backup/token", 1)));

    [Theory]
    [InlineData(1u, true)]
    [InlineData(2u, true)]
    [InlineData(0x200u, true)] // truncated
    [InlineData(0u, false)]
    public void Write_OnlyReadingLearned_Fires(uint flags, bool fires)
    {
        var finding = Evaluate(Sample.Open(Kubernetes + "/token", flags), new OpenItem(Kubernetes + "/token", 1));
        Assert.Equal(fires, finding is not null);
        Assert.True(finding is null || finding.Subject == Kubernetes + "/token for writing", finding?.Subject);
    }

    [Fact]
    public void Write_WritingLearned_IsSilent() =>
        Assert.Null(Evaluate(Sample.Open(Kubernetes + "/b", 1), new OpenItem(Kubernetes + "/a", OpenFlags.ToSet(2))));

    [Fact]
    public void Finding_NamesWhoAndAllowsIt()
    {
        var open = Sample.Open(Kubernetes + "/token", 0x80000);
        var finding = Evaluate(open);
        Assert.Equal(
            new Finding(
                Kubernetes + "/token",
                $"Unexpected Service Account Token Access: p10 opened {Kubernetes}/token",
                "No token of a service account is opened.",
                $"kubecop profiles allow shop/deployment-web --container web --open {Kubernetes}/token --flags O_RDONLY,O_CLOEXEC"),
            finding);
        Assert.Null(Evaluate(open, new OpenItem(Kubernetes + "/token", OpenFlags.ToSet(0x80000))));
        Assert.Null(Evaluate(open, new OpenItem(Kubernetes + "/⋯/token", OpenFlags.ToSet(0))));
    }

    [Fact]
    public void AnotherProfile_IsAskedAnew()
    {
        var open = Sample.Open(Kubernetes + "/token");
        Assert.Null(Evaluate(open, new OpenItem(Amazon + "/token", 1)));
        Assert.NotNull(Evaluate(open));
    }

    private Finding? Evaluate(SensorEvent sensorEvent, params BehaviourItem[] profile) =>
        _rule.Evaluate(sensorEvent, new RuleContext(Sample.Container, Sample.Profile(profile)));
}
