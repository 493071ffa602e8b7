using KubeCop.Core.Malware;

namespace KubeCop.Grains.Abstractions.Scanning;

/// <summary>When a node is scanned for malware. Key: the node's name; it lives on that node's silo.</summary>
[Alias("kubecop.IScannerGrain")]
public interface IScannerGrain : IGrainWithStringKey
{
    /// <summary>Has it do its work, which it then does by itself as long as the silo is there.</summary>
    [Alias("Keep")]
    Task KeepAsync();

    /// <summary>Begins a scan now. It takes the place of one that waits to go on.</summary>
    /// <param name="paths">Paths of the host, absolute; empty for all that the node scans.</param>
    /// <returns>False when one is running, or the node scans nothing.</returns>
    [Alias("Start")]
    Task<bool> StartAsync(string[] paths);

    /// <summary>Ends the scan that runs. The next one begins anew.</summary>
    /// <returns>False when none is running.</returns>
    [Alias("Cancel")]
    Task<bool> CancelAsync();

    [Alias("GetStatus")]
    Task<ScannerStatus> GetStatusAsync();
}

/// <summary>How a node's scans stand.</summary>
[GenerateSerializer, Immutable, Alias("kubecop.ScannerStatus")]
public sealed record ScannerStatus
{
    [Id(0)] public required bool IsEnabled { get; init; }

    /// <summary>The scan that runs, else the last one; null before the first.</summary>
    [Id(1)] public MalwareScanReport? Report { get; init; }

    /// <summary>When the next one is due; null for scans on demand alone.</summary>
    [Id(2)] public DateTimeOffset? NextAt { get; init; }

    /// <summary>Scans that were due while another one ran.</summary>
    [Id(3)] public long Skipped { get; init; }
}
