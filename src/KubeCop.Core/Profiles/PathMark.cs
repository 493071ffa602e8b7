namespace KubeCop.Core.Profiles;

/// <summary>What profiles write before a path that is no name in the container: it is compared like others, but never equal to a real path.</summary>
public static class PathMark
{
    /// <summary>The path's beginning is missing.</summary>
    public const string Truncated = "(truncated)";

    /// <summary>The path does not lead to the container's root: a pipe, a detached mount.</summary>
    public const string Unreachable = "(unreachable)";

    /// <summary>Whether a profile may have such a path: a whole one, or one of which it is marked that it is not.</summary>
    public static bool IsAbsolute(string path) =>
        path.StartsWith('/') || path.StartsWith(Unreachable, StringComparison.Ordinal) || path.StartsWith(Truncated, StringComparison.Ordinal);
}
