using KubeCop.Scanning.Walking;

namespace KubeCop.Scanning.Scans;

/// <summary>What a scan has done. Written by the scan; anybody may read, while it goes on too.</summary>
internal sealed class ScanCounts
{
    private long _files;
    private long _unchanged;
    private long _clean;
    private long _found;
    private long _overLimit;
    private long _failed;
    private long _bytes;
    private long _pauses;

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
    public PassedOver Passed { get; } = new();

    public void AddFile() => Interlocked.Increment(ref _files);

    public void AddUnchanged() => Interlocked.Increment(ref _unchanged);

    public void AddClean(long bytes)
    {
        Interlocked.Increment(ref _clean);
        Interlocked.Add(ref _bytes, bytes);
    }

    public void AddFound(long bytes)
    {
        Interlocked.Increment(ref _found);
        Interlocked.Add(ref _bytes, bytes);
    }

    public void AddOverLimit() => Interlocked.Increment(ref _overLimit);

    public void AddFailed() => Interlocked.Increment(ref _failed);

    public void AddPause() => Interlocked.Increment(ref _pauses);
}
