using System.Globalization;
using System.Text;
using CsvHelper;
using CsvHelper.Configuration;
using KubeCop.Core.Alerts;
using KubeCop.Storage;

namespace KubeCop.Exporters.Csv;

/// <summary>
/// Writes alerts as rows: KubeCop's columns first, then those that it did not have. Line breaks and other control characters are shown, so a row is
/// a line; what a spreadsheet would take for a formula has an apostrophe before it.
/// </summary>
internal sealed class CsvExporter : IAlertExporter, IDisposable
{
    private static readonly Column[] Columns =
    [
        new("Rule Name", static alert => alert.RuleName),
        new("Alert Message", static alert => alert.Message),
        new("Fix Suggestion", static alert => alert.Fix),
        new("Pod Name", static alert => alert.Container.Pod?.Name ?? ""),
        new("Container Name", static alert => alert.Container.Name),
        new("Namespace", static alert => alert.Container.Pod?.Namespace ?? alert.Container.Workload.Namespace),
        new("Container ID", static alert => alert.Container.Id),
        new("PID", static alert => alert.Process.IsKnown ? alert.Process.Pid : ""),
        new("Comm", static alert => alert.Process.Comm),
        new("Cwd", static alert => alert.Process.WorkingDirectory),
        new("UID", static alert => alert.Process.IsKnown ? alert.Process.Uid : ""),
        new("GID", static alert => alert.Process.IsKnown ? alert.Process.Gid : ""),
        new("PPID", static alert => alert.Process.IsKnown ? alert.Process.ParentPid : ""),

        // A container is its cgroup here: nobody looks at its mount namespace.
        new("Mount Namespace ID", static _ => ""),
        new("Timestamp", static alert => Time(alert.Timestamp)),
        new("Alert ID", static alert => alert.Id),
        new("State", static alert => alert.State.ToString().ToLowerInvariant()),
        new("Rule ID", static alert => alert.RuleId),
        new("Severity", static alert => alert.Severity.ToString().ToLowerInvariant()),
        new("Count", static alert => alert.Count),
        new("Last Seen", static alert => Time(alert.LastSeen)),
        new("Fingerprint", static alert => alert.Fingerprint),
        new("Node", static alert => alert.Node),
        new("Workload Kind", static alert => alert.Container.Workload.Kind),
        new("Workload Name", static alert => alert.Container.Workload.Name),
        new("Image", static alert => alert.Container.Image),
        new("Executable", static alert => alert.Process.Executable),
        new("Arguments", static alert => string.Join(' ', alert.Process.Arguments)),
        new("Expected", static alert => alert.Expected),
        new("MITRE", static alert => alert.Mitre.Id),
    ];

    private static readonly Column[] MalwareColumns =
    [
        new("Malware Name", static alert => alert.Malware!.Signature),
        new("Description", static alert => alert.Malware!.Signature),
        new("Path", static alert => alert.Malware!.Path()),
        new("Hash", static alert => alert.Malware!.Sha256),
        new("Size", static alert => alert.Malware!.SizeText()),

        // KubeCop wrote the kind of Kubernetes resource.
        new("Resource", static alert => alert.Container.Pod is null ? "" : "pods"),
        new("Namespace", static alert => alert.Container.Pod?.Namespace ?? alert.Container.Workload.Namespace),
        new("Pod Name", static alert => alert.Container.Pod?.Name ?? ""),
        new("Container Name", static alert => alert.Container.Name),
        new("Container ID", static alert => alert.Container.Id),
        new("Is Part of Image", static alert => alert.Malware!.IsPartOfImage() ? "true" : "false"),
        new("Container Image", static alert => alert.Container.Image),
        new("Timestamp", static alert => Time(alert.Timestamp)),
        new("Alert ID", static alert => alert.Id),
        new("State", static alert => alert.State.ToString().ToLowerInvariant()),
        new("Alert Message", static alert => alert.Message),
        new("Fix Suggestion", static alert => alert.Fix),
        new("Fingerprint", static alert => alert.Fingerprint),
        new("Node", static alert => alert.Node),
        new("Workload Kind", static alert => alert.Container.Workload.Kind),
        new("Workload Name", static alert => alert.Container.Workload.Name),
        new("Host Path", static alert => alert.Malware!.HostPath),
        new("Layer", static alert => alert.Malware!.Layer()),
        new("Bytes", static alert => alert.Malware!.Size),
        new("PID", static alert => alert.Process.IsKnown ? alert.Process.Pid : ""),
        new("Comm", static alert => alert.Process.Comm),
        new("Executable", static alert => alert.Process.Executable),
    ];

    private static readonly CsvConfiguration Format = new(CultureInfo.InvariantCulture)
    {
        NewLine = "\r\n",
        InjectionOptions = InjectionOptions.Escape,
    };

    private readonly Target? _rules;
    private readonly Target? _malware;

    public CsvExporter(CsvOptions options)
    {
        _rules = Open(options.Path, Columns);
        _malware = Open(options.MalwarePath, MalwareColumns);
        Receiver = string.Join(", ", new[] { options.Path, options.MalwarePath }.Where(static path => path.Length > 0));

        Target? Open(string path, Column[] columns) => path.Length == 0
            ? null
            : new Target(path, new CsvFile(path, Rows(row => WriteRow(row, columns, static column => column.Name)), options.MaxFileBytes, options.KeptFiles), columns);
    }

    public string Name => "csv";

    public string Receiver { get; }

    public bool IsRetried => true;

    public bool Takes(Alert alert) => alert.State != AlertState.Ongoing && TargetOf(alert) is not null;

    public string Export(IReadOnlyList<Alert> batch, CancellationToken cancellationToken)
    {
        // As many as follow each other into one file: what an error leaves out is then the end of the batch.
        for (var written = 0; written < batch.Count;)
        {
            var target = TargetOf(batch[written]);
            var run = batch.Skip(written).TakeWhile(alert => TargetOf(alert) == target).ToList();
            if (target is not null)
            {
                Append(target, run, written);
            }

            written += run.Count;
        }

        return "written";
    }

    public void Dispose()
    {
        _rules?.File.Dispose();
        _malware?.File.Dispose();
    }

    /// <returns>Null for what is no malware where only that is written.</returns>
    private Target? TargetOf(Alert alert) => alert.Malware is null ? _rules : _malware ?? _rules;

    private static void Append(Target target, List<Alert> alerts, int written)
    {
        var rows = Rows(row =>
        {
            foreach (var alert in alerts)
            {
                WriteRow(row, target.Columns, column => column.Value(alert));
            }
        });
        try
        {
            target.File.Append(rows);
        }
        catch (Exception exception) when (DiskErrors.IsDiskError(exception))
        {
            var (reason, remedy) = DiskErrors.Explain(exception, Path.GetDirectoryName(target.Path)!);
            throw new ReceiverAwayException($"{target.Path} cannot be written: {reason}. {remedy}", written, inner: exception);
        }
    }

    private static byte[] Rows(Action<CsvWriter> write)
    {
        using var text = new StringWriter(CultureInfo.InvariantCulture);
        using (var row = new CsvWriter(text, Format))
        {
            write(row);
        }

        return Encoding.UTF8.GetBytes(text.ToString());
    }

    private static void WriteRow(CsvWriter row, Column[] columns, Func<Column, object> value)
    {
        foreach (var column in columns)
        {
            row.WriteField(TerminalText.Escape(Convert.ToString(value(column), CultureInfo.InvariantCulture)!));
        }

        row.NextRecord();
    }

    private static string Time(DateTimeOffset time) => time.UtcDateTime.ToString("O", CultureInfo.InvariantCulture);

    private sealed record Column(string Name, Func<Alert, object> Value);

    private sealed record Target(string Path, CsvFile File, Column[] Columns);
}
