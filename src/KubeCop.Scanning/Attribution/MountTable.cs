using System.Globalization;
using System.Text;

namespace KubeCop.Scanning.Attribution;

/// <summary>
/// A place in a file system, whatever path leads there: two paths with the same place are the same file. Paths in this folder are text with a
/// character for each byte (Latin-1), as the kernel's tables are bytes.
/// </summary>
/// <param name="Device">Major and minor number, as in a mount table: <c>254:0</c>.</param>
/// <param name="Path">From the file system's own root on; absolute.</param>
internal readonly record struct FilePlace(string Device, string Path);

/// <summary>A line of <c>/proc/&lt;pid&gt;/mountinfo</c> (proc_pid_mountinfo(5)).</summary>
/// <param name="Root">Which directory of the file system is mounted.</param>
/// <param name="SuperOptions">As the kernel writes them, escaped.</param>
internal sealed record Mount(string Device, string Root, string MountPoint, string FileSystem, string SuperOptions)
{
    public FilePlace Place => new(Device, Root);
}

/// <summary>What is mounted where, for one mount namespace.</summary>
internal sealed class MountTable
{
    private readonly Mount[] _mounts;

    // The topmost of those at one place.
    private readonly Dictionary<string, Mount> _byMountPoint = new(StringComparer.Ordinal);
    private readonly ILookup<string, Mount> _byDevice;

    private MountTable(Mount[] mounts)
    {
        _mounts = mounts;
        foreach (var mount in mounts)
        {
            _byMountPoint[mount.MountPoint] = mount;
        }

        _byDevice = mounts.ToLookup(static mount => mount.Device, StringComparer.Ordinal);
    }

    public IReadOnlyList<Mount> Mounts => _mounts;

    /// <param name="content">Of <c>mountinfo</c>. Lines that are none are left out.</param>
    /// <param name="root">Where in it the wanted tree is mounted: of the host's, in a pod. Without a slash at its end; empty for all.</param>
    public static MountTable Parse(string content, string root = "")
    {
        var mounts = new List<Mount>();
        foreach (var line in content.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            var fields = line.Split(' ');
            var separator = Array.IndexOf(fields, "-", Math.Min(6, fields.Length));
            if (separator < 0 || fields.Length < separator + 4 || !IsWithin(Unescape(fields[4]), root))
            {
                continue;
            }

            var mountPoint = Unescape(fields[4])[root.Length..];
            mounts.Add(new Mount(
                fields[2],
                RootOf(fields[3]),
                mountPoint.Length == 0 ? "/" : mountPoint,
                Unescape(fields[separator + 1]),
                string.Join(' ', fields[(separator + 3)..])));
        }

        return new MountTable([.. mounts]);
    }

    /// <summary>The mount that is seen at a mount point; null when there is none.</summary>
    public Mount? At(string mountPoint) => _byMountPoint.GetValueOrDefault(mountPoint);

    /// <summary>The mount a path lies in; null when the table has none, not even a root.</summary>
    public Mount? Holding(string path)
    {
        foreach (var prefix in Ancestors(path))
        {
            if (_byMountPoint.TryGetValue(prefix, out var mount))
            {
                return mount;
            }
        }

        return null;
    }

    /// <param name="path">Absolute, without links and dots.</param>
    public FilePlace? PlaceOf(string path) =>
        Holding(path) is { } mount ? new FilePlace(mount.Device, Join(mount.Root, Below(path, mount.MountPoint))) : null;

    /// <summary>A path that leads to a place: the shortest that nothing else is mounted over; null when none does.</summary>
    public string? PathOf(FilePlace place) => _byDevice[place.Device]
        .Where(mount => IsWithin(place.Path, mount.Root))
        .Select(mount => Join(mount.MountPoint, Below(place.Path, mount.Root)))
        .Where(path => PlaceOf(path) == place)
        .MinBy(static path => path.Length);

    /// <summary>Whether <paramref name="path"/> is <paramref name="root"/> or lies below it.</summary>
    public static bool IsWithin(string path, string root)
    {
        var prefix = root.AsSpan().TrimEnd('/');
        return path.AsSpan().StartsWith(prefix) && (path.Length == prefix.Length || path[prefix.Length] == '/');
    }

    /// <summary>What is left of a path within <paramref name="root"/>, without a slash at its beginning.</summary>
    public static string Below(string path, string root) => path[root.TrimEnd('/').Length..].TrimStart('/');

    public static string Join(string directory, string rest) => rest.Length == 0 ? directory : $"{directory.TrimEnd('/')}/{rest}";

    /// <summary>The path itself, what it lies in, and so on to <c>/</c>.</summary>
    public static IEnumerable<string> Ancestors(string path)
    {
        for (var end = path.TrimEnd('/').Length; end > 0; end = path.LastIndexOf('/', end - 1))
        {
            yield return path[..end];
        }

        yield return "/";
    }

    /// <summary>The kernel writes what would end a field (space, tab, newline, comma in options) and the backslash as three octal digits.</summary>
    public static string Unescape(string text)
    {
        if (!text.Contains('\\', StringComparison.Ordinal))
        {
            return text;
        }

        var result = new StringBuilder(text.Length);
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == '\\' && i + 3 < text.Length && IsOctal(text.AsSpan(i + 1, 3)))
            {
                result.Append((char)(((text[i + 1] - '0') * 64) + ((text[i + 2] - '0') * 8) + text[i + 3] - '0'));
                i += 3;
            }
            else
            {
                result.Append(text[i]);
            }
        }

        return result.ToString();
    }

    /// <summary>As <see cref="Walking.FileIdentity.Device"/> has it; 0 when the text is no device.</summary>
    public static ulong DeviceNumber(string device)
    {
        var colon = device.IndexOf(':', StringComparison.Ordinal);
        return colon > 0
            && uint.TryParse(device.AsSpan(0, colon), CultureInfo.InvariantCulture, out var major)
            && uint.TryParse(device.AsSpan(colon + 1), CultureInfo.InvariantCulture, out var minor)
                ? ((ulong)major << 32) | minor
                : 0;
    }

    private static bool IsOctal(ReadOnlySpan<char> digits) => digits[0] is >= '0' and <= '3' && !digits.ContainsAnyExceptInRange('0', '7');

    // Of namespaces' files it is no path, but "net:[4026531840]".
    private static string RootOf(string field) => "/" + Unescape(field).TrimStart('/');
}
