namespace KubeCop.Core.Rules.Matching;

/// <summary>A directory (or file) and everything below it; <c>/run</c> covers <c>/run/x</c> but not <c>/runner</c>.</summary>
internal readonly record struct PathPrefix
{
    private readonly string _path;

    /// <param name="path">Absolute, without <c>.</c> and <c>..</c>; a trailing slash makes no difference.</param>
    /// <exception cref="ArgumentException">The path is not of that form; the message says which and why.</exception>
    public PathPrefix(string path)
    {
        if (!path.StartsWith('/') || path.Split('/').Any(static part => part is "." or ".."))
        {
            // Without the parameter's name: people who write bindings read this.
            throw new ArgumentException($"'{path}' is not a path prefix: it must be an absolute path without '.' and '..', for example /run/secrets.");
        }

        _path = path.TrimEnd('/');
    }

    public bool Covers(string path) => Covers(_path, path);

    /// <summary>As <see cref="Covers(string)"/>, for prefixes that come from outside and are not checked: the root covers nothing then.</summary>
    public static bool CoversUnchecked(string prefix, string path)
    {
        var directory = prefix.AsSpan().TrimEnd('/');
        return directory.Length > 0 && Covers(directory, path);
    }

    public override string ToString() => _path.Length == 0 ? "/" : _path;

    private static bool Covers(ReadOnlySpan<char> directory, string path) =>
        path.AsSpan().StartsWith(directory, StringComparison.Ordinal) && (path.Length == directory.Length || path[directory.Length] == '/');
}
