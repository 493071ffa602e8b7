using KubeCop.Scanning.Clamd;
using Microsoft.Win32.SafeHandles;

namespace KubeCop.Scanning.Scans;

/// <summary>Who judges the content of files.</summary>
internal interface IContentScanner
{
    /// <summary>By what it judges: another text, and what was found clean has to be judged again.</summary>
    /// <exception cref="ClamdUnavailableException">It cannot be asked now.</exception>
    Task<string> GetSignaturesAsync(CancellationToken cancellationToken);

    /// <param name="length">Of the file, as it was when it was opened.</param>
    /// <exception cref="ClamdUnavailableException">It cannot be asked now.</exception>
    Task<ClamdVerdict> ScanAsync(SafeFileHandle file, long length, CancellationToken cancellationToken);
}
