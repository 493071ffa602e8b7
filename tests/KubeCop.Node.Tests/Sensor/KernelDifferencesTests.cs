using System.Text;
using KubeCop.Sensor;
using KubeCop.Sensor.Bpf;
using KubeCop.Sensor.Containers;

namespace KubeCop.Node.Tests.Sensor;

/// <summary>
/// Kernels differ: what one lacks costs only the hook that needs it, and is named. Here the object asks for what no kernel has, because a
/// name in it was changed.
/// </summary>
public sealed class KernelDifferencesTests
{
    private static readonly SensorOptions Options = new() { CriticalRingBytes = 65_536, BulkRingBytes = 65_536, MaxContainers = 16 };

    [Fact]
    [Trait("Speed", "Slow")]
    public void Field_OfAnOptionalHookMissing_OnlyThatHookIsLeftOutAndSaysSo()
    {
        using var programs = Load("i_generation", "i_generatioX");

        var missing = Assert.Single(programs.Hooks, static one => !one.Attached);
        Assert.Equal(("sys_exit", "this kernel's struct inode has no field i_generatioX"), (missing.Name, missing.Detail));
    }

    [Fact]
    [Trait("Speed", "Slow")]
    public void Field_OfARequiredHookMissing_TheErrorNamesHookTypeAndField()
    {
        var error = Assert.Throws<SensorException>(static () => Load("exit_code", "exit_codX"));

        Assert.Contains("sched_process_exit", error.Cause, StringComparison.Ordinal);
        Assert.Contains("this kernel's struct task_struct has no field exit_codX", error.Cause, StringComparison.Ordinal);
    }

    /// <summary>Loads the object with a name in its string tables changed into another of the same length.</summary>
    private static KernelPrograms Load(string name, string changed)
    {
        var bytes = KernelPrograms.ReadObject();
        var (from, to) = (Encoding.ASCII.GetBytes($"{name}\0"), Encoding.ASCII.GetBytes($"{changed}\0"));
        Assert.True(bytes.AsSpan().IndexOf(from) >= 0, $"the object has no name {name}");
        for (int at; (at = bytes.AsSpan().IndexOf(from)) >= 0;)
        {
            to.CopyTo(bytes.AsSpan(at));
        }

        return KernelPrograms.Load(bytes, Options, CgroupTree.Open("/").MountPoint);
    }
}
