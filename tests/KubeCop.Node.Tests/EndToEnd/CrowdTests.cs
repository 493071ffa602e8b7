using System.Globalization;
using KubeCop.Testing;
using KubeCop.Testing.Containers;
using KubeCop.Testing.Node;

namespace KubeCop.Node.Tests.EndToEnd;

/// <summary>A container of ten thousand processes: each of them is known.</summary>
[Collection(nameof(WholeMachine))]
public sealed class CrowdTests(ContainerdFixture containerd)
{
    private const int Processes = 10_000;

    [RealContainersFact]
    public async Task Exec_InACrowd_ShowsItsAncestors()
    {
        await using var kubecop = await KubeCopProcess.StartAsync(new KubeCopOptions
        {
            HostRoot = containerd.HostRoot,
            LearningPeriod = "1s",
            // All forks fit in a container's share, a quarter of the ring, however busy the machine is: each takes up to 500 bytes.
            Settings = new Dictionary<string, string> { ["KubeCop:Sensor:CriticalRingBytes"] = $"{32 * 1024 * 1024}" },
        });
        await using var crowd = await containerd.RunAsync("/bin/load", "crowd", $"{Processes}");
        await crowd.WaitForOutputAsync("ready", TimeSpan.FromMinutes(2));
        await Wait.UntilAsync(() => ProcessesAsync(kubecop, crowd), static count => count == Processes + 1, "processes in the list of containers");

        await ExecInTheMiddleAsync(kubecop, crowd);
    }

    [RealContainersFact]
    public async Task Exec_InACrowdThatRanBefore_ShowsItsAncestors()
    {
        await using var crowd = await containerd.RunAsync("/bin/load", "crowd", $"{Processes}");
        await crowd.WaitForOutputAsync("ready", TimeSpan.FromMinutes(2));
        await using var kubecop = await KubeCopProcess.StartAsync(new KubeCopOptions { HostRoot = containerd.HostRoot, LearningPeriod = "1s" });
        await Wait.UntilAsync(() => ProcessesAsync(kubecop, crowd), static count => count == Processes + 1, "processes in the list of containers");

        await ExecInTheMiddleAsync(kubecop, crowd);
    }

    /// <summary>One of the processes executes a program that was not learned: its alert shows where it comes from.</summary>
    private static async Task ExecInTheMiddleAsync(KubeCopProcess kubecop, ContainerdContainer crowd)
    {
        await kubecop.WaitForProfileAsync(
            crowd.Namespace, crowd.Id, static profile => profile.State is "final" or "partial", "end of learning", TimeSpan.FromMinutes(1));
        var first = await crowd.GetPidAsync();
        var children = (await Commands.RunAsync("pgrep", "-P", $"{first}")).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(Processes, children.Length);
        var chosen = int.Parse(children[Processes / 2], CultureInfo.InvariantCulture);

        await Commands.RunAsync("kill", "-USR1", $"{chosen}");

        var alert = await kubecop.WaitForAlertAsync(crowd.Id, "R0001 for true", static alert => alert.RuleId == "R0001" && alert.EventText("path") == "/bin/true");
        Assert.Equal((chosen, first), (alert.Process.Pid, alert.Process.Ppid));
        Assert.Equal(["true", "late"], alert.Process.Args);
        var parent = alert.Process.Ancestors[0];
        Assert.Equal((first, "load", "/bin/load"), (parent.Pid, parent.Comm, parent.Exe));
    }

    private static async Task<int> ProcessesAsync(KubeCopProcess kubecop, ContainerdContainer container) =>
        (await kubecop.GetAsync("/api/v1/containers")).GetProperty("items").EnumerateArray()
            .Where(item => item.GetProperty("id").GetString() == container.Id)
            .Select(static item => item.GetProperty("processes").GetInt32())
            .SingleOrDefault();
}
