using System.Globalization;
using KubeCop.Testing;
using KubeCop.Testing.Containers;
using KubeCop.Testing.Node;

namespace KubeCop.Benchmarks;

/// <summary>
/// From the change of the bindings' file to its effect in a running container that starts a program some thirty times a second: to the first
/// of them that is an alert, and to the last. By the kernel's time of the programs, so it does not count how long an alert takes to be told.
/// </summary>
internal static class RebindBenchmark
{
    private const int Rounds = 20;

    public static async Task RunAsync()
    {
        Conditions.Print("rebind", $"R1000 bound and unbound {Rounds} times");
        await using var containerd = new ContainerdFixture();
        await containerd.InitializeAsync();
        using var files = new BindingFile();
        files.Bind("R1001");
        await using var kubecop = await KubeCopProcess.StartAsync(new KubeCopOptions
        {
            HostRoot = containerd.HostRoot,
            MoreArguments = ["--bindings", files.Path],
            Settings = new Dictionary<string, string> { ["KubeCop:Alerts:MaxPerMinute"] = "100000" },
        });
        await using var container = await containerd.RunAsync("/bin/sh", "-c", BindingFile.Loop);
        await Wait.UntilAsync(() => container.OutputLines, static lines => lines > 10, "programs");
        var (on, off) = (new List<double>(), new List<double>());
        for (var round = 0; round < Rounds; round++)
        {
            var before = Alerts().Count;
            var bound = files.Bind("R1001", "R1000");
            var first = (await Wait.UntilAsync(Alerts, alerts => alerts.Count > before, "an alert of R1000"))[before];
            on.Add((first.Timestamp - bound).TotalMilliseconds);
            var unbound = files.Bind("R1001");
            var last = await Wait.UntilAsync(() => Alerts()[^1], alert => BindingFile.NumberOf(alert) + 20 < container.OutputLines, "twenty programs without an alert");
            off.Add((last.Timestamp - unbound).TotalMilliseconds);
        }

        Print("bound: first program that is an alert", on);
        Print("unbound: last program that is one", off);

        List<AlertView> Alerts() => [.. kubecop.AlertsOf(container.Id).Where(static alert => alert.RuleId == "R1000")];
    }

    private static void Print(string what, List<double> milliseconds) => Console.WriteLine(string.Create(
        CultureInfo.InvariantCulture,
        $"  {what,-42} median {Statistics.Percentile(milliseconds, 0.5):0} ms   highest {milliseconds.Max():0} ms   (goal: at most 1000)"));
}
