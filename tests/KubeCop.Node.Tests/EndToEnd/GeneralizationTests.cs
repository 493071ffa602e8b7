using KubeCop.Testing;
using KubeCop.Testing.Containers;
using KubeCop.Testing.Node;

namespace KubeCop.Node.Tests.EndToEnd;

/// <summary>A container that never opens the same file twice.</summary>
public sealed class GeneralizationTests(ContainerdFixture containerd)
{
    private const string Script = "mkdir /data/cache; i=0; while true; do : >/data/cache/item-$i; echo turn; i=$((i+1)); /bin/sleep 0.1; done";

    [RealContainersFact]
    public async Task NumberedFiles_Learned_AreOneEntryThatKnowsTheNextOnesAndNoOthers()
    {
        await using var kubecop = await KubeCopProcess.StartAsync(new KubeCopOptions { HostRoot = containerd.HostRoot, LearningPeriod = "5s" });
        await using var container = await containerd.RunAsync("/bin/sh", "-c", Script);
        var profile = await kubecop.WaitForProfileAsync(container.Namespace, container.Id, static profile => profile.State == "final", "a final profile");

        var entry = Assert.Single(profile.Containers.Single().Opens, static open => open.Path.StartsWith("/data/cache/", StringComparison.Ordinal));
        Assert.Equal("/data/cache/⋯", entry.Path);
        Assert.InRange(entry.Collapsed, 11, int.MaxValue);

        var goal = container.OutputLines + 50;
        await Wait.UntilAsync(() => container.OutputLines, lines => lines >= goal, $"line {goal} of container {container.Id}");
        await container.ShellAsync(": >/data/other");
        await kubecop.WaitForAlertAsync(container.Id, "R0002 for /data/other", static alert => alert.RuleId == "R0002" && alert.EventText("path") == "/data/other");
        Assert.DoesNotContain(kubecop.AlertsOf(container.Id), static alert => alert.EventText("path")?.StartsWith("/data/cache/", StringComparison.Ordinal) == true);
    }
}
