using KubeCop.Testing;
using KubeCop.Testing.Containers;
using KubeCop.Testing.Node;

namespace KubeCop.Node.Tests.EndToEnd;

/// <summary>Containers come and go, faster than anything that polls.</summary>
public sealed class ContainerLifeTests(ContainerdFixture containerd)
{
    [RealContainersFact]
    public async Task ContainerThatLivesForAMoment_ItsBehaviourIsLearned()
    {
        await using var kubecop = await KubeCopProcess.StartAsync(new KubeCopOptions { HostRoot = containerd.HostRoot });
        var id = ContainerdFixture.NewId();

        // The build under test is not precompiled as the published one is: the first container pays for compiling what looks at it.
        await using var first = await containerd.RunAsync("/bin/sleep", "1000");
        await Wait.UntilAsync(() => ContainersAsync(kubecop), ids => ids.Contains(first.Id), $"container {first.Id}");

        await containerd.RunToEndAsync(id, "/bin/cat", "/data/greeting");

        var profile = await kubecop.WaitForProfileAsync(
            containerd.Namespace,
            id,
            static profile => profile.Containers is [{ Execs.Count: > 0, Opens.Count: > 0 }],
            "learned behaviour of a container that has ended");
        Assert.Equal(["/bin/cat"], profile.Containers[0].Execs.Select(static exec => exec.Path));
        Assert.Equal(["/data/greeting"], profile.Containers[0].Opens.Select(static open => open.Path));
        await Wait.UntilAsync(() => ContainersAsync(kubecop), ids => !ids.Contains(id), $"end of container {id}");
    }

    /// <summary>
    /// runc writes down what it runs only just before it does, and forgets it right after: an instant container can be gone before
    /// anybody has looked.
    /// </summary>
    [RealContainersFact]
    public async Task InstantContainersOfPlainRunc_InARow_AreAllLearned()
    {
        await using var kubecop = await KubeCopProcess.StartAsync(new KubeCopOptions());
        await using var bundle = await RuncBundle.MakeAsync(null, "/bin/true");
        string[] ids = [.. Enumerable.Range(0, 30).Select(static _ => RuncBundle.NewId())];

        foreach (var id in ids)
        {
            await bundle.RunToEndAsync(id);
        }

        foreach (var id in ids)
        {
            var profile = await kubecop.WaitForProfileAsync(
                "default", id, static profile => profile.Containers is [{ Execs.Count: > 0 }], $"what container {id} did");
            Assert.Equal(["/bin/true"], profile.Containers[0].Execs.Select(static exec => exec.Path));
        }
    }

    [RealContainersFact]
    public async Task TwoHundredContainers_StartedAndStopped_NothingIsLeft()
    {
        await using var kubecop = await KubeCopProcess.StartAsync(new KubeCopOptions { HostRoot = containerd.HostRoot, LearningPeriod = "1s" });

        // The first ones pay for what is kept for all: pools, caches, compiled code.
        await RunContainersAsync(20);
        await Wait.UntilAsync(() => ContainersAsync(kubecop), static ids => ids.Count == 0, "end of the first containers");
        var before = await Usage.OfAsync(kubecop);

        await RunContainersAsync(200);

        await Wait.UntilAsync(() => ContainersAsync(kubecop), static ids => ids.Count == 0, "end of all containers");
        await Wait.UntilAsync(
            () => Usage.OfAsync(kubecop),
            after => after.Threads <= before.Threads + 8 && after.Descriptors <= before.Descriptors + 8 && after.Cgroups <= before.Cgroups + 8,
            $"return of threads, descriptors and entries of the kernel's map to {before}",
            TimeSpan.FromSeconds(60));
        Assert.Empty(kubecop.OtherOutput);
    }

    private Task RunContainersAsync(int count) => Parallel.ForEachAsync(
        Enumerable.Range(0, count),
        new ParallelOptions { MaxDegreeOfParallelism = 4 },
        async (_, _) => await containerd.RunToEndAsync(ContainerdFixture.NewId(), "/bin/cat", "/data/greeting"));

    /// <summary>The ids of our containers, as far as kubecop knows them.</summary>
    private async Task<IReadOnlyList<string?>> ContainersAsync(KubeCopProcess kubecop) =>
        [
            .. (await kubecop.GetAsync("/api/v1/containers")).GetProperty("items").EnumerateArray()
                .Where(container => container.GetProperty("workload").GetProperty("namespace").GetString() == containerd.Namespace)
                .Select(static container => container.GetProperty("id").GetString()),
        ];

    /// <summary>What must not grow. Other tests' cgroups are in it too, so a few more mean nothing.</summary>
    private sealed record Usage(int Threads, int Descriptors, int Cgroups)
    {
        public static async Task<Usage> OfAsync(KubeCopProcess kubecop) => new(
            Directory.GetDirectories($"/proc/{kubecop.Process.Id}/task").Length,
            Directory.GetFiles($"/proc/{kubecop.Process.Id}/fd").Length,
            (await kubecop.GetAsync("/api/v1/node")).GetProperty("sensor").GetProperty("cgroups").GetInt32());
    }
}
