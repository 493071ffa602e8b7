namespace KubeCop.Scanning.Walking;

/// <summary>
/// The files with several names that a scan has met, so that each is handed out once. Shared by the walks of a scan. Bounded: what does not
/// fit is handed out under each of its names, which costs time and misses nothing.
/// </summary>
internal sealed class LinkedFiles(int limit = LinkedFiles.DefaultLimit)
{
    /// <summary>Of some 40 bytes each.</summary>
    public const int DefaultLimit = 1_000_000;

    private readonly HashSet<(ulong Device, ulong Inode)> _met = [];

    public int Count => _met.Count;

    /// <returns>False when it was met before.</returns>
    public bool Meet(ulong device, ulong inode) => _met.Count < limit ? _met.Add((device, inode)) : !_met.Contains((device, inode));
}
