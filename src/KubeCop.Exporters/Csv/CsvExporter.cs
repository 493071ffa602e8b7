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
    private static readonly (string Name, Func<Alert, object> Value)[] Columns =
    [
        ("Rule Name", static alert => alert.RuleName),
        ("Alert Message", static alert => alert.Message),
        ("Fix Suggestion", static alert => alert.Fix),
        ("Pod Name", static alert => alert.Container.Pod?.Name ?? ""),
        ("Container Name", static alert => alert.Container.Name),
        ("Namespace", static alert => alert.Container.Pod?.Namespace ?? alert.Container.Workload.Namespace),
        ("Container ID", static alert => alert.Container.Id),
        ("PID", static alert => alert.Process.Pid),
        ("Comm", static alert => alert.Process.Comm),
        ("Cwd", static alert => alert.Process.WorkingDirectory),
        ("UID", static alert => alert.Process.Uid),
        ("GID", static alert => alert.Process.Gid),
        ("PPID", static alert => alert.Process.ParentPid),

        // A container is its cgroup here: nobody looks at its mount namespace.
        ("Mount Namespace ID", static _ => ""),
        ("Timestamp", static alert => Time(alert.Timestamp)),
        ("Alert ID", static alert => alert.Id),
        ("State", static alert => alert.State.ToString().ToLowerInvariant()),
        ("Rule ID", static alert => alert.RuleId),
        ("Severity", static alert => alert.Severity.ToString().ToLowerInvariant()),
        ("Count", static alert => alert.Count),
        ("Last Seen", static alert => Time(alert.LastSeen)),
        ("Fingerprint", static alert => alert.Fingerprint),
        ("Node", static alert => alert.Node),
        ("Workload Kind", static alert => alert.Container.Workload.Kind),
        ("Workload Name", static alert => alert.Container.Workload.Name),
        ("Image", static alert => alert.Container.Image),
        ("Executable", static alert => alert.Process.Executable),
        ("Arguments", static alert => string.Join(' ', alert.Process.Arguments)),
        ("Expected", static alert => alert.Expected),
        ("MITRE", static alert => alert.Mitre.Id),
    ];

    private static readonly CsvConfiguration Format = new(CultureInfo.InvariantCulture)
    {
        NewLine = "\r\n",
        InjectionOptions = InjectionOptions.Escape,
    };

    private readonly string _path;
    private readonly CsvFile _file;

    public CsvExporter(CsvOptions options)
    {
        _path = options.Path;
        _file = new CsvFile(options.Path, Rows(static row => WriteRow(row, static column => column.Name)), options.MaxFileBytes, options.KeptFiles);
    }

    public string Name => "csv";

    public string Receiver => _path;

    public bool IsRetried => true;

    public string Export(IReadOnlyList<Alert> batch, CancellationToken cancellationToken)
    {
        var rows = Rows(row =>
        {
            foreach (var alert in batch)
            {
                WriteRow(row, column => column.Value(alert));
            }
        });
        try
        {
            _file.Append(rows);
            return "written";
        }
        catch (Exception exception) when (DiskErrors.IsDiskError(exception))
        {
            var (reason, remedy) = DiskErrors.Explain(exception, Path.GetDirectoryName(_path)!);
            throw new ReceiverAwayException($"{_path} cannot be written: {reason}. {remedy}", inner: exception);
        }
    }

    public void Dispose() => _file.Dispose();

    private static byte[] Rows(Action<CsvWriter> write)
    {
        using var text = new StringWriter(CultureInfo.InvariantCulture);
        using (var row = new CsvWriter(text, Format))
        {
            write(row);
        }

        return Encoding.UTF8.GetBytes(text.ToString());
    }

    private static void WriteRow(CsvWriter row, Func<(string Name, Func<Alert, object> Value), object> value)
    {
        foreach (var column in Columns)
        {
            row.WriteField(TerminalText.Escape(Convert.ToString(value(column), CultureInfo.InvariantCulture)!));
        }

        row.NextRecord();
    }

    private static string Time(DateTimeOffset time) => time.UtcDateTime.ToString("O", CultureInfo.InvariantCulture);
}
