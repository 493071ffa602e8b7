using System.Buffers;
using System.CommandLine;
using System.Globalization;
using System.Text;
using KubeCop.Core.Alerts;
using KubeCop.Core.Malware;
using KubeCop.Host.Configuration;
using KubeCop.Scanning.Clamd;
using KubeCop.Scanning.Pressure;
using KubeCop.Scanning.Scans;
using KubeCop.Scanning.Walking;

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
        var options = settings.Malware;
        var time = TimeProvider.System;
        if (!ClamdAddress.TryParse(options.Address, out var address, out var mistake))
        {
            throw new UsageException(mistake);
        }

        await using var clamd = new ClamdClient(address, options.Clamd, time);
        var host = new HostRoot(settings.Node.HostRoot);
        var roots = ScanRoot.Distinct(paths.Select(path => new ScanRoot(host, ScanRootKind.HostPath, Encoding.UTF8.GetBytes(path))));
        var scan = new MalwareScan(
            settings.Node.Name,
            new ClamdScanner(clamd, time),
            new KnownFiles(options.MaxKnownFiles),
            systems: null,
            new RateLimit(options.FilesPerSecond, options.BytesPerSecond, time),
            new SystemPressure(options.Pressure, settings.Node.HostRoot, time),
            options.Patience,
            time);
        var started = time.GetTimestamp();
        string? unfinished = null;
        try
        {
            await scan.RunAsync(roots, from: null, finding => Write(finding, json, output), cancellationToken);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            unfinished = "it was interrupted";
        }
        catch (IOException exception)
        {
            unfinished = exception.Message;
        }

        foreach (var (root, problem) in scan.Problems)
        {
            messages.WriteLine($"kubecop: {TerminalText.Escape(root)}: {TerminalText.Escape(problem)}");
        }

        if (unfinished is not null)
        {
            messages.WriteLine($"kubecop: The scan did not come to its end: {TerminalText.Escape(unfinished)}");
        }

        if (!json)
        {
            WriteSummary(scan.Counts, time.GetElapsedTime(started), output);
        }

        return scan.Counts.Found > 0 ? ExitCode.Malware
            : unfinished is not null || scan.Problems.Count > 0 || scan.Counts.Failed > 0 ? ExitCode.Failure
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
        facts.AddRange(Enum.GetValues<PassReason>().Where(reason => counts.Passed[reason] > 0).Select(reason => ($"passed over: {Name(reason)}", Number(counts.Passed[reason]))));
        facts.Add(("bytes", Number(counts.Bytes)));
        facts.Add(("time", Duration.Format(duration)));
        output.WriteLine();
        TextTable.WriteFacts(output, facts);
    }

    private static string Name(PassReason reason) => reason switch
    {
        PassReason.Link => "link",
        PassReason.HardLink => "further name",
        PassReason.Special => "no regular file",
        PassReason.PseudoFileSystem => "file system of the kernel",
        PassReason.NetworkFileSystem => "network file system",
        PassReason.WalkedElsewhere => "scanned elsewhere",
        PassReason.Unreadable => "unreadable",
        PassReason.Vanished => "vanished",
        _ => "too deep",
    };

    private static string Number(long number) => number.ToString(CultureInfo.InvariantCulture);
}
