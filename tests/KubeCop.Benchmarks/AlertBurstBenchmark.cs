using System.Globalization;
using KubeCop.Testing;
using KubeCop.Testing.Containers;
using KubeCop.Testing.Node;

namespace KubeCop.Benchmarks;

/// <summary>
/// Memory of the whole program before and after a burst of alerts that are all different: a container whose profile is final makes files it
/// never made. Before it a smaller burst, so that everything has been used once; after each of them the folding windows close.
/// </summary>
internal static class AlertBurstBenchmark
{
    private const int WarmUp = 1000;
    private const int Burst = 10_000;
    private const double GoalMegabytes = 6;

    /// <summary>Longer than a folding window.</summary>
    private static readonly TimeSpan Quiet = TimeSpan.FromSeconds(90);

    public static async Task RunAsync()
    {
        Conditions.Print("alerts", $"a burst of {Burst:N0} different alerts after one of {WarmUp:N0}, each followed by {Quiet.TotalSeconds:0} s of quiet; MiB RSS");
        await MeasureAsync("no limit", new Dictionary<string, string> { ["KubeCop:Alerts:MaxPerMinute"] = $"{2 * Burst}" }, Burst);
        await MeasureAsync("default limit", new Dictionary<string, string>(), expected: 101);
    }

    private static async Task MeasureAsync(string what, IReadOnlyDictionary<string, string> settings, int expected)
    {
        await using var containerd = new ContainerdFixture();
        await containerd.InitializeAsync();
        await using var kubecop = await KubeCopProcess.StartAsync(new KubeCopOptions { LearningPeriod = "5s", HostRoot = containerd.HostRoot, Settings = settings });
        await using var container = await containerd.RunAsync("/bin/sh", "-c", "while true; do /bin/sleep 0.1; done");
        await kubecop.WaitForProfileAsync(containerd.Namespace, container.Id, static profile => profile.State == "final", "a final profile");

        await MakeFilesAsync(container, kubecop, "warm-up", WarmUp, Math.Min(WarmUp, expected));
        await Task.Delay(Quiet);
        var before = await ResidentMegabytesAsync(kubecop);
        await MakeFilesAsync(container, kubecop, "burst", Burst, expected);
        var burst = await ResidentMegabytesAsync(kubecop);
        await Task.Delay(Quiet);
        var after = await ResidentMegabytesAsync(kubecop);
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"  {what,-14} before {before:0.0}   just after the burst {burst:0.0}   after {after:0.0}   difference {after - before:+0.0;-0.0}   (goal: at most +{GoalMegabytes:0})"));
    }

    private static async Task MakeFilesAsync(ContainerdContainer container, KubeCopProcess kubecop, string name, int files, int expected)
    {
        var before = await RaisedAsync(kubecop);
        await container.ShellAsync($"mkdir -p /{name}; i=0; while [ $i -lt {files} ]; do : >/{name}/$i; i=$((i+1)); done");
        try
        {
            await Wait.UntilAsync(() => RaisedAsync(kubecop), raised => raised >= before + expected, $"{expected} more alerts than {before}", TimeSpan.FromMinutes(2));
        }
        catch (TimeoutException exception)
        {
            throw new TimeoutException($"{exception.Message}\n{await kubecop.GetAsync("/api/v1/node")}\n{kubecop.Errors}");
        }
    }

    // Not those on standard output: its queue is bounded, and a burst may be faster than whoever reads.
    private static async Task<long> RaisedAsync(KubeCopProcess kubecop) =>
        (await kubecop.GetAsync("/api/v1/node")).GetProperty("alerts").GetProperty("raised").GetInt64();

    /// <summary>Median of a second's samples.</summary>
    private static async Task<double> ResidentMegabytesAsync(KubeCopProcess kubecop)
    {
        var samples = new List<double>();
        for (var sample = 0; sample < 10; sample++)
        {
            kubecop.Process.Refresh();
            samples.Add(kubecop.Process.WorkingSet64 / 1048576.0);
            await Task.Delay(TimeSpan.FromMilliseconds(100));
        }

        return Statistics.Percentile(samples, 0.5);
    }
}
