using System.Buffers;
using System.CommandLine;
using System.Globalization;
using System.Text;
using KubeCop.Core.Alerts;
using KubeCop.Core.Malware;
using KubeCop.Host.Configuration;
using KubeCop.Scanning.Scans;

namespace KubeCop.Host.Commands;

/// <summary><c>kubecop scan</c>: has files of this machine judged by clamd, whether or not a node runs here.</summary>
internal static class ScanCommand
{
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
            paths, clamd, patience, json,
        };
        command.SetAction(async (result, cancellationToken) =>
        {
            var given = result.GetValue(paths) ?? [];
            if (given.FirstOrDefault(static path => !path.StartsWith('/')) is { } relative)
            {
                throw new UsageException($"PATH '{relative}' is not accepted; expected a path that starts with /.");
            }

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

    internal static async Task<int> RunAsync(
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
