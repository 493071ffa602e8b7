using KubeCop.Exporters.Alertmanager;
using KubeCop.Exporters.Csv;
using KubeCop.Exporters.Delivery;
using KubeCop.Exporters.Http;
using KubeCop.Exporters.Syslog;

namespace KubeCop.Exporters;

/// <summary>Where alerts go besides standard output and the history. Any number of them at once. Section <c>KubeCop:Export</c>.</summary>
public sealed class ExportOptions
{
    public const string Section = "KubeCop:Export";

    public DeliveryOptions Delivery { get; set; } = new();

    public AlertmanagerOptions Alertmanager { get; set; } = new();

    public SyslogOptions Syslog { get; set; } = new();

    public CsvOptions Csv { get; set; } = new();

    public HttpExporterOptions Http { get; set; } = new();

    /// <returns>What is wrong, by the option's full name; null when nothing is.</returns>
    public string? FindMistake() =>
        Delivery.FindMistake()
        ?? Named(AlertmanagerOptions.Section, Alertmanager.FindMistake())
        ?? Named(SyslogOptions.Section, Syslog.FindMistake())
        ?? Named(CsvOptions.Section, Csv.FindMistake())
        ?? Named(HttpExporterOptions.Section, Http.FindMistake());

    private static string? Named(string section, string? mistake) => mistake is null ? null : $"{section}:{mistake}";
}
