namespace KubeCop.Scanning.Walking;

/// <summary>Paths as the kernel has them: bytes without a zero, of no encoding.</summary>
internal static class BytePath
{
    private const byte Slash = (byte)'/';

    /// <summary>
    /// Whether <paramref name="path"/> is <paramref name="root"/> or lies below it. Both without a slash at their end; all is within an empty
    /// root and within <c>/</c>.
    /// </summary>
    public static bool IsWithin(ReadOnlySpan<byte> path, ReadOnlySpan<byte> root)
    {
        var prefix = root.TrimEnd(Slash);
        return path.StartsWith(prefix) && (path.Length == prefix.Length || path[prefix.Length] == Slash);
    }

    /// <summary>What is left of a path within <paramref name="root"/>: without a slash at its beginning, empty of the root itself.</summary>
    public static ReadOnlySpan<byte> Below(ReadOnlySpan<byte> path, ReadOnlySpan<byte> root) => path[root.TrimEnd(Slash).Length..].TrimStart(Slash);

    /// <summary>Puts <paramref name="name"/> below a directory.</summary>
    public static byte[] Join(ReadOnlySpan<byte> directory, ReadOnlySpan<byte> name) =>
        name.IsEmpty ? (directory.IsEmpty ? [Slash] : directory.ToArray()) : [.. directory.TrimEnd(Slash), Slash, .. name];

    /// <summary>As the C library takes it.</summary>
    public static byte[] Terminated(ReadOnlySpan<byte> path) => [.. path, 0];
}
