using KubeCop.Core.Malware;

namespace KubeCop.Grains.Scanning;

/// <summary>What grain storage holds of a node's scans.</summary>
[GenerateSerializer, Immutable, Alias("kubecop.ScannerState")]
internal sealed record ScannerState
{
    /// <summary>When the next scan is due; null before the first one was.</summary>
    [Id(0)] public DateTimeOffset? NextAt { get; init; }

    /// <summary>The scan that was begun last, as it was seen last.</summary>
    [Id(1)] public MalwareScanReport? Report { get; init; }

    [Id(2)] public long Skipped { get; init; }
}
