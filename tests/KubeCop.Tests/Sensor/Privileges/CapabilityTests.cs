using KubeCop.Core.Events;
using KubeCop.Sensor.Privileges;

namespace KubeCop.Tests.Sensor.Privileges;

public sealed class CapabilityTests
{
    private const ulong SysAdmin = 1UL << 21;

    private static readonly PrivilegeNeeds Usual = new();

    [Fact]
    public void All_EachIsThereOnce_AndSaysWhatItIsFor()
    {
        Assert.Equal(Capability.All.Count, Capability.All.Select(static capability => capability.Number).Distinct().Count());
        Assert.All(Capability.All, static capability =>
        {
            Assert.True(Capabilities.TryParse(capability.Name, out _), capability.Name);
            Assert.NotEmpty(capability.Use);
            Assert.NotEmpty(capability.Without);
        });
    }

    /// <summary>One that stays was needed at the start too, else nobody would have asked for it.</summary>
    [Fact]
    public void StaysFor_OnlyWhatIsNeeded()
    {
        PrivilegeNeeds[] all =
        [
            Usual, Usual with { MapsNeedCapability = true }, Usual with { IsScanning = true }, Usual with { HostRoot = "/proc/1/root" }, Usual with { ForeignPath = "/data" },
            Usual with { HasReservedEndpoint = true }, Usual with { HasReservedSiloPort = true },
        ];
        Assert.All(all, static needs => Assert.All(
            Capability.All.Where(capability => capability.StaysFor(needs).Length > 0), capability => Assert.True(capability.IsNeededFor(needs), capability.Name)));
    }

    [Theory]
    [MemberData(nameof(Settings))]
    public void StaysFor_Settings_KeepsWhatTheyUse(string kept, PrivilegeNeeds needs) =>
        Assert.Equal(kept, string.Join(' ', Capability.All.Where(capability => capability.StaysFor(needs).Length > 0).Select(static capability => capability.Name)));

    public static TheoryData<string, PrivilegeNeeds> Settings => new()
    {
        { "", Usual },
        { "", Usual with { HasReservedEndpoint = true } },
        { "", Usual with { HostRoot = "/host" } },
        { "CAP_BPF", Usual with { MapsNeedCapability = true } },
        { "CAP_SYS_PTRACE CAP_DAC_READ_SEARCH", Usual with { IsScanning = true } },
        { "CAP_SYS_PTRACE", Usual with { HostRoot = "/proc/1/root" } },
        { "CAP_DAC_OVERRIDE", Usual with { ForeignPath = "/data" } },
        { "CAP_NET_BIND_SERVICE", Usual with { HasReservedSiloPort = true } },
    };

    [Fact]
    public void MaskIn_TheKernelTakesAnotherForIt_KeepsThatOne()
    {
        var bpf = Capability.All.Single(static capability => capability.Name == "CAP_BPF");
        var ptrace = Capability.All.Single(static capability => capability.Name == "CAP_SYS_PTRACE");
        Assert.Equal(bpf.Mask, bpf.MaskIn(bpf.Mask | SysAdmin));
        Assert.Equal(SysAdmin, bpf.MaskIn(SysAdmin));
        Assert.Equal(0UL, ptrace.MaskIn(SysAdmin));
    }

    [Fact]
    public void Page_OfTheImage_HasTheTable()
    {
        var page = File.ReadAllText(Path.Combine(Root(), "docs", "image.md"));
        Assert.All(Capability.All, capability => Assert.Contains($"| {capability.Name} | {capability.Use} | {capability.Without} |", page, StringComparison.Ordinal));
    }

    private static string Root()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(directory.FullName, "KubeCop.Orleans.sln")))
        {
            directory = directory.Parent!;
        }

        return directory.FullName;
    }
}
