using System.Diagnostics;
using KubeCop.Node.Tests.Attacks;
using KubeCop.Testing;
using KubeCop.Testing.Containers;
using KubeCop.Testing.Node;

namespace KubeCop.Node.Tests.Servers;

/// <summary>Real servers under load: once learned they may go on, with all that happens to servers, and whoever attacks them then is seen.</summary>
public sealed class ServerTests(ContainerdFixture containerd)
{
    /// <summary>What has no say where another rule covers it, or nothing was learned of the simulator.</summary>
    private static readonly Dictionary<string, string> SeenAs = new() { ["R1009"] = "R1007", ["R0040"] = "R0001" };

    [RealContainersFact]
    public Task Servers_ThatGoOn_RaiseNoAlertUntilTheyAreAttacked() => RunAsync(learning: TimeSpan.FromSeconds(20), going: TimeSpan.Zero);

    [RealContainersFact]
    [Trait("Category", "Soak")]
    public Task Servers_ThatGoOnForTenMinutes_RaiseNoAlertUntilTheyAreAttacked() =>
        RunAsync(learning: TimeSpan.FromSeconds(60), going: TimeSpan.FromMinutes(10));

    private async Task RunAsync(TimeSpan learning, TimeSpan going)
    {
        Assert.SkipWhen(DebianServersImage.Missing is not null, DebianServersImage.Missing ?? "");
        await using var kubecop = await KubeCopProcess.StartAsync(new KubeCopOptions
        {
            HostRoot = containerd.HostRoot,
            LearningPeriod = $"{learning.TotalSeconds}s",
            Settings = new Dictionary<string, string> { ["KUBERNETES_SERVICE_HOST"] = Simulator.ApiServer },
        });
        await using var pod = await ServersPod.StartAsync(containerd);
        foreach (var name in ServersPod.Names)
        {
            await kubecop.WaitForProfileAsync(
                pod.Namespace,
                pod.Name,
                profile => profile.Containers.Any(container => container.Name == name && container.State == "final"),
                $"final profile of {name}",
                learning * 4,
                kind: "pod");
        }

        var watch = Stopwatch.StartNew();
        do
        {
            await pod.WaitForTurnsAsync(1);
            await pod.ReloadAsync();
            await pod.WaitForTurnsAsync(1);
            await pod.RotateLogsAsync();
            await pod.RotateTokenAsync();
            await pod.WaitForTurnsAsync(1);
            foreach (var name in ServersPod.Names)
            {
                await pod.RestartAsync(name);
                await pod.WaitForTurnsAsync(1);
            }
        }
        while (watch.Elapsed < going);

        Assert.Empty(pod.Ids.SelectMany(kubecop.AlertsOf));

        foreach (var server in ServersPod.Servers)
        {
            await AttackAsync(kubecop, pod[server]);
        }
    }

    private static async Task AttackAsync(KubeCopProcess kubecop, CriContainer server)
    {
        // 1: something could not be done.
        await server.ExecAsync("/bin/sh", "-c", $"KUBERNETES_SERVICE_HOST={Simulator.ApiServer} attack all --directory {Simulator.Directory}; [ $? -le 1 ]");
        foreach (var (scenario, (subject, _)) in Simulator.Expected)
        {
            // Process 1 is of another user there: without CAP_SYS_PTRACE root may not read its environment.
            if (scenario == "R0008" && server.Name == "postgres")
            {
                continue;
            }

            var rule = Simulator.RuleOf(scenario);
            await kubecop.WaitForAlertAsync(
                server.Id,
                $"alert of {server.Name} about {scenario}, {subject}",
                alert => alert.RuleId == SeenAs.GetValueOrDefault(rule, rule) && alert.Message.Contains(subject, StringComparison.Ordinal));
        }
    }
}
