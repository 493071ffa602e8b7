using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using KubeCop.Core.Alerts;
using KubeCop.Core.Rules;
using KubeCop.Exporters.Alertmanager;
using KubeCop.Exporters.Csv;
using KubeCop.Exporters.Delivery;
using KubeCop.Exporters.Http;
using KubeCop.Exporters.Receivers;
using KubeCop.Exporters.Syslog;
using KubeCop.Testing;
using KubeCop.Testing.Kubernetes;
using KubeCop.Testing.Receivers;
using KubeCop.Testing.Storage;
using Microsoft.Extensions.Logging.Abstractions;

namespace KubeCop.Benchmarks;

/// <summary>
/// Each fault of a receiver with each exporter: alerts sent, received by the real receiver, received twice, dropped by reason. The table of
/// docs/exporters.md.
/// </summary>
internal static partial class ExporterFaultsBenchmark
{
    /// <summary>The verb of the process that a fault kills.</summary>
    public const string Part = "exporter-part";

    private const int Alerts = 10_000;

    /// <summary>As the defaults, but for pauses and timeouts that a benchmark has the patience for.</summary>
    private static readonly DeliveryOptions Delivery = new() { FirstPause = TimeSpan.FromMilliseconds(50), LongestPause = TimeSpan.FromMilliseconds(500) };

    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    private static readonly Fault[] Faults =
    [
        new("down at start", DownAtStartAsync),
        new("down under all of them", OutageAsync),
        new("slow: each part of an answer 0.5 s late", SlowAsync),
        new("429, then 200", (way, cancellation) => AnswersAsync(way, 429, cancellation)),
        new("500, then 200", (way, cancellation) => AnswersAsync(way, 500, cancellation)),
        new("half-open connection", HalfOpenAsync),
        new("wrong certificate, then right", WrongCertificateAsync),
        new("full disk for the outbox", FullDiskAsync),
        new("kill -9 in the middle", KillAsync),
    ];

    public static async Task RunAsync()
    {
        Conditions.Print("exporters", $"{Alerts:N0} alerts a cell; sent/received/received twice, dropped; — where the fault cannot happen");
        Console.WriteLine($"| fault | {string.Join(" | ", Way.Names)} |");
        Console.WriteLine($"|---|{string.Concat(Way.Names.Select(static _ => "---|"))}");
        foreach (var fault in Faults)
        {
            var cells = new List<string>();
            foreach (var name in Way.Names)
            {
                await using var way = await Way.StartAsync(name);
                cells.Add(await fault.RunAsync(way, CancellationToken.None) is { } result ? result.ToString() : "—");
            }

            Console.WriteLine($"| {fault.Name} | {string.Join(" | ", cells)} |");
        }
    }

    /// <summary>Sends alerts, and waits for whoever kills it.</summary>
    public static int RunPart(string exporter, string address, string authority, string directory, int first, int count)
    {
        using var dispatcher = new AlertDispatcher([Way.Create(exporter, address, authority)], directory, Delivery, new RuleCounters(), TimeProvider.System, NullLogger<AlertDispatcher>.Instance);
        Dispatch(dispatcher, first, count);
        Console.WriteLine("sent");
        Thread.Sleep(System.Threading.Timeout.Infinite);
        return 0;
    }

    private static async Task<Result?> DownAtStartAsync(Way way, CancellationToken cancellation)
    {
        using var run = new Run(way, way.Address);
        await way.GoAwayAsync();
        Dispatch(run.Dispatcher, 0, Alerts);
        await Task.Delay(TimeSpan.FromSeconds(3), cancellation);
        await way.ComeBackAsync();
        return await run.EndAsync(way);
    }

    private static async Task<Result?> OutageAsync(Way way, CancellationToken cancellation)
    {
        using var run = new Run(way, way.Address);
        Dispatch(run.Dispatcher, 0, Alerts / 10);
        await way.UntilReceivedAsync(Alerts / 10, isRequired: false);
        await way.GoAwayAsync();
        Dispatch(run.Dispatcher, Alerts / 10, Alerts - (Alerts / 10));
        await Task.Delay(TimeSpan.FromSeconds(10), cancellation);
        await way.ComeBackAsync();
        return await run.EndAsync(way);
    }

    private static async Task<Result?> SlowAsync(Way way, CancellationToken cancellation)
    {
        if (way.Proxy is not { } proxy || way.Name.StartsWith("syslog", StringComparison.Ordinal))
        {
            return null;
        }

        proxy.Delay = TimeSpan.FromSeconds(0.5);
        proxy.Open();
        using var run = new Run(way, way.AddressOf(proxy.Port));
        Dispatch(run.Dispatcher, 0, Alerts);
        return await run.EndAsync(way);
    }

    private static async Task<Result?> AnswersAsync(Way way, int status, CancellationToken cancellation)
    {
        if (way.SetStatus is not { } setStatus)
        {
            return null;
        }

        setStatus(status);
        using var run = new Run(way, way.Address);
        Dispatch(run.Dispatcher, 0, Alerts);
        await Task.Delay(TimeSpan.FromSeconds(3), cancellation);
        setStatus(200);
        return await run.EndAsync(way);
    }

    private static async Task<Result?> HalfOpenAsync(Way way, CancellationToken cancellation)
    {
        if (way.Proxy is not { } proxy)
        {
            return null;
        }

        // Without answers, what the network holds is not missed before it is full.
        proxy.IsNarrow = way.Name.StartsWith("syslog", StringComparison.Ordinal);
        proxy.Open();
        using var run = new Run(way, way.AddressOf(proxy.Port));
        Dispatch(run.Dispatcher, 0, Alerts / 2);
        await way.UntilReceivedAsync(Alerts / 20);
        proxy.Deafen();
        Dispatch(run.Dispatcher, Alerts / 2, Alerts / 2);
        await Task.Delay(TimeSpan.FromSeconds(3), cancellation);
        return await run.EndAsync(way);
    }

    private static async Task<Result?> WrongCertificateAsync(Way way, CancellationToken cancellation)
    {
        if (way.AuthorityFile.Length == 0)
        {
            return null;
        }

        using var other = new ServerCertificate();
        var authority = Path.Combine(way.Directory, "trusted.pem");
        await File.WriteAllTextAsync(authority, other.AuthorityPem, cancellation);
        using var run = new Run(way, way.Address, authority);
        Dispatch(run.Dispatcher, 0, Alerts);
        await Task.Delay(TimeSpan.FromSeconds(3), cancellation);
        File.Copy(way.AuthorityFile, authority, overwrite: true);
        return await run.EndAsync(way);
    }

    private static async Task<Result?> FullDiskAsync(Way way, CancellationToken cancellation)
    {
        using var disk = SmallDisk.TryMount(1024) ?? throw new InvalidOperationException("This needs the right to mount a file system.");
        disk.Fill();
        using var run = new Run(way, way.Address, outbox: Path.Combine(disk.Path, "outbox"));
        await way.GoAwayAsync();
        Dispatch(run.Dispatcher, 0, 2 * Alerts);
        await Task.Delay(TimeSpan.FromSeconds(3), cancellation);
        await way.ComeBackAsync();
        return await run.EndAsync(way, 2 * Alerts);
    }

    private static async Task<Result?> KillAsync(Way way, CancellationToken cancellation)
    {
        await way.GoAwayAsync();
        var outbox = Path.Combine(way.Directory, "killed");
        using (var part = Process.Start(new ProcessStartInfo(
            Environment.ProcessPath!, [Part, way.Name, way.Address, way.AuthorityFile, outbox, "0", Alerts.ToString(CultureInfo.InvariantCulture)])
        { RedirectStandardOutput = true })!)
        {
            await part.StandardOutput.ReadLineAsync(cancellation);
            await Task.Delay(2 * Delivery.SpillAfter, cancellation);
            await way.ComeBackAsync();
            await way.UntilReceivedAsync(Alerts / 10);
            part.Kill();
            await part.WaitForExitAsync(cancellation);
        }

        using var run = new Run(way, way.Address, outbox: outbox);
        return await run.EndAsync(way);
    }

    private static void Dispatch(AlertDispatcher dispatcher, int first, int count)
    {
        for (var i = first; i < first + count; i++)
        {
            dispatcher.Dispatch(AlertOf(i));
        }
    }

    private static Alert AlertOf(int number) => TestAlert.Create("node-1", DateTimeOffset.UtcNow) with
    {
        Id = string.Create(CultureInfo.InvariantCulture, $"{number:D8}-0000-7000-8000-000000000000"),
        Fingerprint = string.Create(CultureInfo.InvariantCulture, $"{number:x16}"),
    };

    [GeneratedRegex("[0-9]{8}-0000-7000-8000-0{12}")]
    private static partial Regex IdIn();

    private sealed record Fault(string Name, Func<Way, CancellationToken, Task<Result?>> RunAsync);

    private sealed record Result(int Sent, int Received, int Twice, IReadOnlyList<DropCount> Dropped)
    {
        public override string ToString() =>
            $"{Sent} / {Received} / {Twice}{string.Concat(Dropped.Select(static drop => $", {drop.Count} {drop.Reason}"))}"
            + (Sent - Received - Dropped.Sum(static drop => drop.Count) is var missing and not 0 ? $", **{missing} missing**" : "");
    }

    private sealed class Run : IDisposable
    {
        public Run(Way way, string address, string? authority = null, string? outbox = null) => Dispatcher = new AlertDispatcher(
            [Way.Create(way.Name, address, authority ?? way.AuthorityFile)],
            outbox ?? Path.Combine(way.Directory, "outbox"),
            Delivery,
            new RuleCounters(),
            TimeProvider.System,
            NullLogger<AlertDispatcher>.Instance);

        public AlertDispatcher Dispatcher { get; }

        public async Task<Result> EndAsync(Way way, int sent = Alerts)
        {
            await Wait.UntilAsync(() => Dispatcher.Exporters[0], static status => status.Waiting == 0, "empty outbox", Patience);
            var ids = await way.UntilReceivedAsync(sent - (int)Dispatcher.Dropped.Sum(static drop => drop.Count), isRequired: false);
            var distinct = ids.Distinct().Count();
            return new Result(sent, distinct, ids.Count - distinct, Dispatcher.Dropped);
        }

        public void Dispose() => Dispatcher.Dispose();
    }

    /// <summary>A receiver of one kind, and how an exporter gets to it.</summary>
    private sealed class Way(string name, Func<int, string> addressOf, string authorityFile) : IAsyncDisposable
    {
        public static readonly string[] Names = ["alertmanager", "syslog-udp", "syslog-tcp", "syslog-tls", "http", "csv"];

        private readonly TestDirectory _directory = new();

        public string Name => name;

        public string Directory => _directory.Path;

        public required Func<Task<IReadOnlyList<string>>> Ids { get; init; }

        public required Func<Task> ComeBackAsync { get; init; }

        public required Func<Task> GoAwayAsync { get; init; }

        public required Func<ValueTask> EndAsync { get; init; }

        public required int Port { get; init; }

        public string Address => AddressOf(Port);

        /// <summary>Null where there is no connection that could be broken.</summary>
        public FaultProxy? Proxy { get; init; }

        /// <summary>Null where there are no answers.</summary>
        public Action<int>? SetStatus { get; init; }

        public string AuthorityFile => authorityFile;

        public string AddressOf(int port) => addressOf(port);

        public static IAlertExporter Create(string name, string address, string authority)
        {
            var tls = new ReceiverTlsOptions { CaFile = authority };
            return name switch
            {
                "alertmanager" => new AlertmanagerExporter(address, new AlertmanagerOptions { Timeout = Timeout }, TimeProvider.System),
                "http" => new HttpExporter(new HttpExporterOptions { Url = address, Timeout = Timeout, MaxAlertsPerMinute = 0 }, TimeProvider.System),
                "csv" => new CsvExporter(new CsvOptions { Path = address }),
                _ => new SyslogExporter(new SyslogOptions { Address = address, Protocol = Enum.Parse<SyslogProtocol>(name["syslog-".Length..], ignoreCase: true), Timeout = Timeout, Tls = tls }),
            };
        }

        public static async Task<Way> StartAsync(string name) => name switch
        {
            "alertmanager" => await AlertmanagerAsync(),
            "http" => Http(),
            "csv" => Csv(),
            _ => await SyslogAsync(name),
        };

        /// <summary>Waits for so many, and a moment longer, in which more would be seen.</summary>
        public async Task<IReadOnlyList<string>> UntilReceivedAsync(int count, bool isRequired = true)
        {
            try
            {
                var patience = isRequired ? Patience : TimeSpan.FromSeconds(5);
                await Wait.UntilAsync(Ids, ids => ids.Distinct().Count() >= count, $"{count} alerts", patience, TimeSpan.FromMilliseconds(200));
            }
            catch (TimeoutException) when (!isRequired)
            {
                // Then some are missing, which is what is to be seen.
            }

            return await Ids();
        }

        public async ValueTask DisposeAsync()
        {
            Proxy?.Dispose();
            await EndAsync();
            _directory.Dispose();
        }

        private static async Task<Way> AlertmanagerAsync()
        {
            var server = await AlertmanagerServer.StartNewAsync();

            // It holds none of them over a restart.
            var received = new HashSet<string>(StringComparer.Ordinal);
            return new Way("alertmanager", static port => $"127.0.0.1:{port}", "")
            {
                // Whatever was sent twice is one alert there.
                Ids = async () =>
                {
                    received.UnionWith((await server.AlertsAsync()).Select(static alert => (string)alert["annotations"]!["alert_id"]!));
                    return [.. received];
                },
                ComeBackAsync = server.StartAsync,
                GoAwayAsync = server.StopAsync,
                EndAsync = server.DisposeAsync,
                Port = server.Port,
                Proxy = new FaultProxy(server.Port),
            };
        }

        private static async Task<Way> SyslogAsync(string name)
        {
            var server = await RsyslogServer.StartNewAsync();
            var port = name switch { "syslog-udp" => server.UdpPort, "syslog-tcp" => server.TcpPort, _ => server.TlsPort };
            return new Way(name, static port => $"localhost:{port}", name == "syslog-tls" ? server.AuthorityFile : "")
            {
                Ids = () => Task.FromResult<IReadOnlyList<string>>([.. server.Lines.Select(static line => line.Data["alert_id"])]),
                ComeBackAsync = server.StartAsync,
                GoAwayAsync = server.StopAsync,
                EndAsync = server.DisposeAsync,
                Port = port,
                Proxy = name == "syslog-udp" ? null : new FaultProxy(port),
            };
        }

        private static Way Http()
        {
            var port = ServerProcess.FreePort();
            var status = 200;
            var received = new List<ReceivedRequest>();
            HttpReceiverServer? server = Start();
            return new Way("http", static port => $"http://127.0.0.1:{port}/", "")
            {
                Ids = () => Task.FromResult<IReadOnlyList<string>>([.. received.Concat(server?.Requests ?? []).ToList().Where(static request => request.Status == 200).SelectMany(IdsOf)]),
                ComeBackAsync = () =>
                {
                    server = Start();
                    return Task.CompletedTask;
                },
                GoAwayAsync = () =>
                {
                    Stop();
                    return Task.CompletedTask;
                },
                EndAsync = () =>
                {
                    Stop();
                    return ValueTask.CompletedTask;
                },
                Port = port,
                Proxy = new FaultProxy(port),
                SetStatus = value => status = value,
            };

            HttpReceiverServer Start() => new(port) { Answer = _ => (status, null, TimeSpan.Zero) };

            void Stop()
            {
                received.AddRange(server?.Requests ?? []);
                server?.Dispose();
                server = null;
            }
        }

        private static Way Csv()
        {
            var directory = new TestDirectory();
            var file = directory.Combine("alerts.csv");
            return new Way("csv", _ => file, "")
            {
                Ids = () => Task.FromResult<IReadOnlyList<string>>([.. IdIn().Matches(Contents.Read(file)).Select(static match => match.Value)]),

                // Where a directory stands, no file can be made.
                GoAwayAsync = () =>
                {
                    if (File.Exists(file))
                    {
                        File.Move(file, $"{file}.before");
                    }

                    System.IO.Directory.CreateDirectory(file);
                    return Task.CompletedTask;
                },
                ComeBackAsync = () =>
                {
                    System.IO.Directory.Delete(file);
                    if (File.Exists($"{file}.before"))
                    {
                        File.Move($"{file}.before", file);
                    }

                    return Task.CompletedTask;
                },
                EndAsync = () =>
                {
                    directory.Dispose();
                    return ValueTask.CompletedTask;
                },
                Port = 0,
            };
        }

        private static IEnumerable<string> IdsOf(ReceivedRequest request)
        {
            using var body = JsonDocument.Parse(request.Body);
            return [.. body.RootElement.GetProperty("spec").GetProperty("alerts").EnumerateArray().Select(static alert => alert.GetProperty("alert").GetProperty("id").GetString()!)];
        }
    }
}
