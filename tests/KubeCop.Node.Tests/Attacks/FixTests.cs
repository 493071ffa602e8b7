using KubeCop.Testing;
using KubeCop.Testing.Containers;
using KubeCop.Testing.Node;

namespace KubeCop.Node.Tests.Attacks;

/// <summary>
/// What alerts of a real container suggest, done as a user does it: in a shell, one after the other. Before each look KubeCop is started
/// anew, so that no folding window hides what would be an alert.
/// </summary>
public sealed class FixTests(ContainerdFixture containerd)
{
    [RealContainersFact]
    public Task Fixes_OfThreeRules_EachSilencesItsAlertAndNoOther() => FixOneByOneAsync("R0001", "R0002", "R0007-connection");

    [RealContainersFact]
    [Trait("Category", "Soak")]
    public Task Fixes_OfAllRules_EachSilencesItsAlertAndNoOther() =>
        FixOneByOneAsync("R0001", "R0002", "R0003", "R0004", "R0005", "R0007-connection", "R0008", "R0010", "R0011", "R0040");

    private async Task FixOneByOneAsync(params string[] scenarios)
    {
        using var directory = new TestDirectory();
        var kubecop = await KubeCopProcess.StartAsync(new KubeCopOptions
        {
            DataDirectory = directory.Combine("data"),
            HostRoot = containerd.HostRoot,
            LearningPeriod = "10s",
            Settings = new Dictionary<string, string> { ["KUBERNETES_SERVICE_HOST"] = Simulator.ApiServer },
        });
        try
        {
            await using var container = await containerd.RunAsync(
                ContainerdFixture.NewId(), [Simulator.Program, "workload"], ["--env", $"KUBERNETES_SERVICE_HOST={Simulator.ApiServer}"]);
            await kubecop.WaitForProfileAsync(container.Namespace, container.Id, static profile => profile.State == "final", "a final profile");

            // How the simulator itself is called is no part of its scenarios.
            await ApplyAsync($"kubecop profiles allow {container.Namespace}/container-{container.Id} --container {container.Id} --exec {Simulator.Program} --data-dir {kubecop.DataDirectory}");
            var left = Fixable(await AttackAsync(kubecop, container, scenarios));
            Assert.Subset(left.Select(static alert => alert.RuleId).ToHashSet(), scenarios.Select(Simulator.RuleOf).ToHashSet());
            while (left is [var alert, ..])
            {
                // One open may be found by two rules, whose fix is one then.
                await ApplyAsync(alert.Fix);
                left = [.. left.Where(other => other.Fix != alert.Fix)];
                Assert.Equal(0, (await kubecop.TerminateAsync()).ExitCode);
                var before = kubecop;
                kubecop = await before.RestartAsync();
                await before.DisposeAsync();

                var alerts = Fixable(await AttackAsync(kubecop, container, scenarios));
                Assert.True(
                    left.Select(static other => other.Fingerprint).ToHashSet().SetEquals(alerts.Select(static other => other.Fingerprint)),
                    $"After '{alert.Fix}' not all others are raised, or not they alone:\n{string.Join('\n', alerts)}\nwhere these were to be:\n{string.Join('\n', left)}");
            }
        }
        finally
        {
            await kubecop.DisposeAsync();
        }
    }

    private static IReadOnlyList<AlertView> Fixable(IReadOnlyList<AlertView> alerts) =>
        [.. alerts.Where(static alert => alert.Fix.StartsWith("kubecop profiles allow ", StringComparison.Ordinal))];

    // Lines of a container come in the order of its events: what comes after a marker cannot come any more.
    private static async Task<IReadOnlyList<AlertView>> AttackAsync(KubeCopProcess kubecop, ContainerdContainer container, string[] scenarios)
    {
        const string Marker = "/bin/true";
        foreach (var scenario in scenarios)
        {
            await container.ExecAsync(Simulator.Program, scenario);
        }

        await container.ExecAsync(Marker);
        await kubecop.WaitForAlertAsync(container.Id, $"R0001 for {Marker}", alert => alert.EventText("path") == Marker);
        return [.. kubecop.AlertsOf(container.Id).TakeWhile(alert => alert.EventText("path") != Marker)];
    }

    private static Task ApplyAsync(string fix) => Commands.RunAsync("bash", "-c", $"kubecop() {{ '{KubeCopProcess.Executable}' \"$@\"; }}; {fix}");
}
