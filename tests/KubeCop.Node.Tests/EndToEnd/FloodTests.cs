using System.Globalization;
using KubeCop.Testing;
using KubeCop.Testing.Containers;
using KubeCop.Testing.Metrics;
using KubeCop.Testing.Node;

namespace KubeCop.Node.Tests.EndToEnd;

/// <summary>A container that makes more events than anybody can read costs nobody but itself, and what it loses is counted.</summary>
[Collection(nameof(WholeMachine))]
public sealed class FloodTests(ContainerdFixture containerd, ITestOutputHelper output)
{
    // Fewer than the argument lists that a profile keeps of one program.
    private const int Execs = 60;

    [RealContainersFact]
    public Task Flood_OfOneContainer_CostsNoOtherAnExecAndIsCountedToTheEvent() => FloodAsync("0.1");

    [RealContainersFact]
    [Trait("Category", "Soak")]
    public Task Flood_OfAMinute_CostsNoOtherAnExecAndIsCountedToTheEvent() => FloodAsync("1");

    [RealContainersFact]
    public async Task Floods_OfManyContainers_CostNoOtherAnExec()
    {
        await using var kubecop = await KubeCopProcess.StartAsync(new KubeCopOptions { HostRoot = containerd.HostRoot, LearningPeriod = "10m" });
        var floods = new List<ContainerdContainer>();
        try
        {
            // More than there are shares in a ring.
            for (var count = 0; count < 6; count++)
            {
                var flood = await containerd.RunAsync("/bin/load", "flood");
                floods.Add(flood);
                await flood.WaitUntilIdleAsync(kubecop);
                await flood.SignalAsync("USR1");
            }

            await using var quiet = await StartQuietAsync("0.1");
            await quiet.WaitForOutputAsync($"{Execs}", TimeSpan.FromMinutes(5));
            foreach (var flood in floods)
            {
                await flood.SignalAsync("USR2");
            }

            await AssertNothingLostAsync(kubecop, quiet);
        }
        finally
        {
            foreach (var flood in floods)
            {
                await flood.DisposeAsync();
            }
        }
    }

    private async Task FloodAsync(string secondsBetweenExecs)
    {
        await using var kubecop = await KubeCopProcess.StartAsync(new KubeCopOptions { HostRoot = containerd.HostRoot, LearningPeriod = "10m" });
        await using var flood = await containerd.RunAsync("/bin/load", "flood");

        await flood.WaitUntilIdleAsync(kubecop);
        var before = await EventFigures.OfAsync(kubecop, flood.Id);
        await flood.SignalAsync("USR1");

        await using var quiet = await StartQuietAsync(secondsBetweenExecs);
        await quiet.WaitForOutputAsync($"{Execs}", TimeSpan.FromMinutes(10));
        await Wait.UntilAsync(
            () => EventFigures.OfAsync(kubecop, flood.Id), static figures => figures.Lost.GetValueOrDefault("open") > 0, "loss of the flood's opens");
        await flood.SignalAsync("USR2");
        await flood.WaitForOutputAsync("done", TimeSpan.FromMinutes(2));
        var made = EventFigures.MadeBy(flood.Output);
        output.WriteLine($"made {EventFigures.Text(made)}");

        var after = await Wait.UntilAsync(
            () => EventFigures.OfAsync(kubecop, flood.Id),
            figures => made.All(kind => figures.AccountedSince(before)[kind.Key] == kind.Value),
            $"account of {EventFigures.Text(made)} since {before}");
        output.WriteLine($"{after}");
        Assert.True(await LossyContainersAsync(kubecop) >= 1, "No container counts as one that has lost events.");
        await kubecop.WaitForProfileAsync(flood.Namespace, flood.Id, static profile => profile.Containers[0].Lost > 0, "loss in the flood's profile");

        await AssertNothingLostAsync(kubecop, quiet);
    }

    private Task<ContainerdContainer> StartQuietAsync(string secondsBetweenExecs) => containerd.RunAsync(
        "/bin/sh", "-c", $"for i in $(/bin/seq {Execs}); do /bin/true $i; echo $i; /bin/sleep {secondsBetweenExecs}; done; exec /bin/sleep 1000");

    private static async Task AssertNothingLostAsync(KubeCopProcess kubecop, ContainerdContainer quiet)
    {
        var profile = await kubecop.WaitForProfileAsync(
            quiet.Namespace, quiet.Id, static profile => profile.Containers is [{ Execs: var execs }] && NumbersOf(execs).Count() == Execs, "every exec of the quiet container");
        Assert.Equal(Enumerable.Range(1, Execs), NumbersOf(profile.Containers[0].Execs).Order());
        Assert.Equal(0, profile.Containers[0].Lost);
        Assert.Empty((await EventFigures.OfAsync(kubecop, quiet.Id)).Lost);
    }

    private static IEnumerable<int> NumbersOf(IEnumerable<ExecView> execs) => execs
        .Where(static exec => exec.Path == "/bin/true" && exec.Args.Count > 0)
        .Select(static exec => int.Parse(exec.Args[^1], CultureInfo.InvariantCulture));

    private static async Task<int> LossyContainersAsync(KubeCopProcess kubecop) =>
        (int)Scrape.Parse(await kubecop.Http.GetStringAsync("/metrics")).Sum("kubecop_sensor_lossy_containers")!;
}
