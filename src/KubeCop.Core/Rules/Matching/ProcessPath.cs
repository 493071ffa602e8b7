namespace KubeCop.Core.Rules.Matching;

/// <summary>Paths that name a file through a process instead of a directory, so that they tell nothing about where the file is.</summary>
internal static class ProcessPath
{
    /// <summary>
    /// Whether a path leads to an open descriptor of a process: <c>/dev/fd/N</c>, <c>/proc/self/fd/N</c>, <c>/proc/&lt;pid&gt;/task/&lt;tid&gt;/fd/N</c>
    /// and the like, and the links to these for the standard streams.
    /// </summary>
    public static bool IsDescriptor(string path)
    {
        if (path is "/dev/stdin" or "/dev/stdout" or "/dev/stderr" || path.StartsWith("/dev/fd/", StringComparison.Ordinal))
        {
            return true;
        }

        if (PrefixOf(path) is null)
        {
            return false;
        }

        var end = path.LastIndexOf('/');
        return path.AsSpan(0, end).EndsWith("/fd", StringComparison.Ordinal) && end + 1 < path.Length && !path.AsSpan(end + 1).ContainsAnyExceptInRange('0', '9');
    }

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

    /// <summary>Whether it is what a process executes: <c>/proc/self/exe</c>, <c>/proc/thread-self/exe</c>, <c>/proc/&lt;pid&gt;/exe</c>.</summary>
    public static bool IsExecutable(string path) =>
        path.EndsWith("/exe", StringComparison.Ordinal) && path.AsSpan().Count('/') == 3 && path.StartsWith("/proc/", StringComparison.Ordinal) && PrefixOf(path) is not null;
}
