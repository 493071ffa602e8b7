using KubeCop.Testing;

namespace KubeCop.Node.Tests.Attacks;

/// <summary>The steps of KubeCop's malicious app, each with the alerts its authors meant it to give.</summary>
[Collection(nameof(AttackedContainers))]
public sealed class MaliciousAppTests(AttackedContainers containers)
{
    [RealContainersTheory]
    [InlineData("R0002", "/kubecop-attack/kubectl")]
    [InlineData("R0001", "/kubecop-attack/kubectl")]
    [InlineData("R0006", "/run/secrets/kubernetes.io/serviceaccount/token")]
    [InlineData("R0007", "/kubecop-attack/kubectl")]
    [InlineData("R1001", "/kubecop-attack/kubectl")]
    [InlineData("R0002", "/kubecop-attack/malicious.txt")]
    [InlineData("R0002", "/kubecop-attack/known_hosts")]
    [InlineData("R0005", "www.google.com")]
    [InlineData("R1003", "127.0.0.1:443")]
    [InlineData("R0003", "unshare")]
    [InlineData("R1006", "user")]
    [InlineData("R0004", "NET_BIND_SERVICE in bind")]
    [InlineData("R1000", "/proc/self/fd/")]
    [InlineData("R0003", "init_module")]
    [InlineData("R1002", "memory")]
    [InlineData("R1004", "/volume/kubectl")]
    [InlineData("R0001", "/volume/kubectl")]
    [InlineData("R0007", "/volume/kubectl")]
    [InlineData("R0005", "xmr.pool.minergate.com")]
    [InlineData("R1007", "127.0.0.1:45700")]
    public void Step_IsSeen(string rule, string subject)
    {
        Assert.Contains(containers.MaliciousAppAlerts, alert => alert.RuleId == rule && alert.Message.Contains(subject, StringComparison.Ordinal));
    }
}
