using KubeCop.Scanning.Walking;

namespace KubeCop.Scanning.Scans;

/// <summary>What a scan has done. Written by the scan; anybody may read, while it goes on too.</summary>
internal sealed class ScanCounts
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
    public ScanCounts(ScanCounts? total = null)
    {
        _total = total;

        // Reasons of walks are not read while they go on, so there is one count of them for all scans.
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

    /// <summary>What was met and has no content to scan, or could not be opened.</summary>
    public PassedOver Passed { get; }

    /// <summary>Not judged, for whatever reason.</summary>
    public long NotScanned => OverLimit + Failed;

    public void AddFile()
    {
        Interlocked.Increment(ref _files);
        _total?.AddFile();
    }

    public void AddUnchanged()
    {
        Interlocked.Increment(ref _unchanged);
        _total?.AddUnchanged();
    }

    public void AddClean(long bytes)
    {
        Interlocked.Increment(ref _clean);
        Interlocked.Add(ref _bytes, bytes);
        _total?.AddClean(bytes);
    }

    public void AddFound(long bytes)
    {
        Interlocked.Increment(ref _found);
        Interlocked.Add(ref _bytes, bytes);
        _total?.AddFound(bytes);
    }

    public void AddOverLimit()
    {
        Interlocked.Increment(ref _overLimit);
        _total?.AddOverLimit();
    }

    public void AddFailed()
    {
        Interlocked.Increment(ref _failed);
        _total?.AddFailed();
    }

    public void AddPause()
    {
        Interlocked.Increment(ref _pauses);
        _total?.AddPause();
    }
}
