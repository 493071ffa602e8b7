namespace KubeCop.Scanning.Walking;

/// <summary>How far a walk goes.</summary>
internal sealed record TreeWalkOptions
{
    public static readonly TreeWalkOptions Default = new();

    /// <summary>Whether network and FUSE file systems are walked too. Default: no. A path the user named is walked in any case if it lies in one.</summary>
    public bool CrossesIntoNetwork { get; init; }

    /// <summary>Levels of directories below the root. Default: 8192, more than any path has that programs can name.</summary>
    public int MaxDepth { get; init; } = 8192;

    /// <summary>Directories that are kept open at a time; deeper ones are found again through <c>..</c>. At least 2. Default: 64.</summary>
    public int MaxOpen { get; init; } = 64;

    /// <summary>
    /// Names of a directory that are sorted at a time. A larger directory is read several times over, so that memory stays bounded. At least 1.
    /// Default: 65 536.
    /// </summary>
    public int MaxNames { get; init; } = 65_536;

    /// <summary>
    /// Devices (as <see cref="FileIdentity.Device"/>) that this scan walks elsewhere: merged file systems of containers whose layers are walked.
    /// </summary>
    public IReadOnlySet<ulong> WalkedElsewhere { get; init; } = new HashSet<ulong>();
}
