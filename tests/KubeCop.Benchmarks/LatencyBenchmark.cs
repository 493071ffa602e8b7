using KubeCop.Testing;
using KubeCop.Testing.Containers;
using KubeCop.Testing.Node;
using KubeCop.Testing.Receivers;

namespace KubeCop.Benchmarks;

/// <summary>
/// The whole way on a real container: a program whose profile is final opens 1000 files it never opened, one every ten milliseconds, then
/// starts 200 programs it never started. Measured from the kernel's time of the event to the time the alert's line was read from stdout: with
/// no other exporter, and beside four of which one never gets an answer.
/// </summary>
internal static class LatencyBenchmark
{
    private const int Opens = 1000;
    private const int Execs = 200;
    private const int Warmup = 100;

    public static async Task RunAsync()
    {
        await using var containerd = new ContainerdFixture();
        await containerd.InitializeAsync();
        await MeasureAsync(containerd, "no exporter but stdout", []);

        using var directory = new TestDirectory();
        await using var alertmanager = await AlertmanagerServer.StartNewAsync();
        await using var syslog = await RsyslogServer.StartNewAsync();
        using var hung = new HttpReceiverServer { Answer = static _ => (200, null, TimeSpan.FromHours(1)) };
        await MeasureAsync(containerd, "Alertmanager, rsyslog (TCP), CSV, and an HTTP receiver that never answers", new Dictionary<string, string>
        {
            ["KubeCop:Export:Alertmanager:Urls:0"] = alertmanager.Address,
            ["KubeCop:Export:Syslog:Address"] = $"127.0.0.1:{syslog.TcpPort}",
            ["KubeCop:Export:Syslog:Protocol"] = "tcp",
            ["KubeCop:Export:Csv:Path"] = directory.Combine("alerts.csv"),
            ["KubeCop:Export:Http:Url"] = hung.Url,
        });
    }

    private static async Task MeasureAsync(ContainerdFixture containerd, string exporters, Dictionary<string, string> settings)
    {
        Console.WriteLine(exporters);
        await using var kubecop = await KubeCopProcess.StartAsync(new KubeCopOptions
        {
            LearningPeriod = "5s",
            HostRoot = containerd.HostRoot,
            Settings = new Dictionary<string, string>(settings) { ["KubeCop:Alerts:MaxPerMinute"] = $"{2 * (Opens + Warmup)}" },
        });
        await using var container = await containerd.RunAsync("/bin/sh", "-c", "while true; do /bin/sleep 0.1; done");
        await kubecop.WaitForProfileAsync(containerd.Namespace, container.Id, static profile => profile.State == "final", "a final profile");

        // What raises and exports the first alerts is compiled with them.
        await OpenAsync("first", Warmup);
        await Report("the first ones after the start", "open", Warmup, static path => path.StartsWith("/first/", StringComparison.Ordinal));
        await OpenAsync("files", Opens);
        await Report("open to alert line (R0002)", "open", Opens, static path => path.StartsWith("/files/", StringComparison.Ordinal));

        await container.ShellAsync($"mkdir -p /programs; i=0; while [ $i -lt {Execs} ]; do ln -s /bin/busybox /programs/$i; /programs/$i 2>/dev/null; /bin/busybox usleep 10000; i=$((i+1)); done");
        await Report("exec to alert line (R0001)", "exec", Execs, static path => path.StartsWith("/programs/", StringComparison.Ordinal));

        Task OpenAsync(string directory, int count) =>
            container.ShellAsync($"mkdir -p /{directory}; i=0; while [ $i -lt {count} ]; do : >/{directory}/$i; /bin/busybox usleep 10000; i=$((i+1)); done");

        async Task Report(string what, string kind, int expected, Func<string, bool> isOurs)
        {
            var alerts = await Wait.UntilAsync(
                () => kubecop.Alerts.Where(alert => alert.State == "new" && alert.EventText("kind") == kind && isOurs(alert.EventText("path") ?? "")).ToArray(),
                found => found.Length >= expected,
                $"{expected} alerts about {kind}",
                TimeSpan.FromMinutes(1));
            var milliseconds = alerts.Select(static alert => (alert.ReceivedAt - alert.Timestamp).TotalMilliseconds).ToArray();
            Console.WriteLine($"  {what}: {alerts.Length} alerts");
            Console.WriteLine(
                $"    milliseconds          p50 {Statistics.Percentile(milliseconds, 0.5):0.00}   p99 {Statistics.Percentile(milliseconds, 0.99):0.00}   highest {milliseconds.Max():0.00}");
        }
    }
}
