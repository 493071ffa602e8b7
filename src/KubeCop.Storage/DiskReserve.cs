namespace KubeCop.Storage;

/// <summary>
/// What alerts leave free of the file system that the data directory is on: an eighth of it, at most 8 MiB. A node needs some room
/// to start, and what was learned goes before alerts that wait for a receiver that is away.
/// </summary>
internal static class DiskReserve
{
    private const long MostBytes = 8 * 1024 * 1024;

    /// <param name="directory">It need not be there yet.</param>
    /// <exception cref="IOException">No more than that is free: for alerts the disk is full.</exception>
    public static void Leave(string directory)
    {
        var existing = directory;
        while (!Directory.Exists(existing) && Path.GetDirectoryName(existing) is { Length: > 0 } parent)
        {
            existing = parent;
        }

        var disk = new DriveInfo(existing);
        if (disk.AvailableFreeSpace <= Math.Min(MostBytes, disk.TotalSize / 8))
        {
            throw new IOException($"What is left of the file system of {directory} is not for alerts.", DiskErrors.NoSpace);
        }
    }
}
