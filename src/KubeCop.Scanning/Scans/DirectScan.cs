using System.Text;
using KubeCop.Core.Malware;
using KubeCop.Core.Workloads;
using KubeCop.Scanning.Clamd;
using KubeCop.Scanning.Pressure;
using KubeCop.Scanning.Walking;

namespace KubeCop.Scanning.Scans;

/// <summary>A scan of host paths that nothing remembers: for a command, with or without a node that runs here. Which containers see a file it cannot tell.</summary>
public sealed class DirectScan
{
    private DirectScan(ScanCounts counts, IReadOnlyDictionary<string, string> problems, string? failure) => (Counts, Problems, Failure) = (counts, problems, failure);

    public ScanCounts Counts { get; }

    /// <summary>What could not be walked, with the reason.</summary>
    public IReadOnlyDictionary<string, string> Problems { get; }

    /// <summary>Why it did not come to its end; null when it did.</summary>
    public string? Failure { get; }

    /// <param name="paths">Of the host; absolute.</param>
    /// <param name="found">Called for each finding, one at a time.</param>
    /// <exception cref="ArgumentException">The options name no clamd.</exception>
    public static async Task<DirectScan> RunAsync(
        MalwareOptions options, NodeOptions node, IEnumerable<string> paths, Action<MalwareFinding> found, TimeProvider time, CancellationToken cancellationToken)
    {
        if (!ClamdAddress.TryParse(options.Address, out var address, out var mistake))
        {
            throw new ArgumentException(mistake, nameof(options));
        }

        await using var clamd = new ClamdClient(address, options.Clamd, time);
        var host = new HostRoot(node.HostRoot);
        var scan = new MalwareScan(
            node.Name,
            new ClamdScanner(clamd, time),
            new KnownFiles(options.MaxKnownFiles),
            systems: null,
            new RateLimit(options.FilesPerSecond, options.BytesPerSecond, time),
            new SystemPressure(options.Pressure, node.HostRoot, time),
            options.Patience,
            time);
        string? failure = null;
        try
        {
            var roots = ScanRoot.Distinct(paths.Select(path => new ScanRoot(host, ScanRootKind.HostPath, Encoding.UTF8.GetBytes(path))));
            await scan.RunAsync(roots, from: null, found, cancellationToken);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            failure = "it was interrupted";
        }
        catch (IOException exception)
        {
            failure = exception.Message;
        }

        return new DirectScan(scan.Counts, scan.Problems, failure);
    }
}
