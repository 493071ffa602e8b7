using System.Diagnostics;
using System.Globalization;
using KubeCop.Testing;
using KubeCop.Testing.Containers;
using KubeCop.Testing.Node;

namespace KubeCop.Node.Tests.EndToEnd;

/// <summary>Containers come and go, faster than anything that polls.</summary>
[Collection(nameof(WholeMachine))]
public sealed class ContainerLifeTests(ContainerdFixture containerd, ITestOutputHelper output)
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
    public Task Containers_OfContainerdStartedAndStopped_NothingIsLeft() => ChurnAsync(
        containerd.HostRoot, 100, async () => await containerd.RunToEndAsync(ContainerdFixture.NewId(), "/bin/cat", "/data/greeting"));

    [RealContainersFact]
    public Task Containers_ThreeHundredOfRunc_NothingIsLeft() => ChurnOfRuncAsync(300);

    [RealContainersFact]
    [Trait("Category", "Soak")]
    public Task Containers_FiveThousandOfRunc_NothingIsLeft() => ChurnOfRuncAsync(5000);

    private async Task ChurnOfRuncAsync(int count)
    {
        await using var bundle = await RuncBundle.MakeAsync(null, "/bin/load", "true");
        await ChurnAsync("/", count, () => bundle.RunToEndAsync(RuncBundle.NewId()));
    }

    private async Task ChurnAsync(string hostRoot, int count, Func<Task> runToEnd)
    {
        await using var kubecop = await KubeCopProcess.StartAsync(new KubeCopOptions { HostRoot = hostRoot, LearningPeriod = "1s" });

        var atStart = await Usage.OfAsync(kubecop);

        // The first ones pay for what is kept for all: pools, caches, compiled code.
        await RunAsync(20);
        await Wait.UntilAsync(() => Usage.OfAsync(kubecop), static usage => usage.Grains <= Usage.Others, "end of the first containers");
        var before = (await Usage.OfAsync(kubecop)) with { Cgroups = atStart.Cgroups, Slots = atStart.Slots, Followed = atStart.Followed };
        var watch = Stopwatch.StartNew();

        await RunAsync(count);

        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{count} containers, {count / watch.Elapsed.TotalSeconds:0.0} a second"));
        var after = await Wait.UntilAsync(
            () => Usage.OfAsync(kubecop),
            after => after.IsNoMoreThan(before),
            $"return to {before}",
            TimeSpan.FromMinutes(2));
        output.WriteLine($"before {before}");
        output.WriteLine($"after  {after}");
        Assert.Empty(kubecop.OtherOutput);
        Assert.DoesNotContain(" warn KubeCop.Grains.", kubecop.Errors, StringComparison.Ordinal);

        Task RunAsync(int containers) => Parallel.ForEachAsync(
            Enumerable.Range(0, containers), new ParallelOptions { MaxDegreeOfParallelism = 4 }, async (_, _) => await runToEnd());
    }

    /// <summary>The ids of our containers, as far as kubecop knows them.</summary>
    private async Task<IReadOnlyList<string?>> ContainersAsync(KubeCopProcess kubecop) =>
        [
            .. (await kubecop.GetAsync("/api/v1/containers")).GetProperty("items").EnumerateArray()
                .Where(container => container.GetProperty("workload").GetProperty("namespace").GetString() == containerd.Namespace)
                .Select(static container => container.GetProperty("id").GetString()),
        ];

    /// <summary>What must not grow. Containers of tests that run at the same time are in it too, so a few more mean nothing.</summary>
    private sealed record Usage(int Threads, int Descriptors, int Cgroups, int Slots, int Followed, int SetupProcesses, int Grains, long ManagedMegabytes)
    {
        public const int Others = 8;

        public bool IsNoMoreThan(Usage before) =>
            Threads <= before.Threads + Others
            && Descriptors <= before.Descriptors + Others
            && Cgroups <= before.Cgroups + Others
            && Slots <= before.Slots + Others
            && Followed <= before.Followed + Others
            && SetupProcesses <= Others
            && Grains <= Others;

        public static async Task<Usage> OfAsync(KubeCopProcess kubecop)
        {
            var metrics = (await kubecop.Http.GetStringAsync("/metrics")).Split('\n');
            return new Usage(
                Directory.GetDirectories($"/proc/{kubecop.Process.Id}/task").Length,
                Directory.GetFiles($"/proc/{kubecop.Process.Id}/fd").Length,
                Metric("kubecop_sensor_cgroups"),
                Metric("kubecop_sensor_filtered_cgroups"),
                Metric("kubecop_sensor_followed_cgroups"),
                Metric("kubecop_sensor_setup_processes"),
                Metric("kubecop_container_grains"),
                (long)Value("dotnet_total_memory_bytes") >> 20);

            int Metric(string name) => (int)Value(name);

            double Value(string name) => metrics.Where(line => line.StartsWith($"{name} ", StringComparison.Ordinal))
                .Select(static line => double.Parse(line.Split(' ')[1], CultureInfo.InvariantCulture)).Single();
        }
    }
}
