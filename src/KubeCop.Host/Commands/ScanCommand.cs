using System.Buffers;
using System.CommandLine;
using System.Globalization;
using System.Text;
using System.Text.Json;
using KubeCop.Core.Alerts;
using KubeCop.Core.Malware;
using KubeCop.Host.Configuration;
using KubeCop.Host.Http;
using KubeCop.Scanning.Scans;

namespace KubeCop.Host.Commands;

/// <summary><c>kubecop scan</c>: has files of this machine judged by clamd, whether or not a node runs here.</summary>
internal static class ScanCommand
{
    private const string Path = "api/v1/malware";

    public static Command Create()
    {
        var paths = new Argument<string[]>("PATH")
        {
            Description = "Directories or files of the host, absolute. Default: those of CLAMAV_SCAN_PATH.",
            Arity = ArgumentArity.ZeroOrMore,
        };
        var clamd = new Option<string>("--clamd")
        {
            Description = "Where clamd listens. Default: CLAMAV_HOST and CLAMAV_PORT.",
            HelpName = "unix:PATH|HOST:PORT",
        };
        var patience = new Option<string>("--patience")
        {
            Description = "How long to wait for a clamd that does not answer, in all of one file: 0s, 90s, 15m. Default: 15m.",
            HelpName = "DURATION",
        };
        var json = CommonOptions.Json();
        var command = new Command(
            "scan", $"Scan files for malware with ClamAV's clamd; exit code {ExitCode.Malware} if there is any, {ExitCode.Failure} if not everything could be scanned.")
        {
            paths, clamd, patience, json, Status(), Start(), Cancel(),
        };
        command.SetAction(async (result, cancellationToken) =>
        {
            var given = Given(result, paths);

            var settings = Settings.Load([
                .. CommonOptions.Value(result, clamd, Keys.MalwareAddress),
                .. CommonOptions.Value(result, patience, Keys.MalwarePatience),
            ]);
            var options = settings.Malware;
            if (options.Address.Length == 0)
            {
                throw new UsageException("No clamd is named; expected --clamd unix:PATH or HOST:PORT, or the variables CLAMAV_HOST and CLAMAV_PORT.");
            }

            IReadOnlyList<string> scanned = given.Length > 0 ? given : [.. options.Paths];
            return scanned.Count > 0
                ? await RunAsync(settings, scanned, result.GetValue(json), Console.Out, Console.Error, cancellationToken)
                : throw new UsageException("Nothing to scan is named; expected a PATH, or the variable CLAMAV_SCAN_PATH.");
        });
        return command;
    }

    private static Command Status()
    {
        var json = CommonOptions.Json();
        var command = new Command("status", "How the scans of the node that runs here stand.") { json };
        var client = new ClientOptions(command);
        command.SetAction(async (result, cancellationToken) =>
        {
            using var node = client.Connect(result);
            if (result.GetValue(json))
            {
                await Raw.WriteAsync(node, Path, cancellationToken);
                return ExitCode.Success;
            }

            WriteStatus(await node.GetAsync(Path, ApiJson.Default.MalwareView, cancellationToken), Console.Out);
            return ExitCode.Success;
        });
        return command;
    }

    private static Command Start()
    {
        var paths = new Argument<string[]>("PATH")
        {
            Description = "Directories or files of the host, absolute. Default: all that the node scans.",
            Arity = ArgumentArity.ZeroOrMore,
        };
        var scope = new Option<string>("--scope")
        {
            Description = "node: the node that runs here; cluster: all nodes of its cluster. Default: node.",
            HelpName = "node|cluster",
        };
        var command = new Command("start", $"Have a running node scan now; exit code {ExitCode.Failure} if a node does not.") { paths, scope };
        var client = new ClientOptions(command);
        command.SetAction(async (result, cancellationToken) =>
        {
            var where = result.GetValue(scope) ?? "node";
            if (where is not ("node" or "cluster"))
            {
                throw new UsageException($"--scope '{where}' is not accepted; expected node or cluster.");
            }

            var request = new ScanRequest(Given(result, paths));
            using var node = client.Connect(result);
            var answer = await node.PostAsync($"{Path}/scan?scope={where}", request, ApiJson.Default.ScanRequest, cancellationToken);
            return where == "node" ? ExitCode.Success : WriteStarts(JsonSerializer.Deserialize(answer, ApiJson.Default.ItemListScanStartView)!.Items, Console.Out);
        });
        return command;
    }

    private static int WriteStarts(IReadOnlyList<ScanStartView> nodes, TextWriter output)
    {
        TextTable.Write(output, ["node", "scan"], nodes.Select(static node => new[] { node.Node, node.Started ? "begun" : node.Problem }));
        return nodes.All(static node => node.Started) ? ExitCode.Success : ExitCode.Failure;
    }

    private static Command Cancel()
    {
        var command = new Command("cancel", "End the scan of the node that runs here.");
        var client = new ClientOptions(command);
        command.SetAction(async (result, cancellationToken) =>
        {
            using var node = client.Connect(result);
            await node.PostAsync($"{Path}/cancel", new ByteArrayContent([]), cancellationToken);
            return ExitCode.Success;
        });
        return command;
    }

    private static string[] Given(ParseResult result, Argument<string[]> paths)
    {
        var given = result.GetValue(paths) ?? [];
        return given.FirstOrDefault(static path => !path.StartsWith('/')) is { } relative
            ? throw new UsageException($"PATH '{relative}' is not accepted; expected a path that starts with /.")
            : given;
    }

    private static void WriteStatus(MalwareView view, TextWriter output) => TextTable.WriteFacts(
        output,
        [
            ("scan", !view.Enabled ? "off: no clamd is named" : view.State.Length == 0 ? "none yet" : view.State),
            ("started", Time(view.StartedAt)),
            ("ended", Time(view.EndedAt)),
            ("next", Time(view.NextAt)),
            ("skipped", Number(view.Skipped)),
            ("files", Number(view.Files)),
            ("unchanged", Number(view.Unchanged)),
            ("clean", Number(view.Clean)),
            ("malware", Number(view.Found)),
            ("not scanned", Number(view.NotScanned)),
            ("bytes", Number(view.Bytes)),
            ("problem", view.Problem.Length == 0 ? "-" : view.Problem),
        ]);

    private static string Time(DateTimeOffset? time) => time?.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture) ?? "-";

    private static async Task<int> RunAsync(
        Settings settings, IReadOnlyList<string> paths, bool json, TextWriter output, TextWriter messages, CancellationToken cancellationToken)
    {
        var time = TimeProvider.System;
        var started = time.GetTimestamp();
        var scan = await DirectScan.RunAsync(settings.Malware, settings.Node, paths, finding => Write(finding, json, output), time, cancellationToken);
        foreach (var (root, problem) in scan.Problems)
        {
            messages.WriteLine($"kubecop: {TerminalText.Escape(root)}: {TerminalText.Escape(problem)}");
        }

        if (scan.Failure is { } failure)
        {
            messages.WriteLine($"kubecop: The scan did not come to its end: {TerminalText.Escape(failure)}");
        }

        if (!json)
        {
            WriteSummary(scan.Counts, time.GetElapsedTime(started), output);
        }

        return scan.Counts.Found > 0 ? ExitCode.Malware
            : scan.Failure is not null || scan.Problems.Count > 0 || scan.Counts.Failed > 0 ? ExitCode.Failure
            : ExitCode.Success;
    }

    private static void Write(MalwareFinding finding, bool json, TextWriter output)
    {
        if (json)
        {
            var line = new ArrayBufferWriter<byte>();
            MalwareJson.Write(line, finding);
            output.WriteLine(Encoding.ASCII.GetString(line.WrittenSpan));
            return;
        }

        output.WriteLine($"{TerminalText.Escape(finding.HostPath)}: {TerminalText.Escape(finding.Signature)} (SHA-256 {finding.Sha256})");
    }

    private static void WriteSummary(ScanCounts counts, TimeSpan duration, TextWriter output)
    {
        var facts = new List<(string, string)>
        {
            ("files", Number(counts.Files)),
            ("clean", Number(counts.Clean)),
            ("malware", Number(counts.Found)),
            ("not scanned: over a limit", Number(counts.OverLimit)),
            ("not scanned: clamd failed", Number(counts.Failed)),
        };
        facts.AddRange(counts.ByPassReason.Where(static passed => passed.Value > 0).Select(static passed => ($"passed over: {passed.Key.Replace('_', ' ')}", Number(passed.Value))));
        facts.Add(("bytes", Number(counts.Bytes)));
        facts.Add(("time", Duration.Format(duration)));
        output.WriteLine();
        TextTable.WriteFacts(output, facts);
    }

    private static string Number(long number) => number.ToString(CultureInfo.InvariantCulture);
}
