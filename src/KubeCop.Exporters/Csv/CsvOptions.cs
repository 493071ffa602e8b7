namespace KubeCop.Exporters.Csv;

/// <summary>Alerts as rows of a file (RFC 4180). Section <c>KubeCop:Export:Csv</c>.</summary>
public sealed class CsvOptions
{
    public const string Section = "KubeCop:Export:Csv";

    /// <summary>The file, made when it is absent, with mode 0640. Default: that of <c>EXPORTER_CSV_RULE_PATH</c>, else empty, for none.</summary>
    public string Path { get; set; } = "";

    /// <summary>
    /// The file of malware alerts, with columns of their own; else as <see cref="Path"/>. Default: that of <c>EXPORTER_CSV_MALWARE_PATH</c>, else empty:
    /// then they are rows of <see cref="Path"/>.
    /// </summary>
    public string MalwarePath { get; set; } = "";

    /// <summary>Bytes after which a file is moved to <c>NAME.1</c> and a new one begun, at least 64 KiB. Default: 100 MiB.</summary>
    public long MaxFileBytes { get; set; } = 100 * 1024 * 1024;

    /// <summary>How many moved files are kept, 0 to 1000. Default: 5.</summary>
    public int KeptFiles { get; set; } = 5;

    /// <returns>A sentence that begins with the option's name; null when all are right.</returns>
    public string? FindMistake() =>
        !IsPath(Path) ? $"{nameof(Path)} (EXPORTER_CSV_RULE_PATH) '{Path}' is not accepted; expected a file's path that starts with /."
        : !IsPath(MalwarePath) ? $"{nameof(MalwarePath)} (EXPORTER_CSV_MALWARE_PATH) '{MalwarePath}' is not accepted; expected a file's path that starts with /."
        : MalwarePath.Length > 0 && MalwarePath == Path ? $"{nameof(MalwarePath)} (EXPORTER_CSV_MALWARE_PATH) '{MalwarePath}' is the file of other alerts; expected one of its own."
        : MaxFileBytes < 64 * 1024 ? $"{nameof(MaxFileBytes)} '{MaxFileBytes}' is not accepted; expected at least 65536."
        : KeptFiles is < 0 or > 1000 ? $"{nameof(KeptFiles)} '{KeptFiles}' is not accepted; expected 0 to 1000."
        : null;

    private static bool IsPath(string path) => path.Length == 0 || (System.IO.Path.IsPathFullyQualified(path) && !path.EndsWith('/'));
}
