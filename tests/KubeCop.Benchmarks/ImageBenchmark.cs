using System.Globalization;
using KubeCop.Testing.Containers;

namespace KubeCop.Benchmarks;

/// <summary>The image: how much is to be fetched, how long a container of it takes to be ready, and its memory a minute later.</summary>
internal static class ImageBenchmark
{
    private const int Starts = 5;

    private static readonly TimeSpan Rest = TimeSpan.FromSeconds(60);

    public static async Task RunAsync()
    {
        if (KubeCopImage.Missing is { } missing)
        {
            Console.WriteLine($"image: {missing}");
            return;
        }

        await using var containerd = new ContainerdFixture();
        await containerd.InitializeAsync();
        var starts = new List<double>();
        var once = new List<double>();
        var rested = 0.0;
        for (var round = 0; round < Starts; round++)
        {
            await using var kubecop = await KubeCopPod.StartAsync(containerd);
            starts.Add(kubecop.ReadyAfter.TotalSeconds);
            var process = await containerd.GetProcessIdAsync(kubecop.Container);
            once.Add(ResidentMegabytes(process));
            if (round == Starts - 1)
            {
                await Task.Delay(Rest);
                rested = ResidentMegabytes(process);
            }
        }

        Console.WriteLine($"image: {Starts} starts of a container, read-only root, with the capabilities of the chart");
        Console.WriteLine($"  MiB compressed        {await KubeCopImage.GetCompressedSizeAsync() / 1048576.0:0.0}");
        Console.WriteLine($"  seconds to ready      first {starts[0]:0.00}   median {Statistics.Percentile(starts, 0.5):0.00}   highest {starts.Max():0.00}");
        Console.WriteLine($"  MiB RSS once ready    median {Statistics.Percentile(once, 0.5):0}   highest {once.Max():0}");
        Console.WriteLine($"  MiB RSS after {Rest.TotalSeconds:0} s    {rested:0}");
    }

    // As the kernel counts it: it is no child of this process.
    private static double ResidentMegabytes(int process) =>
        File.ReadLines($"/proc/{process}/status").Where(static line => line.StartsWith("VmRSS:", StringComparison.Ordinal))
            .Select(static line => double.Parse(line.Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) / 1024)
            .Single();
}
