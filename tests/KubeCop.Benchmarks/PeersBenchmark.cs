using System.Diagnostics;
using System.Globalization;
using KubeCop.Testing;
using KubeCop.Testing.Containers;
using KubeCop.Testing.Node;

namespace KubeCop.Benchmarks;

/// <summary>
/// What being watched costs a container: its opens and execs a second with KubeCop, with the tracers of libbpf-tools, and with nothing, in
/// turn, and in reversed order each second round.
/// </summary>
internal static class PeersBenchmark
{
    private const string Tracefs = "/sys/kernel/tracing";
    private const int Rounds = 5;
    private const string Unwatched = "unwatched";

    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(1.5);

    /// <summary>After its start .NET compiles what runs often once more, which takes half a second of a processor.</summary>
    private static readonly TimeSpan Warm = TimeSpan.FromSeconds(15);

    private static readonly (string Name, string[] Load)[] Loads = [("open", ["open", "2s", "/etc/passwd"]), ("exec", ["exec", "2s"])];

    public static async Task RunAsync()
    {
        using var code = await NativeCode.CompileAsync();
        using var data = new TestDirectory();
        await using var containerd = new ContainerdFixture();
        await containerd.InitializeAsync();
        var options = new KubeCopOptions { DataDirectory = data.Combine("data"), LearningPeriod = "5s", HostRoot = containerd.HostRoot };
        ContainerdContainer container;
        await using (var learning = await KubeCopProcess.StartAsync(options))
        {
            container = await containerd.RunAsync(ContainerdFixture.NewId(), ["/bin/sleep", "100000"], ["--mount", $"type=bind,src={code.Load},dst=/load,options=rbind:ro"]);
            foreach (var (_, load) in Loads)
            {
                await container.ExecAsync(["/load", .. load]);
            }

            await learning.WaitForProfileAsync(container.Namespace, container.Id, static profile => profile.State == "final", "a final profile");
            await learning.TerminateAsync();
        }

        // What the tracers attach to; they cannot do without.
        var mounted = !Directory.Exists($"{Tracefs}/events");
        if (mounted)
        {
            await Commands.RunAsync("mount", "-t", "tracefs", "tracefs", Tracefs);
        }

        var alerts = 0;
        var samples = new Dictionary<(string Load, string Watcher), List<(double Rate, double Cpu)>>();
        Func<Task>[] modes = [UnwatchedAsync, KubeCopAsync, TracersAsync];
        for (var round = 0; round < Rounds; round++)
        {
            foreach (var mode in round % 2 == 0 ? modes : modes.Reverse())
            {
                await mode();
            }
        }

        await container.DisposeAsync();
        if (mounted)
        {
            await Commands.RunAsync("umount", Tracefs);
        }

        Conditions.Print("peers", $"median of {Rounds} rounds of 2 s, in turn; ratio to the unwatched median; CPU seconds of the watcher in those 2 s");
        Console.WriteLine($"  {"",-12} {"opens/s",10} {"ratio",7} {"CPU",6}     {"execs/s",10} {"ratio",7} {"CPU",6}");
        foreach (var watcher in samples.Keys.Select(static key => key.Watcher).Distinct().OrderDescending(StringComparer.Ordinal))
        {
            Console.WriteLine($"  {watcher,-12} {Columns("open", watcher)}     {Columns("exec", watcher)}");
        }

        Console.WriteLine($"  goal for kubecop: ratios of at least 0.85 and 0.90, at most 0.2 CPU seconds; alerts {alerts} (expected 0)");

        Task UnwatchedAsync() => MeasureAllAsync(Unwatched, null);

        async Task KubeCopAsync()
        {
            await using var kubecop = await KubeCopProcess.StartAsync(options);

            // The kernel's filter begins empty.
            await container.ExecAsync("/load", "open", "10", "/etc/passwd");
            await container.ExecAsync("/load", "exec", "10");
            await Task.Delay(Warm);
            await MeasureAllAsync("kubecop", kubecop.Process);
            alerts += kubecop.Alerts.Count;
            await kubecop.TerminateAsync();
        }

        async Task TracersAsync()
        {
            foreach (var load in Loads)
            {
                using var tracer = Process.Start(new ProcessStartInfo("sh", ["-c", $"exec {Commands.Find($"{load.Name}snoop")} >/dev/null 2>&1"]))!;
                await Task.Delay(Settling);
                if (tracer.HasExited)
                {
                    throw new InvalidOperationException($"{load.Name}snoop ended by itself, with exit status {tracer.ExitCode}: start it alone to see why.");
                }

                await MeasureAsync("libbpf-tools", load, tracer);
                tracer.Kill();
                await tracer.WaitForExitAsync();
            }
        }

        async Task MeasureAllAsync(string watcher, Process? process)
        {
            foreach (var load in Loads)
            {
                await MeasureAsync(watcher, load, process);
            }
        }

        async Task MeasureAsync(string watcher, (string Name, string[] Load) load, Process? process)
        {
            var before = Cpu(process);
            var (operations, seconds) = NativeCode.Parse(await container.ExecAsync(["/load", .. load.Load]));
            if (!samples.TryGetValue((load.Name, watcher), out var list))
            {
                samples.Add((load.Name, watcher), list = []);
            }

            list.Add((operations / seconds, Cpu(process) - before));
        }

        string Columns(string load, string watcher)
        {
            var rate = Rate(watcher);
            var cpu = watcher == Unwatched ? "" : Statistics.Percentile(samples[(load, watcher)].Select(static sample => sample.Cpu), 0.5).ToString("0.00", CultureInfo.InvariantCulture);
            return string.Create(CultureInfo.InvariantCulture, $"{rate,10:N0} {rate / Rate(Unwatched),7:0.00} {cpu,6}");

            double Rate(string of) => Statistics.Percentile(samples[(load, of)].Select(static sample => sample.Rate), 0.5);
        }
    }

    private static double Cpu(Process? process)
    {
        process?.Refresh();
        return process?.TotalProcessorTime.TotalSeconds ?? 0;
    }
}
