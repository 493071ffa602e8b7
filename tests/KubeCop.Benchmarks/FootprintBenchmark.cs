using System.Diagnostics;
using System.Globalization;
using KubeCop.Testing;
using KubeCop.Testing.Containers;
using KubeCop.Testing.Node;

namespace KubeCop.Benchmarks;

/// <summary>Start-up to ready, and the memory of the process: just started, then with 50 running containers that learn.</summary>
internal static class FootprintBenchmark
{
    private const int Starts = 5;
    private const int Containers = 50;

    public static async Task RunAsync()
    {
        var starts = new List<double>();
        var memory = new List<double>();
        for (var round = 0; round < Starts; round++)
        {
            var watch = Stopwatch.StartNew();
            await using var started = await KubeCopProcess.StartAsync(new KubeCopOptions());
            starts.Add(watch.Elapsed.TotalSeconds);
            memory.Add(ResidentMegabytes(started.Process));
        }

        Console.WriteLine($"footprint: {Starts} starts of {KubeCopProcess.Executable}");
        Console.WriteLine($"  seconds to ready      median {Statistics.Percentile(starts, 0.5):0.00}   highest {starts.Max():0.00}");
        Console.WriteLine($"  MiB RSS once ready    median {Statistics.Percentile(memory, 0.5):0}   highest {memory.Max():0}");

        await using var containerd = new ContainerdFixture();
        await containerd.InitializeAsync();
        await using var kubecop = await KubeCopProcess.StartAsync(new KubeCopOptions { LearningPeriod = "10m", HostRoot = containerd.HostRoot });
        var containers = new List<ContainerdContainer>();
        for (var index = 0; index < Containers; index++)
        {
            containers.Add(await containerd.RunAsync("/bin/sh", "-c", "while true; do /bin/cat /etc/passwd; /bin/sleep 1; done"));
        }

        await Wait.UntilAsync(
            () => kubecop.GetAsync("/api/v1/containers"),
            static list => list.GetProperty("items").GetArrayLength() >= Containers,
            $"{Containers} containers");
        var cpu = kubecop.Process.TotalProcessorTime;
        var window = Stopwatch.StartNew();
        await Task.Delay(TimeSpan.FromSeconds(20));
        kubecop.Process.Refresh();
        var share = (kubecop.Process.TotalProcessorTime - cpu) / window.Elapsed;
        Console.WriteLine($"  {Containers} containers, each 2 execs and a file a second, learning:");
        Console.WriteLine($"  MiB RSS               {ResidentMegabytes(kubecop.Process):0}");
        Console.WriteLine($"  share of one core     {share.ToString("P1", CultureInfo.InvariantCulture)}");
        foreach (var container in containers)
        {
            await container.DisposeAsync();
        }
    }

    private static double ResidentMegabytes(Process process)
    {
        process.Refresh();
        return process.WorkingSet64 / 1048576.0;
    }
}
