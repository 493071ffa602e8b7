namespace KubeCop.Storage;

/// <summary>Something that must survive a restart cannot be read or written.</summary>
/// <param name="cause">What failed, and on which file or in which store.</param>
/// <param name="remedy">What to do about it.</param>
public sealed class StorageException(string cause, string remedy, Exception? inner = null) : Exception($"{cause} {remedy}", inner)
{
    public string Cause { get; } = cause;

    public string Remedy { get; } = remedy;

    /// <summary>Whether it may pass without anybody doing anything, as an outage does. Default: false.</summary>
    public bool MayPass { get; init; }
}
