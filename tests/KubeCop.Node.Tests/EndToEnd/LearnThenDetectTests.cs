using KubeCop.Testing;
using KubeCop.Testing.Containers;
using KubeCop.Testing.Node;

namespace KubeCop.Node.Tests.EndToEnd;

/// <summary>The main job: learn what containers do, then alert, from the kernel to the line on standard output.</summary>
public sealed class LearnThenDetectTests(LearnedLoopFixture learned) : IClassFixture<LearnedLoopFixture>
{
    private ContainerdContainer Attacked => learned.Attacked;

    [RealContainersFact]
    public void Profile_Final_ListsExactlyTheLoopsProgramsAndFiles()
    {
        var container = Assert.Single(learned.Profile.Containers);

        Assert.Equal("final", container.State);
        Assert.Equal(LoopContainer.Execs, container.Execs.Select(static exec => exec.Path).Order(StringComparer.Ordinal));
        Assert.All(container.Execs, static exec => Assert.Equal("/bin/busybox", exec.Executable));
        Assert.Equal(["-c", LoopContainer.Script], container.Execs.Single(static exec => exec.Path == "/bin/sh").Args);
        Assert.Equal(LoopContainer.Opens, container.Opens.Select(static open => open.Path).Order(StringComparer.Ordinal));
        Assert.Contains("O_RDONLY", container.Opens.Single(static open => open.Path == "/data/greeting").Flags);
    }

    [RealContainersFact]
    public void Profile_LearningPeriodOver_IsFinalOnTime()
    {
        var period = LearnedLoopFixture.LearningPeriod;

        Assert.InRange(learned.LearnedAfter, period - TimeSpan.FromSeconds(1), period + TimeSpan.FromSeconds(5));
    }

    [RealContainersFact]
    public async Task Loop_GoesOnAfterLearning_NoAlert()
    {
        await LoopContainer.WaitForTurnsAsync(learned.Quiet, turns: 50);

        Assert.Empty(learned.KubeCop.AlertsOf(learned.Quiet.Id));
    }

    [RealContainersFact]
    [Trait("Category", "Soak")]
    public async Task Loop_GoesOnForAMinute_NoAlert()
    {
        await LoopContainer.WaitForTurnsAsync(learned.Quiet, turns: 600, TimeSpan.FromMinutes(2));

        Assert.Empty(learned.KubeCop.AlertsOf(learned.Quiet.Id));
    }

    [RealContainersFact]
    public async Task UnlearnedProgram_ExecutedFromOutside_OneR0001()
    {
        await Attacked.ExecAsync("id");

        var alert = await AlertAsync("R0001", "/bin/id");
        Assert.Equal("critical", alert.Severity);
        Assert.Equal("/bin/busybox", alert.Process.Exe);
        Assert.Equal(["id"], alert.Process.Args);
        Assert.Equal(Attacked.Namespace, alert.Workload.Namespace);
        Assert.False(alert.Learning);
        Assert.InRange(alert.ReceivedAt - alert.Timestamp, TimeSpan.Zero, TimeSpan.FromSeconds(5));
        await AssertOnceAsync(alert);
    }

    [RealContainersFact]
    public async Task UnlearnedProgram_StartedByAShell_AlertNamesProcessAndAncestors()
    {
        var exec = Attacked.ShellAsync("/bin/tail -f /data/greeting; true");

        var alert = await AlertAsync("R0001", "/bin/tail");
        var status = await File.ReadAllLinesAsync($"/proc/{alert.Process.Pid}/status");
        Assert.Contains("Name:\ttail", status);
        Assert.Contains($"PPid:\t{alert.Process.Ppid}", status);
        Assert.Equal(["/bin/tail", "-f", "/data/greeting"], alert.Process.Args);
        Assert.Equal("/", alert.Process.Cwd);
        Assert.Equal(0, alert.Process.Uid);
        var parent = alert.Process.Ancestors[0];
        Assert.Equal((alert.Process.Ppid, "sh", "/bin/busybox"), (parent.Pid, parent.Comm, parent.Exe));
        await AssertOnceAsync(alert);

        await Commands.RunAsync("kill", "-KILL", $"{alert.Process.Pid}");
        await exec;
    }

    [RealContainersFact]
    public async Task LearnedProgram_ExecutedFromOutside_NoAlert()
    {
        Assert.Equal("hello\n", await learned.Quiet.ExecAsync("/bin/cat", "/data/greeting"));

        // Neither this nor what the runtime did on the way into the container; the loop's turns show that it has been judged.
        await LoopContainer.WaitForTurnsAsync(learned.Quiet, turns: 20);
        Assert.Empty(learned.KubeCop.AlertsOf(learned.Quiet.Id));
    }

    [RealContainersFact]
    public async Task NewBinary_WrittenAndRun_R1001()
    {
        await Attacked.ShellAsync("/bin/cat /bin/busybox >/data/dropped && /bin/chmod +x /data/dropped && /data/dropped true; true");

        var alert = await AlertAsync("R1001", "/data/dropped");
        Assert.Equal("/data/dropped", alert.Process.Exe);
        Assert.True(alert.EventFlag("upperLayer"), "The event does not tell that the file is in the upper layer.");
        await AssertOnceAsync(alert);
    }

    [RealContainersFact]
    public async Task Program_RunFromRun_R1000()
    {
        await Attacked.ShellAsync("/bin/cat /bin/busybox >/run/payload && /bin/chmod +x /run/payload && /run/payload true; true");

        await AssertOnceAsync(await AlertAsync("R1000", "/run/payload"));
    }

    [RealContainersFact]
    public async Task UnlearnedFile_Opened_R0002()
    {
        await Attacked.ExecAsync("/bin/cat", "/etc/hostname");

        var alert = await AlertAsync("R0002", "/etc/hostname");
        Assert.Equal("/bin/busybox", alert.Process.Exe);
        Assert.Contains("/etc/hostname", alert.Message, StringComparison.Ordinal);
        await AssertOnceAsync(alert);
    }

    [RealContainersFact]
    public void StandardOutput_OfTheWholeRun_HoldsAlertsOnly() => Assert.Empty(learned.KubeCop.OtherOutput);

    private Task<AlertView> AlertAsync(string ruleId, string path) =>
        learned.KubeCop.WaitForAlertAsync(Attacked.Id, $"{ruleId} for {path}", alert => alert.RuleId == ruleId && alert.EventText("path") == path);

    // Lines of a container come in the order of its events: what comes after a marker cannot come any more.
    private async Task AssertOnceAsync(AlertView alert)
    {
        var marker = $"/data/{Guid.NewGuid():N}";
        await Attacked.ShellAsync($"echo marker >{marker}");
        await AlertAsync("R0002", marker);
        Assert.Single(
            learned.KubeCop.AlertsOf(Attacked.Id),
            other => other.RuleId == alert.RuleId && other.EventText("path") == alert.EventText("path"));
    }
}
