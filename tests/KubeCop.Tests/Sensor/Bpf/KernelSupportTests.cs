using KubeCop.Sensor.Bpf;
using KubeCop.Sensor.Privileges;

namespace KubeCop.Tests.Sensor.Bpf;

public sealed class KernelSupportTests
{
    private const ulong NetAdmin = 1UL << 12;
    private const ulong SysAdmin = 1UL << 21;
    private const ulong Perfmon = 1UL << 38;
    private const ulong Bpf = 1UL << 39;

    private static readonly PrivilegeNeeds Usual = new();

    [Theory]
    [InlineData(NetAdmin | Perfmon | Bpf)]
    [InlineData(SysAdmin)]
    public void Capabilities_AllThere_Ok(ulong effective) => Assert.All(KernelSupport.CapabilityChecks(effective, Usual), static check => Assert.True(check.Ok, check.Detail));

    [Fact]
    public void Capabilities_NotNetAdmin_IsLimitedAndTellsWhatThatCosts()
    {
        var check = Assert.Single(KernelSupport.CapabilityChecks(Perfmon | Bpf, Usual), static check => !check.Ok);
        Assert.Equal(("CAP_NET_ADMIN", false), (check.Name, check.Fatal));
        Assert.Contains("neither outgoing connections nor DNS", check.Detail, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(NetAdmin | Bpf, "CAP_PERFMON")]
    [InlineData(NetAdmin | Perfmon, "CAP_BPF")]
    public void Capabilities_WithoutWhichNothingIsDetected_IsFatal(ulong effective, string missing)
    {
        var check = Assert.Single(KernelSupport.CapabilityChecks(effective, Usual), static check => !check.Ok);
        Assert.Equal((missing, true), (check.Name, check.Fatal));
        Assert.Contains("nothing is detected", check.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void Capabilities_ThatTheSettingsDoNotNeed_AreNotAskedFor()
    {
        var names = KernelSupport.CapabilityChecks(0, Usual).Select(static check => check.Name);
        Assert.Equal(["CAP_BPF", "CAP_PERFMON", "CAP_NET_ADMIN"], names);

        var scanning = KernelSupport.CapabilityChecks(0, Usual with { IsScanning = true }).Select(static check => check.Name);
        Assert.Equal(["CAP_BPF", "CAP_PERFMON", "CAP_NET_ADMIN", "CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH"], scanning);
    }
}
