using KubeCop.Core.Rules.Matching;

namespace KubeCop.Core.Profiles;

/// <summary>
/// Files that profiles leave out, and that nothing is compared with a profile for: those below certain directories, and below what is mounted
/// into a container. What <see cref="SensitivePaths"/> covers is never among them.
/// </summary>
public sealed class IgnoredOpens(LearningOptions options)
{
    private readonly PathPrefix[] _prefixes = [.. options.IgnoredPrefixes.Select(static prefix => new PathPrefix(prefix))];
    private readonly bool _mounts = options.IgnoreMounts;

    /// <summary>Whether a text can be one of <see cref="LearningOptions.IgnoredPrefixes"/>.</summary>
    public static bool IsPrefix(string text)
    {
        try
        {
            return new PathPrefix(text).ToString() != "/";
        }
        catch (ArgumentException)
        {
            return false;
        }
    }

    /// <param name="path">As profiles know it.</param>
    /// <param name="mounts">Where something is mounted into its container.</param>
    public bool Covers(string path, IReadOnlyList<string> mounts) => (IsBelowPrefix(path) || (_mounts && IsMounted(path, mounts))) && !SensitivePaths.Covers(path);

    /// <summary>Whether a path is one of a container's mounts, or below one.</summary>
    internal static bool IsMounted(string path, IReadOnlyList<string> mounts)
    {
        for (var i = 0; i < mounts.Count; i++)
        {
            if (PathPrefix.CoversUnchecked(mounts[i], path))
            {
                return true;
            }
        }

        return false;
    }

    private bool IsBelowPrefix(string path)
    {
        foreach (var prefix in _prefixes)
        {
            if (prefix.Covers(path))
            {
                return true;
            }
        }

        return false;
    }
}
