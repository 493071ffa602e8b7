using System.Text.Json;
using KubeCop.Scanning.Walking;

namespace KubeCop.Scanning.Scans;

/// <summary>What a scan has done. Written by the scan; anybody may read, while it goes on too.</summary>
public sealed class ScanCounts
{
    private readonly ScanCounts? _total;
    private long _files;
    private long _unchanged;
    private long _clean;
    private long _found;
    private long _overLimit;
    private long _failed;
    private long _bytes;
    private long _pauses;

    /// <param name="total">Of which these are a part; null for none.</param>
    internal ScanCounts(ScanCounts? total = null)
    {
        _total = total;

        // Walks count in one place, so that is the total's.
        Passed = total?.Passed ?? new PassedOver();
    }

    /// <summary>Regular files met.</summary>
    public long Files => Volatile.Read(ref _files);

    /// <summary>Those that were found clean by an earlier scan and have not changed.</summary>
    public long Unchanged => Volatile.Read(ref _unchanged);

    public long Clean => Volatile.Read(ref _clean);

    public long Found => Volatile.Read(ref _found);

    /// <summary>Not scanned, because a limit of the scanner stands against it.</summary>
    public long OverLimit => Volatile.Read(ref _overLimit);

    /// <summary>Not scanned, because the scanner failed on it.</summary>
    public long Failed => Volatile.Read(ref _failed);

    /// <summary>Sizes of the files that were given to the scanner.</summary>
    public long Bytes => Volatile.Read(ref _bytes);

    /// <summary>How often it paused for pressure.</summary>
    public long Pauses => Volatile.Read(ref _pauses);

    /// <summary>Why something is passed over, in <c>snake_case</c>.</summary>
    public static IReadOnlyList<string> PassReasons { get; } = [.. Enum.GetValues<PassReason>().Select(Name)];

    /// <summary>What was met and has no content to scan, or could not be opened, by each of <see cref="PassReasons"/>.</summary>
    public IReadOnlyDictionary<string, long> ByPassReason => Enum.GetValues<PassReason>().ToDictionary(Name, reason => Passed[reason]);

    internal PassedOver Passed { get; }

    /// <summary>Not judged, for whatever reason.</summary>
    public long NotScanned => OverLimit + Failed;

    internal void AddFile()
    {
        Interlocked.Increment(ref _files);
        _total?.AddFile();
    }

    internal void AddUnchanged()
    {
        Interlocked.Increment(ref _unchanged);
        _total?.AddUnchanged();
    }

    internal void AddClean(long bytes)
    {
        Interlocked.Increment(ref _clean);
        Interlocked.Add(ref _bytes, bytes);
        _total?.AddClean(bytes);
    }

    internal void AddFound(long bytes)
    {
        Interlocked.Increment(ref _found);
        Interlocked.Add(ref _bytes, bytes);
        _total?.AddFound(bytes);
    }

    internal void AddOverLimit()
    {
        Interlocked.Increment(ref _overLimit);
        _total?.AddOverLimit();
    }

    internal void AddFailed()
    {
        Interlocked.Increment(ref _failed);
        _total?.AddFailed();
    }

    internal void AddPause()
    {
        Interlocked.Increment(ref _pauses);
        _total?.AddPause();
    }

    private static string Name(PassReason reason) => JsonNamingPolicy.SnakeCaseLower.ConvertName(reason.ToString());
}
