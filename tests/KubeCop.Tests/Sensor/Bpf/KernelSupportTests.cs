using KubeCop.Sensor.Bpf;

namespace KubeCop.Tests.Sensor.Bpf;

public sealed class KernelSupportTests
{
    private const ulong NetAdmin = 1UL << 12;
    private const ulong SysAdmin = 1UL << 21;
    private const ulong Perfmon = 1UL << 38;
    private const ulong Bpf = 1UL << 39;

    [Theory]
    [InlineData(NetAdmin | Perfmon | Bpf)]
    [InlineData(SysAdmin)]
    public void Capabilities_AllThere_Ok(ulong effective)
    {
        var check = KernelSupport.CapabilityCheck(effective);
        Assert.Equal((true, "sufficient"), (check.Ok, check.Detail));
    }

    [Fact]
    public void Capabilities_NotNetAdmin_IsLimitedAndTellsWhatThatCosts()
    {
        var check = KernelSupport.CapabilityCheck(Perfmon | Bpf);
        Assert.Equal((false, false), (check.Ok, check.Fatal));
        Assert.StartsWith("missing CAP_NET_ADMIN (", check.Detail, StringComparison.Ordinal);
        Assert.Contains("neither outgoing connections nor DNS", check.Detail, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(NetAdmin | Bpf, "CAP_PERFMON")]
    [InlineData(NetAdmin | Perfmon, "CAP_BPF")]
    public void Capabilities_WithoutWhichNothingIsDetected_IsFatal(ulong effective, string missing)
    {
        var check = KernelSupport.CapabilityCheck(effective);
        Assert.Equal((false, true), (check.Ok, check.Fatal));
        Assert.StartsWith($"missing {missing} (", check.Detail, StringComparison.Ordinal);
    }
}
