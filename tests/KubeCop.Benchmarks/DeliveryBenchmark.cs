using System.Diagnostics;
using System.Globalization;
using KubeCop.Core.Alerts;
using KubeCop.Core.Rules;
using KubeCop.Exporters.Alertmanager;
using KubeCop.Exporters.Csv;
using KubeCop.Exporters.Delivery;
using KubeCop.Exporters.Http;
using KubeCop.Exporters.Syslog;
using KubeCop.Testing;
using KubeCop.Testing.Receivers;
using Microsoft.Extensions.Logging.Abstractions;

namespace KubeCop.Benchmarks;

/// <summary>
/// A burst of alerts to four exporters with real receivers, of which one never answers: what handing an alert over costs whoever raises it, how
/// fast Alertmanager gets them, and the memory afterwards.
/// </summary>
internal static class DeliveryBenchmark
{
    private const int Burst = 10_000;
    private const int Rounds = 5;

    public static async Task RunAsync()
    {
        Conditions.Print("delivery", $"{Burst:N0} alerts to Alertmanager, rsyslog (TCP), a CSV file and an HTTP receiver that never answers; {Rounds} rounds");
        using var directory = new TestDirectory();
        await using var alertmanager = await AlertmanagerServer.StartNewAsync();
        await using var syslog = await RsyslogServer.StartNewAsync();
        using var hung = new HttpReceiverServer { Answer = static _ => (200, null, TimeSpan.FromHours(1)) };
        using var dispatcher = new AlertDispatcher(
            [
                new AlertmanagerExporter(alertmanager.Address, new AlertmanagerOptions(), TimeProvider.System),
                new SyslogExporter(new SyslogOptions { Address = $"127.0.0.1:{syslog.TcpPort}", Protocol = SyslogProtocol.Tcp }),
                new CsvExporter(new CsvOptions { Path = directory.Combine("alerts.csv") }),
                new HttpExporter(new HttpExporterOptions { Url = hung.Url }, TimeProvider.System),
            ],
            directory.Combine("outbox"),
            new DeliveryOptions(),
            new RuleCounters(),
            TimeProvider.System,
            NullLogger<AlertDispatcher>.Instance);

        var rates = new List<double>();
        var dispatches = new List<double>();
        double before = 0;
        for (var round = 0; round <= Rounds; round++)
        {
            var alerts = Enumerable.Range(round * Burst, Burst).Select(AlertOf).ToArray();
            var sent = Sent(dispatcher);
            var started = Stopwatch.GetTimestamp();
            foreach (var alert in alerts)
            {
                var at = Stopwatch.GetTimestamp();
                dispatcher.Dispatch(alert);
                if (round > 0)
                {
                    dispatches.Add(Stopwatch.GetElapsedTime(at).TotalMicroseconds);
                }
            }

            await Wait.UntilAsync(() => Sent(dispatcher), count => count >= sent + Burst, "arrival at Alertmanager", TimeSpan.FromMinutes(2));
            if (round == 0)
            {
                before = ResidentMegabytes();
            }
            else
            {
                rates.Add(Burst / Stopwatch.GetElapsedTime(started).TotalSeconds);
            }
        }

        await Task.Delay(TimeSpan.FromSeconds(5));
        var status = dispatcher.Exporters;
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"  to Alertmanager   {Statistics.Percentile(rates, 0.5),10:N0} alerts/s (median; goal: at least 5,000)"));
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"  handing over      {Statistics.Percentile(dispatches, 0.5),10:0.0} us median   {Statistics.Percentile(dispatches, 0.99):0.0} us p99   {dispatches.Max():0} us highest"));
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  memory            {before,10:0.0} MiB RSS after the first burst   {ResidentMegabytes():0.0} after {Rounds} more"));
        foreach (var exporter in status)
        {
            Console.WriteLine($"  {exporter.Name,-30} {exporter.Exported:N0} sent, {exporter.Waiting:N0} waiting, {exporter.DiskBytes:N0} bytes on the disk");
        }

        foreach (var drop in dispatcher.Dropped)
        {
            Console.WriteLine($"  {drop.Exporter,-30} {drop.Count:N0} dropped ({drop.Reason})");
        }
    }

    private static long Sent(AlertDispatcher dispatcher) => dispatcher.Exporters[0].Exported;

    private static Alert AlertOf(int number) => TestAlert.Create("node-1", DateTimeOffset.UtcNow) with { Fingerprint = string.Create(CultureInfo.InvariantCulture, $"{number:x16}") };

    private static double ResidentMegabytes()
    {
        using var process = Process.GetCurrentProcess();
        return process.WorkingSet64 / 1048576.0;
    }
}
