using KubeCop.Testing;
using KubeCop.Testing.Containers;
using KubeCop.Testing.Node;

namespace KubeCop.Node.Tests.EndToEnd;

/// <summary>Containers choose paths and arguments: none of them may hurt the sensor, a line of output or a terminal.</summary>
public sealed class HostileInputTests(HostileInputTests.Fixture fixture) : IClassFixture<HostileInputTests.Fixture>
{
    // PATH_MAX without the NUL.
    private const int LongestPath = 4095;

    private ContainerdContainer Container => fixture.Container!;

    private KubeCopProcess KubeCop => fixture.KubeCop!;

    [RealContainersFact]
    public async Task Arguments_TenThousand_AreCutAndMarked()
    {
        await Container.ExecAsync(["/bin/echo", .. Enumerable.Repeat("a", 10_000)]);

        var alert = await AlertAsync("R0001", "/bin/echo");
        Assert.True(alert.EventFlag("argsTruncated"), "The event does not tell that arguments are missing.");
        Assert.Equal(["/bin/echo", "a", "a"], alert.Process.Args.Take(3));
    }

    [RealContainersFact]
    public async Task Argument_OfHundredKilobytes_IsCutAndMarked()
    {
        await Container.ExecAsync("/bin/dirname", new string('x', 100_000));

        var alert = await AlertAsync("R0001", "/bin/dirname");
        Assert.True(alert.EventFlag("argsTruncated"), "The event does not tell that an argument is cut.");
        Assert.StartsWith("xxx", alert.Process.Args[1], StringComparison.Ordinal);
    }

    [RealContainersFact]
    public async Task Argument_NotUtf8_AlertIsValidJson()
    {
        await Container.ShellAsync("""exec /bin/yes "$(printf '\377\376tail')" | /bin/head -n 1""");

        var alert = await AlertAsync("R0001", "/bin/yes");
        Assert.EndsWith("tail", alert.Process.Args[1], StringComparison.Ordinal);
    }

    [RealContainersFact]
    public async Task Argument_WithNewlinesAndEscapeCodes_ReachesNoTerminal()
    {
        const string Hostile = "\e[31mred\e]0;title\a\nnext line\r\u009b2J";

        await Container.ExecAsync("/bin/true", Hostile);

        var alert = await AlertAsync("R0001", "/bin/true");
        Assert.Equal(["/bin/true", Hostile], alert.Process.Args);
        Assert.Empty(KubeCop.OtherOutput);
        var text = await KubeCopProcess.RunVerbAsync("alerts", "--output", "text", "--data-dir", KubeCop.DataDirectory);
        Assert.Equal(0, text.ExitCode);
        Assert.Contains("/bin/true", text.Output, StringComparison.Ordinal);
        Assert.DoesNotContain(text.Output, static character => char.IsControl(character) && character != '\n');
        Assert.DoesNotContain(text.Output.Split('\n'), static line => line.StartsWith("next line", StringComparison.Ordinal));
    }

    [RealContainersFact]
    public Task Path_AsLongAsTheKernelTakes_IsWhole()
    {
        var directory = $"/data/{string.Join('/', Enumerable.Repeat(new string('d', 200), 20))}/";
        return AssertOpenIsSeenAsync(directory + new string('f', LongestPath - directory.Length));
    }

    [RealContainersFact]
    public Task Path_OfHundredComponents_IsWhole() => AssertOpenIsSeenAsync($"/data/{string.Join('/', Enumerable.Repeat("deep", 98))}/file");

    private async Task AssertOpenIsSeenAsync(string path)
    {
        await Container.ExecAsync("/bin/sh", "-c", "/bin/mkdir -p \"${0%/*}\" && echo x >\"$0\"", path);

        var alert = await AlertAsync("R0002", path);
        Assert.False(alert.EventFlag("pathTruncated"), "The path is marked as cut.");
    }

    private Task<AlertView> AlertAsync(string ruleId, string path) =>
        KubeCop.WaitForAlertAsync(Container.Id, $"{ruleId} for {path}", alert => alert.RuleId == ruleId && alert.EventText("path") == path);

    /// <summary>A container that has learned to do nothing.</summary>
    public sealed class Fixture(ContainerdFixture containerd) : IAsyncLifetime
    {
        public KubeCopProcess? KubeCop { get; private set; }

        public ContainerdContainer? Container { get; private set; }

        public async ValueTask InitializeAsync()
        {
            if (Machine.MissingForContainers is not null)
            {
                return;
            }

            KubeCop = await KubeCopProcess.StartAsync(new KubeCopOptions { HostRoot = containerd.HostRoot, LearningPeriod = "1s" });
            Container = await containerd.RunAsync("/bin/sleep", "1000");
            await KubeCop.WaitForProfileAsync(Container.Namespace, Container.Id, static profile => profile.State == "final", "final profile");
        }

        public async ValueTask DisposeAsync()
        {
            if (Container is not null)
            {
                await Container.DisposeAsync();
            }

            if (KubeCop is not null)
            {
                await KubeCop.DisposeAsync();
            }
        }
    }
}
