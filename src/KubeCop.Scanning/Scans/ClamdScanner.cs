using System.Globalization;
using KubeCop.Scanning.Clamd;
using Microsoft.Win32.SafeHandles;

namespace KubeCop.Scanning.Scans;

/// <summary>Has content judged by clamd.</summary>
internal sealed class ClamdScanner(ClamdClient clamd, TimeProvider time) : IContentScanner
{
    /// <summary>As clamd said it last; null before.</summary>
    public ClamdVersion? Version { get; private set; }

    /// <summary>
    /// Engine and database. clamd tells the version of its daily database alone; without one nothing tells when its signatures change, so what was
    /// found clean then holds for the day (UTC) only.
    /// </summary>
    public async Task<string> GetSignaturesAsync(CancellationToken cancellationToken)
    {
        var version = await clamd.VersionAsync(cancellationToken);
        Version = version;
        return version.Database is { } database
            ? string.Create(CultureInfo.InvariantCulture, $"{version.Engine}/{database}")
            : string.Create(CultureInfo.InvariantCulture, $"{version.Engine}/of {time.GetUtcNow():yyyy-MM-dd}");
    }

    public Task<ClamdVerdict> ScanAsync(SafeFileHandle file, long length, CancellationToken cancellationToken) => clamd.ScanFileAsync(file, length, cancellationToken);
}
