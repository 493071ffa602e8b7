using KubeCop.Testing;
using KubeCop.Testing.Containers;
using KubeCop.Testing.Node;

namespace KubeCop.Node.Tests.EndToEnd;

/// <summary>Rings as small as they may be.</summary>
[Collection(nameof(WholeMachine))]
public sealed class SmallRingTests(ContainerdFixture containerd)
{
    private static readonly Dictionary<string, string> SmallestRings = new()
    {
        ["KubeCop:Sensor:CriticalRingBytes"] = "65536",
        ["KubeCop:Sensor:BulkRingBytes"] = "65536",
    };

    [RealContainersFact]
    public async Task LongestExec_ThroughTheSmallestRings_IsDetected()
    {
        await using var kubecop = await StartAsync("1s");
        await using var container = await containerd.RunAsync("/bin/sleep", "1000");
        await kubecop.WaitForProfileAsync(container.Namespace, container.Id, static profile => profile.State == "final", "final profile");

        // Program, working directory and file name of nearly 4 KiB each, and more arguments than are carried.
        var directory = $"/tmp/{string.Join('/', Enumerable.Repeat(new string('d', 200), 20))}";
        var program = $"{directory}/{new string('p', 4090 - directory.Length)}";
        // In a script, so that no other exec of the container takes as much of its share.
        await container.ExecAsync(
            "/bin/sh",
            "-c",
            """/bin/mkdir -p "$0" && /bin/cp /bin/load "$1" && echo "cd $0 && exec $1 true \$(/bin/yes | /bin/head -n 20000 | /bin/tr -d '\n')" >/data/long""",
            directory,
            program);

        // A ring this small can be full of what others do: then the loss is counted, and the next try comes through.
        await Wait.UntilAsync(
            async () =>
            {
                await container.ExecAsync("/bin/sh", "/data/long");
                return await Wait.UntilAsync(
                    async () => (Alert: AlertOf(), (await EventFigures.OfAsync(kubecop, container.Id)).Lost),
                    static seen => seen.Alert is not null || seen.Lost.ContainsKey("exec"),
                    "alert, or count of a lost exec");
            },
            static seen => seen.Alert is not null,
            "exec that is not lost");
        var alert = AlertOf()!;
        Assert.True(alert.EventFlag("argsTruncated"), "The event does not tell that an argument is cut.");
        Assert.Equal(directory, alert.Process.Cwd);
        Assert.StartsWith("yyy", alert.Process.Args[2], StringComparison.Ordinal);

        AlertView? AlertOf() => kubecop.AlertsOf(container.Id).FirstOrDefault(alert => alert.RuleId == "R0001" && alert.EventText("path") == program);
    }

    [RealContainersFact]
    public async Task Flood_ThroughTheSmallestRings_IsCountedToTheEvent()
    {
        await using var kubecop = await StartAsync("10m");
        await using var flood = await containerd.RunAsync("/bin/load", "flood");
        await flood.WaitUntilIdleAsync(kubecop);
        var before = await EventFigures.OfAsync(kubecop, flood.Id);

        await flood.SignalAsync("USR1");
        await Wait.UntilAsync(
            () => EventFigures.OfAsync(kubecop, flood.Id),
            static figures => figures.Lost.GetValueOrDefault("open") > 1000 && figures.Lost.GetValueOrDefault("exec") > 0,
            "losses of the flood");
        await flood.SignalAsync("USR2");
        await flood.WaitForOutputAsync("done");

        var made = EventFigures.MadeBy(flood.Output);
        await Wait.UntilAsync(
            () => EventFigures.OfAsync(kubecop, flood.Id),
            figures => made.All(kind => figures.AccountedSince(before)[kind.Key] == kind.Value),
            $"account of {EventFigures.Text(made)} since {before}");
    }

    private Task<KubeCopProcess> StartAsync(string learningPeriod) => KubeCopProcess.StartAsync(
        new KubeCopOptions { HostRoot = containerd.HostRoot, LearningPeriod = learningPeriod, Settings = SmallestRings });
}
