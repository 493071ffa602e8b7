using KubeCop.Testing;
using KubeCop.Testing.Containers;
using KubeCop.Testing.Node;

namespace KubeCop.Node.Tests.EndToEnd;

/// <summary>What outlives the process, however it ends.</summary>
public sealed class RestartTests(ContainerdFixture containerd)
{
    [RealContainersFact]
    public async Task KilledAfterLearning_RestartedProfile_IsEnforcedWithoutLearningAgain()
    {
        using var directory = new TestDirectory();
        await using var first = await StartAsync(directory, "3s");
        await using var container = await LoopContainer.StartAsync(containerd);
        var learned = await FinalAsync(first, container);

        await first.KillAsync();
        await using var second = await first.RestartAsync();

        var kept = await FinalAsync(second, container);
        Assert.Equal(Behaviour(learned), Behaviour(kept));
        Assert.Equal(learned.Containers[0].LearningStartedAt, kept.Containers[0].LearningStartedAt);
        Assert.Equal(learned.Containers[0].CompletesAt, kept.Containers[0].CompletesAt);
        await LoopContainer.WaitForTurnsAsync(container, turns: 20);
        await container.ExecAsync("/bin/true");
        await second.WaitForAlertAsync(container.Id, "R0001 for true", static alert => alert.RuleId == "R0001" && alert.EventText("path") == "/bin/true");
        Assert.Single(second.AlertsOf(container.Id));
    }

    [RealContainersFact]
    public async Task TerminatedWhileLearning_Restarted_GoesOnForTheRemainingPeriod()
    {
        using var directory = new TestDirectory();
        await using var first = await StartAsync(directory, "20s");
        await using var container = await containerd.RunAsync("/bin/sh", "-c", "/bin/cat /data/greeting; while true; do /bin/sleep 0.2; echo turn; done");
        var before = await first.WaitForProfileAsync(
            container.Namespace,
            container.Id,
            static profile => Programs(profile).Contains("/bin/cat") && profile.RemainingSeconds <= 17,
            "learning of cat, and some of the period gone");
        Assert.Equal("learning", before.State);

        await first.TerminateAsync();
        await using var second = await first.RestartAsync();

        var after = await second.WaitForProfileAsync(container.Namespace, container.Id, static _ => true, "profile after the restart");
        Assert.Equal("learning", after.State);
        Assert.True(after.RemainingSeconds <= before.RemainingSeconds, $"{before.RemainingSeconds} s were left, after the restart {after.RemainingSeconds} s.");
        await container.ExecAsync("/bin/hostname");
        var final = await FinalAsync(second, container);
        Assert.Superset(new HashSet<string> { "/bin/cat", "/bin/hostname", "/bin/sh", "/bin/sleep" }, Programs(final));
    }

    [RealContainersFact]
    public async Task KilledWhileLearning_Restarted_HasAllThatIsOlderThanASecond()
    {
        using var directory = new TestDirectory();
        await using var first = await StartAsync(directory, "15s");
        await using var container = await containerd.RunAsync(
            "/bin/sh", "-c", "turn=0; while true; do turn=$((turn + 1)); /bin/echo $turn; /bin/sleep 0.1; done");
        await LoopContainer.WaitForTurnsAsync(container, turns: 20);
        var old = container.OutputLines;

        // Each of them sleeps for a tenth of a second.
        await LoopContainer.WaitForTurnsAsync(container, turns: 11);
        await first.KillAsync();
        await using var second = await first.RestartAsync();

        var final = await FinalAsync(second, container);
        var learned = final.Containers[0].Execs.Where(static exec => exec.Path == "/bin/echo").Select(static exec => exec.Args[^1]).ToHashSet();
        Assert.Superset(Enumerable.Range(1, old).Select(static turn => $"{turn}").ToHashSet(), learned);
    }

    [RealContainersFact]
    public async Task ContainerRunningBeforeTheFirstStart_IsPartial()
    {
        await using var container = await LoopContainer.StartAsync(containerd);
        await LoopContainer.WaitForTurnsAsync(container, turns: 1);
        using var directory = new TestDirectory();

        await using var kubecop = await StartAsync(directory, "2s");

        var profile = await kubecop.WaitForProfileAsync(
            container.Namespace, container.Id, static profile => profile.State is "partial" or "final", "end of learning");
        Assert.Equal("partial", profile.State);
    }

    [RealContainersFact]
    public async Task Terminate_WithContainersWatched_ExitsWithZeroInFiveSeconds()
    {
        using var directory = new TestDirectory();
        await using var kubecop = await StartAsync(directory, "10s");
        await using var container = await LoopContainer.StartAsync(containerd);
        await LoopContainer.WaitForTurnsAsync(container, turns: 5);

        var (exitCode, elapsed) = await kubecop.TerminateAsync();

        Assert.Equal(0, exitCode);
        Assert.True(elapsed < TimeSpan.FromSeconds(5), $"It took {elapsed.TotalSeconds:0.0} s. {kubecop.Errors}");
        Assert.Empty(kubecop.OtherOutput);
    }

    private Task<KubeCopProcess> StartAsync(TestDirectory directory, string learningPeriod) => KubeCopProcess.StartAsync(
        new KubeCopOptions { DataDirectory = directory.Combine("data"), HostRoot = containerd.HostRoot, LearningPeriod = learningPeriod });

    private static Task<ProfileView> FinalAsync(KubeCopProcess kubecop, ContainerdContainer container) => kubecop.WaitForProfileAsync(
        container.Namespace, container.Id, static profile => profile.State == "final", "final profile", TimeSpan.FromSeconds(60));

    private static HashSet<string> Programs(ProfileView profile) =>
        [.. profile.Containers.SelectMany(static container => container.Execs).Select(static exec => exec.Path)];

    private static IEnumerable<string> Behaviour(ProfileView profile) => profile.Containers
        .SelectMany(static container => container.Execs.Select(static exec => exec.Path).Concat(container.Opens.Select(static open => open.Path)))
        .Order(StringComparer.Ordinal);
}
