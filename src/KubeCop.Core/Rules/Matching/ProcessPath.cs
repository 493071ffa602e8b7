namespace KubeCop.Core.Rules.Matching;

/// <summary>Paths that name a file through a process instead of a directory, so that they tell nothing about where the file is.</summary>
internal static class ProcessPath
{
    /// <returns>The prefix (<c>/proc/self</c>, <c>/proc/&lt;pid&gt;</c>, <c>/dev/fd</c>, …), or null when it is an ordinary path.</returns>
    public static string? PrefixOf(string path)
    {
        // execveat of a bare descriptor shows as /dev/fd/N: fs/exec.c, alloc_bprm.
        if (path.StartsWith("/dev/fd/", StringComparison.Ordinal))
        {
            return "/dev/fd";
        }

        if (!path.StartsWith("/proc/", StringComparison.Ordinal))
        {
            return null;
        }

        var rest = path.AsSpan("/proc/".Length);
        var end = rest.IndexOf('/');
        var process = end < 0 ? rest : rest[..end];
        return process switch
        {
            "self" => "/proc/self",
            "thread-self" => "/proc/thread-self",
            { IsEmpty: false } when !process.ContainsAnyExceptInRange('0', '9') => "/proc/<pid>",
            _ => null,
        };
    }
}
