namespace KubeCop.Scanning.Walking;

/// <summary>A file as it was at one time: whoever changes its content, or puts another in its place, changes one of these.</summary>
/// <param name="Device">Major number in the upper 32 bits, minor in the lower.</param>
/// <param name="ChangedNanoseconds">Time of the last change of content or inode (ctime) since 1970, which only the kernel sets.</param>
/// <param name="Size">In bytes.</param>
internal readonly record struct FileIdentity(ulong Device, ulong Inode, long ChangedNanoseconds, long Size);
