using System.Globalization;
using KubeCop.Host.Bindings;
using KubeCop.Testing.Containers;
using KubeCop.Testing.Node;

namespace KubeCop.Benchmarks;

/// <summary>The whole program beside a container that does, second by second, what its final profile knows.</summary>
internal static class SteadyBenchmark
{
    private const int Opens = 1000;
    private const int Connects = 100;
    private const int Questions = 100;
    private const int Execs = 10;
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(40);

    /// <summary>Every one of these is reported.</summary>
    private static readonly string[] OfProcesses = ["fork", "exec", "exit"];

    public static async Task RunAsync()
    {
        using var code = await NativeCode.CompileAsync();
        await using var containerd = new ContainerdFixture();
        await containerd.InitializeAsync();
        using var bindings = new BindingFile();
        // The program of the load is mounted: what a signature rule fires on is not learned.
        bindings.Bind(DefaultBinding.Rules.Rules.Select(static bound => bound.Rule.Descriptor.Id).Where(static id => id != "R1004"));
        await using var kubecop = await KubeCopProcess.StartAsync(new KubeCopOptions
        {
            LearningPeriod = "10s",
            HostRoot = containerd.HostRoot,
            MoreArguments = ["--bindings", bindings.Path],
        });
        var start = await ShareOfCoreAsync(kubecop, TimeSpan.FromSeconds(10));
        await using var container = await containerd.RunAsync(
            ContainerdFixture.NewId(),
            ["/load", "steady", $"{Opens}", $"{Connects}", $"{Questions}", $"{Execs}"],
            ["--net-host", "--mount", $"type=bind,src={code.Load},dst=/load,options=rbind:ro"]);
        await kubecop.WaitForProfileAsync(container.Namespace, container.Id, static profile => profile.State == "final", "a final profile");
        // The runtime compiles what runs often once more in this time: steady is what comes after.
        await Task.Delay(TimeSpan.FromSeconds(60));

        var before = await CountersAsync(kubecop);
        var alerts = kubecop.Alerts.Count;
        var busy = await ShareOfCoreAsync(kubecop, Window);
        var after = await CountersAsync(kubecop);

        var raised = kubecop.Alerts.Skip(alerts).ToList();

        Conditions.Print("steady", $"one run of {Window.TotalSeconds} s; a second: {Opens} opens, {Connects} connects, {Questions} DNS questions, {Execs} execs");
        Console.WriteLine($"  {"kind",-12} {"reported",10} {"ended in the kernel",20}");
        foreach (var kind in after.Keys.Select(static key => key.Kind).Distinct().Order(StringComparer.Ordinal))
        {
            Console.WriteLine($"  {kind,-12} {Of("events", kind),10} {Of("repeats", kind),20}");
        }

        var others = after.Keys.Select(static key => key.Kind).Distinct().Except(OfProcesses).ToList();
        var repeats = others.Sum(kind => Of("repeats", kind));
        var share = (double)repeats / (repeats + others.Sum(kind => Of("events", kind)));
        Console.WriteLine($"  ended in the kernel, without fork, exec and exit   {Percent(share)}   (goal: at least 99 %)");
        Console.WriteLine($"  share of one core                                  {Percent(busy)}   (goal: at most 2 %; in the first 10 s after its start {Percent(start)})");
        Console.WriteLine($"  alerts                                             {raised.Count}   (expected 0)");
        raised.ForEach(static alert => Console.WriteLine($"    {alert}"));

        long Of(string what, string kind) => after.GetValueOrDefault((what, kind)) - before.GetValueOrDefault((what, kind));
    }

    private static async Task<double> ShareOfCoreAsync(KubeCopProcess kubecop, TimeSpan window)
    {
        kubecop.Process.Refresh();
        var cpu = kubecop.Process.TotalProcessorTime;
        await Task.Delay(window);
        kubecop.Process.Refresh();
        return (kubecop.Process.TotalProcessorTime - cpu) / window;
    }

    /// <summary>kubecop_sensor_events_total and kubecop_sensor_repeats_total, by kind.</summary>
    private static async Task<Dictionary<(string What, string Kind), long>> CountersAsync(KubeCopProcess kubecop)
    {
        var counters = new Dictionary<(string, string), long>();
        foreach (var line in (await kubecop.Http.GetStringAsync("/metrics")).Split('\n'))
        {
            foreach (var what in (string[])["events", "repeats"])
            {
                if (line.StartsWith($"kubecop_sensor_{what}_total{{", StringComparison.Ordinal))
                {
                    counters[(what, line.Split('"')[1])] = long.Parse(line[(line.LastIndexOf(' ') + 1)..], CultureInfo.InvariantCulture);
                }
            }
        }

        return counters;
    }

    private static string Percent(double share) => string.Create(CultureInfo.InvariantCulture, $"{share * 100:0.00} %");
}
