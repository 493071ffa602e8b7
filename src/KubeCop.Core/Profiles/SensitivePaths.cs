namespace KubeCop.Core.Profiles;

/// <summary>
/// Directories in which each file matters by its name: credentials, programs, configuration, what the kernel shows of itself. What a profile
/// knows there by a pattern is reported all the same, file by file.
/// </summary>
public static class SensitivePaths
{
    /// <summary>With everything below.</summary>
    private static readonly string[] Trees =
    [
        "/bin", "/boot", "/etc", "/lib", "/lib32", "/lib64", "/libx32", "/proc", "/root", "/sbin", "/sys", "/usr",
        "/run/secrets", "/var/lib/kubelet", "/var/run/secrets", "/var/spool/cron",
    ];

    /// <summary>Their own files only: sockets of runtimes, devices; below them there is much that changes.</summary>
    private static readonly string[] Directories = ["", "/dev", "/run", "/var/run"];

    /// <summary>Directories that hold credentials wherever they are.</summary>
    private static readonly string[] Names = [".aws", ".azure", ".docker", ".gnupg", ".kube", ".ssh", "secrets"];

    /// <summary>Whether one of them, other than those known by their names, lies somewhere below a directory.</summary>
    /// <param name="directory">Absolute; empty for the root.</param>
    public static bool AreBelow(string directory)
    {
        foreach (var tree in Trees)
        {
            if (tree.Length > directory.Length && tree.StartsWith(directory, StringComparison.Ordinal) && tree[directory.Length] == '/')
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Whether a file's directory is one of them. Allocates nothing.</summary>
    /// <param name="path">Of the file, absolute, in the container's view.</param>
    public static bool Covers(string path)
    {
        var directory = path.AsSpan(0, Math.Max(path.LastIndexOf('/'), 0));
        foreach (var tree in Trees)
        {
            if (directory.StartsWith(tree, StringComparison.Ordinal) && (directory.Length == tree.Length || directory[tree.Length] == '/'))
            {
                return true;
            }
        }

        foreach (var one in Directories)
        {
            if (directory.SequenceEqual(one))
            {
                return true;
            }
        }

        foreach (var segment in directory.Split('/'))
        {
            foreach (var name in Names)
            {
                if (directory[segment].SequenceEqual(name))
                {
                    return true;
                }
            }
        }

        return false;
    }
}
