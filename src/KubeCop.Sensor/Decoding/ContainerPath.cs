namespace KubeCop.Sensor.Decoding;

/// <summary>Path arithmetic in a container's view, by text alone.</summary>
internal static class ContainerPath
{
    /// <summary>
    /// <paramref name="path"/> made absolute against <paramref name="workingDirectory"/>, without empty, <c>.</c> and <c>..</c> segments.
    /// Symlinks are not followed: the result names what was invoked, not what it led to.
    /// </summary>
    public static string MakeAbsolute(string path, string workingDirectory)
    {
        if (path.StartsWith('/') && !NeedsCleaning(path))
        {
            return path;
        }

        var full = path.StartsWith('/') ? path : workingDirectory + "/" + path;
        var segments = new List<string>();
        foreach (var segment in full.Split('/'))
        {
            switch (segment)
            {
                case "" or ".":
                    break;
                case "..":
                    if (segments.Count > 0)
                    {
                        segments.RemoveAt(segments.Count - 1);
                    }

                    break;
                default:
                    segments.Add(segment);
                    break;
            }
        }

        return "/" + string.Join('/', segments);
    }

    private static bool NeedsCleaning(string path) =>
        path.Contains("//", StringComparison.Ordinal) || path.Contains("/.", StringComparison.Ordinal) || (path.Length > 1 && path.EndsWith('/'));
}
