using System.Globalization;
using System.Text;

namespace KubeCop.Sensor.Containers;

/// <summary>A cgroup of the v2 hierarchy.</summary>
/// <param name="Id">The kernel's id, which is the inode number of its directory.</param>
/// <param name="Path">Path from the root of the hierarchy; <c>/</c> is the root.</param>
internal readonly record struct Cgroup(ulong Id, string Path);

/// <summary>The host's v2 hierarchy, wherever it is mounted: pure (<c>/sys/fs/cgroup</c>) or hybrid (<c>/sys/fs/cgroup/unified</c>).</summary>
internal sealed class CgroupTree
{
    /// <summary>The most cgroups that are listed; outer ones come first, so a workload's own cgroups are what is left out.</summary>
    public const int MaxCgroups = 65_536;

    // The largest pid_max of Linux has 7 digits; a file with as many processes as pids is longer than any sane one.
    private const int MaxProcsBytes = 1024 * 1024;

    private static readonly string[] UsualPlaces = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"];

    private static readonly EnumerationOptions EveryDirectory = new() { AttributesToSkip = FileAttributes.None };

    internal CgroupTree(string mountPoint, string hostMountPoint)
    {
        MountPoint = mountPoint;
        HostMountPoint = hostMountPoint;
        OwnPath = FindOwnPath();
    }

    /// <summary>Where the hierarchy is mounted, as this process sees it.</summary>
    public string MountPoint { get; }

    /// <summary>Where the host's runtimes see it mounted.</summary>
    public string HostMountPoint { get; }

    /// <summary>Path of our own cgroup in the mounted hierarchy; null when it lies outside of it.</summary>
    public string? OwnPath { get; }

    /// <summary>
    /// Whether paths here start at the hierarchy's real root, as the kernel's own do. Not so in a machine that is itself a container with
    /// a cgroup namespace (kind): the kernel's paths then have the outer container's in front.
    /// </summary>
    public bool StartsAtRoot => IsRoot(MountPoint);

    /// <exception cref="SensorException">There is no v2 hierarchy to be seen.</exception>
    public static CgroupTree Open(string hostRoot)
    {
        var root = hostRoot.TrimEnd('/');
        var mount = UsualPlaces.Select(place => root + place).FirstOrDefault(IsV2)
            ?? FindMount(File.ReadAllText("/proc/self/mountinfo"), root, IsRoot)
            ?? throw new SensorException(
                $"No cgroup v2 hierarchy is mounted{(root.Length > 0 ? $" under {root}" : "")}, so containers cannot be found.",
                root.Length > 0
                    ? $"Mount the host's /sys/fs/cgroup at {root}/sys/fs/cgroup."
                    : "Mount one (mount -t cgroup2 none /sys/fs/cgroup/unified) or boot with systemd.unified_cgroup_hierarchy=1.");
        return new CgroupTree(mount, mount[root.Length..]);
    }

    /// <summary>Every cgroup, outer before inner, at most <see cref="MaxCgroups"/>; those removed meanwhile are left out.</summary>
    public IReadOnlyList<Cgroup> List(out bool complete) => Walk("/", out complete);

    /// <returns>Null when there is no such cgroup (any more).</returns>
    public ulong? IdOf(string path) => LibC.TryStat(DirectoryOf(path), out var status) ? status.Inode : null;

    /// <param name="mountInfo">Content of <c>/proc/self/mountinfo</c>, see proc_pid_mountinfo(5).</param>
    /// <param name="hostRoot">Prefix of the host's file system without a slash at its end; empty where it is our own.</param>
    /// <param name="isRoot">Whether the mount shows the whole hierarchy.</param>
    internal static string? FindMount(string mountInfo, string hostRoot, Func<string, bool> isRoot)
    {
        var mounts = new List<string>();
        foreach (var line in mountInfo.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            var fields = line.Split(' ');
            var separator = Array.IndexOf(fields, "-");
            if (separator > 4 && fields.ElementAtOrDefault(separator + 1) == "cgroup2" && Unescape(fields[4]) is var mount
                && CgroupPath.Holds(hostRoot, mount))
            {
                mounts.Add(mount);
            }
        }

        return mounts.OrderByDescending(isRoot).ThenBy(mount => mount.Length).FirstOrDefault();
    }

    // The root cgroup has no type (Documentation/admin-guide/cgroup-v2.rst, "cgroup.type").
    private static bool IsRoot(string mount) => !File.Exists($"{mount}/cgroup.type");

    // The root of v1 has no such file.
    private static bool IsV2(string mount) => File.Exists($"{mount}/cgroup.controllers");

    // The kernel writes space, tab, newline and backslash in mountinfo as three octal digits.
    private static string Unescape(string text)
    {
        if (!text.Contains('\\', StringComparison.Ordinal))
        {
            return text;
        }

        var result = new StringBuilder();
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == '\\' && i + 3 < text.Length)
            {
                result.Append((char)Convert.ToInt32(text.Substring(i + 1, 3), 8));
                i += 3;
            }
            else
            {
                result.Append(text[i]);
            }
        }

        return result.ToString();
    }

    private string? FindOwnPath()
    {
        const string Unified = "0::";
        var line = File.ReadLines("/proc/self/cgroup").FirstOrDefault(line => line.StartsWith(Unified, StringComparison.Ordinal));

        // In a cgroup namespace that path starts elsewhere than the mounted tree; our pid tells which cgroup is ours.
        return line is not null && HoldsUs(line[Unified.Length..])
            ? line[Unified.Length..]
            : List(out _).Select(cgroup => cgroup.Path).FirstOrDefault(HoldsUs);
    }

    private bool HoldsUs(string path)
    {
        var pids = new HashSet<uint>();
        ReadProcesses(path, pids);
        return pids.Contains((uint)Environment.ProcessId);
    }

    private string DirectoryOf(string path) => path == "/" ? MountPoint : MountPoint + path;

    private List<Cgroup> Walk(string path, out bool complete)
    {
        complete = true;
        var found = new List<Cgroup>();
        if (IdOf(path) is not { } id)
        {
            return found;
        }

        found.Add(new Cgroup(id, path));
        for (var next = 0; next < found.Count; next++)
        {
            var parent = found[next].Path;
            foreach (var name in Children(parent))
            {
                if (found.Count == MaxCgroups)
                {
                    complete = false;
                    return found;
                }

                var child = parent == "/" ? $"/{name}" : $"{parent}/{name}";
                if (IdOf(child) is { } childId)
                {
                    found.Add(new Cgroup(childId, child));
                }
            }
        }

        return found;
    }

    private List<string> Children(string path)
    {
        try
        {
            return [.. Directory.EnumerateDirectories(DirectoryOf(path), "*", EveryDirectory).Select(child => Path.GetFileName(child))];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    private void ReadProcesses(string path, HashSet<uint> pids)
    {
        try
        {
            var text = HostFile.ReadBeginning($"{DirectoryOf(path)}/cgroup.procs", MaxProcsBytes, out _);
            foreach (var line in Encoding.ASCII.GetString(text ?? []).Split('\n', StringSplitOptions.RemoveEmptyEntries))
            {
                // 0 stands for a process outside our pid namespace.
                if (uint.TryParse(line, CultureInfo.InvariantCulture, out var pid) && pid != 0)
                {
                    pids.Add(pid);
                }
            }
        }
        catch (IOException)
        {
            // Removed meanwhile, or a threaded cgroup: its processes are listed by the cgroup above it.
        }
    }
}
