using KubeCop.Testing;
using KubeCop.Testing.Containers;
using KubeCop.Testing.Node;

namespace KubeCop.Node.Tests.EndToEnd;

/// <summary>Bindings that change while a container runs.</summary>
public sealed class LiveBindingTests(ContainerdFixture containerd)
{
    /// <summary>The kernel's clock and ours are compared only now and then; the last program may also have been before.</summary>
    private static readonly TimeSpan ClockSlack = TimeSpan.FromSeconds(1);

    [RealContainersFact]
    public async Task Binding_BoundAndUnboundAgain_TakesEffectOnARunningContainerAndLeavesOtherRulesAlone()
    {
        using var files = new BindingFile();
        files.Bind("R1001");
        await using var kubecop = await KubeCopProcess.StartAsync(new KubeCopOptions
        {
            HostRoot = containerd.HostRoot,
            MoreArguments = ["--bindings", files.Path],
            Settings = new Dictionary<string, string> { ["KubeCop:Alerts:MaxPerMinute"] = "100000" },
        });
        await using var container = await containerd.RunAsync("/bin/sh", "-c", BindingFile.Loop);
        var drifted = await kubecop.WaitForAlertAsync(container.Id, "R1001", static alert => alert.RuleId == "R1001");

        var bound = files.Bind("R1001", "R1000");
        var first = await kubecop.WaitForAlertAsync(container.Id, "R1000", static alert => alert.RuleId == "R1000");
        Assert.InRange(first.Timestamp - bound, -ClockSlack, TimeSpan.FromSeconds(10));

        var unbound = files.Bind("R1001");
        var last = await Wait.UntilAsync(
            () => kubecop.AlertsOf(container.Id).Last(static alert => alert.RuleId == "R1000"),
            alert => BindingFile.NumberOf(alert) + 20 < container.OutputLines,
            "twenty programs without an alert of R1000");
        Assert.InRange(last.Timestamp - unbound, -ClockSlack, TimeSpan.FromSeconds(10));

        // What it has said once is a repeat for as long as its window is open, whatever became of the other rule.
        Assert.Equal([drifted], kubecop.AlertsOf(container.Id).Where(static alert => alert.RuleId == "R1001"));
    }
}
