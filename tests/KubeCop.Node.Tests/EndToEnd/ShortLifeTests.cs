using KubeCop.Testing;
using KubeCop.Testing.Containers;
using KubeCop.Testing.Node;

namespace KubeCop.Node.Tests.EndToEnd;

/// <summary>What is over before anybody could look.</summary>
[Collection(nameof(WholeMachine))]
public sealed class ShortLifeTests(ContainerdFixture containerd)
{
    private const int Containers = 20;
    private const int Processes = 2000;

    [RealContainersFact]
    public async Task FirstInstants_OfContainersInARow_AreAllLearned()
    {
        await using var kubecop = await KubeCopProcess.StartAsync(new KubeCopOptions { HostRoot = containerd.HostRoot, LearningPeriod = "10m" });
        string[] ids = [.. Enumerable.Range(0, Containers).Select(static _ => ContainerdFixture.NewId())];

        for (var number = 0; number < Containers; number++)
        {
            await containerd.RunToEndAsync(ids[number], "/bin/load", "instant", $"{number}");
        }

        for (var number = 0; number < Containers; number++)
        {
            var profile = await kubecop.WaitForProfileAsync(
                containerd.Namespace, ids[number], static profile => profile.Containers is [{ Execs.Count: 2 }], $"both execs of container {number}");
            var container = profile.Containers[0];
            Assert.Equal([$"instant {number}", $"true {number}"], container.Execs.Select(static exec => string.Join(' ', exec.Args)).Order(StringComparer.Ordinal));
            Assert.Equal([$"/dev/shm/{number}"], container.Opens.Select(static open => open.Path));
            Assert.Equal([new NetworkView("udp", 20_000 + number, "127.0.0.1")], container.NetworkActivity.Outgoing);
            Assert.Equal(0, container.Lost);
        }
    }

    [RealContainersFact]
    public async Task Processes_OfLessThanAMillisecond_AreAllThere()
    {
        await using var kubecop = await KubeCopProcess.StartAsync(new KubeCopOptions
        {
            HostRoot = containerd.HostRoot,
            LearningPeriod = "10m",
            // All of them fit in a container's share, however busy the machine is.
            Settings = new Dictionary<string, string> { ["KubeCop:Sensor:CriticalRingBytes"] = $"{16 * 1024 * 1024}" },
        });
        await using var container = await containerd.RunAsync("/bin/load", "exec", $"{Processes}");
        await container.WaitForOutputAsync("ready");
        await container.WaitUntilIdleAsync(kubecop);
        var before = await EventFigures.OfAsync(kubecop, container.Id);

        await container.SignalAsync("USR1");
        await container.WaitForOutputAsync("done");

        var after = await Wait.UntilAsync(
            () => EventFigures.OfAsync(kubecop, container.Id),
            figures => figures.AccountedSince(before)["exit"] == Processes,
            $"{Processes} exits since {before}");
        var made = after.AccountedSince(before);
        Assert.Equal((Processes, Processes, Processes), (made["fork"], made["exec"], made["exit"]));
        Assert.Empty(after.Lost);
    }
}
