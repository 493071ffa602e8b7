namespace KubeCop.Scanning.Quarantining;

/// <summary>Which files with malware are moved aside. Section <c>KubeCop:Malware:Quarantine</c>.</summary>
public sealed class QuarantineOptions
{
    public const string Section = $"{MalwareOptions.Section}:Quarantine";

    /// <summary>Where runtimes keep the layers of images and containers: what is there is never moved, whoever asks for it.</summary>
    internal static readonly string[] RuntimeDirectories =
    [
        "/run/containerd", "/run/docker", "/var/lib/containerd", "/var/lib/containers", "/var/lib/docker", "/var/lib/rancher",
    ];

    /// <summary>Whether files are moved. Default: no.</summary>
    public bool Enabled { get; set; }

    /// <summary>Directories of the host below which files may be moved, absolute and without links on the way. Default: none.</summary>
    public IList<string> Paths { get; } = [];

    /// <summary>Files that are kept; what would be one more stays where it is. At least 1. Default: 1000.</summary>
    public int MaxFiles { get; set; } = 1000;

    /// <summary>Bytes of the files that are kept; what would exceed them stays where it is. At least 1. Default: 1 GiB.</summary>
    public long MaxBytes { get; set; } = 1L << 30;

    /// <returns>What is wrong, by the option's full name; null when nothing is.</returns>
    public string? FindMistake() =>
        Enabled && Paths.Count == 0 ? $"{Section}:{nameof(Paths)} is empty, and without a directory nothing can be moved; name some, or set {nameof(Enabled)} to false."
        : MaxFiles < 1 ? $"{Section}:{nameof(MaxFiles)} '{MaxFiles}' is not accepted; expected at least 1."
        : MaxBytes < 1 ? $"{Section}:{nameof(MaxBytes)} '{MaxBytes}' is not accepted; expected at least 1."
        : Paths.Select(FindMistake).FirstOrDefault(static mistake => mistake is not null);

    private static string? FindMistake(string path)
    {
        var name = $"{Section}:{nameof(Paths)} '{path}' is not accepted;";
        return !path.StartsWith('/') || path.Split('/').Any(static part => part is "." or "..") ? $"{name} expected a path that starts with /, without . and .. in it."
            : path.Trim('/').Length == 0 ? $"{name} the whole host cannot be moved aside; expected a directory of data."
            : RuntimeDirectories.FirstOrDefault(directory => IsWithin(path.TrimEnd('/'), directory) || IsWithin(directory, path.TrimEnd('/'))) is { } runtime
                ? $"{name} {runtime} has file systems of containers, which are never moved; expected directories that do not hold it and do not lie in it."
            : null;
    }

    private static bool IsWithin(string path, string root) => path == root || path.StartsWith(root + '/', StringComparison.Ordinal);
}
