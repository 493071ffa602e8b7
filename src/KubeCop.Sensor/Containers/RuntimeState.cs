using System.Text.Json;

namespace KubeCop.Sensor.Containers;

/// <summary>A container as a runtime has written it down.</summary>
/// <param name="Id">The runtime's id; any text that can be a directory's name.</param>
/// <param name="Runtime">containerd, docker, runc or crun.</param>
/// <param name="Namespace">containerd's namespace; <c>default</c> for runtimes that have none.</param>
/// <param name="BundlePath">Directory of the bundle, as this process sees it.</param>
/// <param name="CgroupPath">Its cgroup in the v2 hierarchy; null where the runtime did not say.</param>
internal sealed record RuntimeEntry(string Id, string Runtime, string Namespace, string BundlePath, string? CgroupPath);

/// <summary>The process that made a cgroup.</summary>
/// <param name="Comm">Its name, which anybody can choose.</param>
/// <param name="WorkingDirectory">Empty when it could not be told. Runtimes work in the container's bundle.</param>
internal sealed record CgroupMaker(string Comm, string WorkingDirectory);

/// <summary>
/// What the runtimes keep on disk about their running containers: finds containers whose cgroup's name does not tell (<c>ctr</c>, plain
/// <c>runc</c>), and everybody's bundle. These directories belong to root; containers do not see them.
/// </summary>
internal sealed class RuntimeState(string hostRoot, string hostCgroupMount, TimeProvider time)
{
    private const int MaxNamespaces = 256;
    private const int MaxContainers = 8192;

    private static readonly EnumerationOptions RealDirectories = new() { AttributesToSkip = FileAttributes.ReparsePoint };

    // Bundles first: where both know a container, the bundle says more than the low-level runtime's state.
    private static readonly Place[] Places =
    [
        new("run/containerd/io.containerd.runtime.v2.task", "config.json", "containerd", HasNamespaces: true),
        new("run/docker/containerd/daemon/io.containerd.runtime.v2.task", "config.json", "containerd", HasNamespaces: true),
        new("run/k3s/containerd/io.containerd.runtime.v2.task", "config.json", "containerd", HasNamespaces: true),
        new("run/k0s/containerd/io.containerd.runtime.v2.task", "config.json", "containerd", HasNamespaces: true),
        new("var/snap/microk8s/common/run/containerd/io.containerd.runtime.v2.task", "config.json", "containerd", HasNamespaces: true),
        new("run/containerd/runc", "state.json", "containerd", HasNamespaces: true),
        new("run/runc", "state.json", "runc", HasNamespaces: false),
        new("run/crun", "status", "crun", HasNamespaces: false),
    ];

    private readonly string _hostRoot = hostRoot.TrimEnd('/');
    private readonly Lock _lock = new();
    private readonly Dictionary<string, Folder> _folders = [];
    private readonly Dictionary<string, Slot> _byCgroup = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Slot> _byId = new(StringComparer.Ordinal);

    /// <summary>Takes in containers that came or went. Costs one look at each directory when nothing has changed.</summary>
    public void Refresh()
    {
        lock (_lock)
        {
            var seen = new HashSet<string>(StringComparer.Ordinal);
            var changed = false;
            foreach (var place in Places)
            {
                var path = $"{_hostRoot}/{place.Path}";
                foreach (var (folder, ns) in place.HasNamespaces ? Names(path, MaxNamespaces).Select(ns => ($"{path}/{ns}", ns)) : [(path, "default")])
                {
                    changed |= RefreshFolder(folder, place, ns);
                    seen.Add(folder);
                }
            }

            foreach (var gone in _folders.Keys.Where(folder => !seen.Contains(folder)).ToList())
            {
                changed |= _folders.Remove(gone);
            }

            if (changed)
            {
                Index();
            }
        }
    }

    /// <returns>The container whose own cgroup this is; null when none is known as of the last <see cref="Refresh"/>.</returns>
    public RuntimeEntry? FindByCgroup(string path)
    {
        lock (_lock)
        {
            return _byCgroup.TryGetValue(path, out var slot) && slot.Read(this)?.CgroupPath == path ? slot.Entry : null;
        }
    }

    /// <returns>Null when none is known as of the last <see cref="Refresh"/>.</returns>
    public RuntimeEntry? FindById(string id)
    {
        lock (_lock)
        {
            return _byId.TryGetValue(id, out var slot) ? slot.Read(this) : null;
        }
    }

    /// <summary>
    /// The container of a cgroup that a runtime has just made for a bundle, before the runtime writes anything down: plain runc and crun
    /// do so only shortly before the container's first exec, and an instant container is gone by then. Without a path of its own in the
    /// bundle they give the cgroup the container's id as its name (OCI runtime specification, config-linux, "Cgroups Path").
    /// </summary>
    /// <returns>Null when the maker does not work in such a bundle.</returns>
    public RuntimeEntry? OfNewCgroup(string path, CgroupMaker maker)
    {
        if (maker.WorkingDirectory.Length == 0)
        {
            return null;
        }

        try
        {
            var bundle = OnHost(maker.WorkingDirectory);
            return OciSpec.Read(bundle) is { OciVersion.Length: > 0, Linux.CgroupsPath: null or "" }
                ? new RuntimeEntry(path[(path.LastIndexOf('/') + 1)..], maker.Comm == "crun" ? "crun" : "runc", "default", bundle, path)
                : null;
        }
        catch (Exception e) when (e is IOException or JsonException)
        {
            // Some other program's config.json.
            return null;
        }
    }

    private static List<string> Names(string path, int limit)
    {
        if (!Directory.Exists(path))
        {
            return [];
        }

        try
        {
            return [.. Directory.EnumerateDirectories(path, "*", RealDirectories).Select(child => Path.GetFileName(child)).Take(limit)];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    private bool RefreshFolder(string path, Place place, string ns)
    {
        if (!LibC.TryStat(path, out var status))
        {
            return _folders.Remove(path);
        }

        if (!_folders.TryGetValue(path, out var folder))
        {
            _folders[path] = folder = new Folder();
        }

        var changed = false;
        if (folder.Racy || folder.Modified != status.Modified)
        {
            // A change within the clock tick of our listing would not change the time again.
            folder.Racy = Math.Abs((time.GetUtcNow() - DateTimeOffset.UnixEpoch).TotalSeconds - (status.Modified / 1e9)) < 1;
            folder.Modified = status.Modified;
            var names = Names(path, MaxContainers);
            foreach (var name in names)
            {
                if (!folder.Slots.ContainsKey(name))
                {
                    folder.Slots[name] = new Slot(name, path, place, ns);
                }
            }

            foreach (var gone in folder.Slots.Keys.Except(names).ToList())
            {
                changed |= folder.Slots.Remove(gone);
            }
        }

        foreach (var slot in folder.Slots.Values)
        {
            changed |= slot.Entry is null && slot.Read(this) is not null;
        }

        return changed;
    }

    private void Index()
    {
        _byCgroup.Clear();
        _byId.Clear();
        foreach (var place in Places)
        {
            foreach (var slot in _folders.Values.SelectMany(folder => folder.Slots.Values).Where(slot => slot.Place == place))
            {
                _byId.TryAdd(slot.Id, slot);
                if (slot.Entry?.CgroupPath is { } path)
                {
                    _byCgroup.TryAdd(path, slot);
                }
            }
        }
    }

    private RuntimeEntry? Load(Slot slot)
    {
        var directory = $"{slot.Folder}/{slot.Id}";
        var runtime = slot.Namespace == "moby" ? "docker" : slot.Place.Runtime;
        try
        {
            switch (slot.Place.File)
            {
                case "config.json":
                    return OciSpec.Read(directory) is { } spec
                        ? new RuntimeEntry(slot.Id, runtime, slot.Namespace, directory, spec.Linux?.CgroupsPath is { } path ? CgroupPath.FromSpec(path) : null)
                        : null;
                case "state.json":
                    return Read($"{directory}/state.json") is { } json && JsonSerializer.Deserialize(json, RuntimeJson.Default.RuncState) is { } state
                        ? new RuntimeEntry(slot.Id, runtime, slot.Namespace, OnHost(state.Bundle), InHierarchy(state.CgroupPaths?.GetValueOrDefault("")))
                        : null;
                default:
                    return Read($"{directory}/status") is { } text && JsonSerializer.Deserialize(text, RuntimeJson.Default.CrunStatus) is { } status
                        ? new RuntimeEntry(slot.Id, runtime, slot.Namespace, OnHost(status.Bundle), status.CgroupPath)
                        : null;
            }
        }
        catch (Exception e) when (e is IOException or JsonException)
        {
            // Being written at this moment, or not a container's: it is read again when it has changed.
            return null;
        }

        static byte[]? Read(string path) => HostFile.Read(path, OciSpec.MaxBytes);
    }

    private string OnHost(string? path) => path is null ? "" : _hostRoot + path;

    // runc writes where it sees the cgroup's directory.
    private string? InHierarchy(string? path) =>
        path is not null && path.Length > hostCgroupMount.Length && CgroupPath.Holds(hostCgroupMount, path) ? path[hostCgroupMount.Length..] : null;

    private sealed record Place(string Path, string File, string Runtime, bool HasNamespaces);

    private sealed class Folder
    {
        public long Modified;
        public bool Racy = true;

        public Dictionary<string, Slot> Slots { get; } = new(StringComparer.Ordinal);
    }

    private sealed class Slot(string id, string folder, Place place, string ns)
    {
        private (ulong Inode, ulong Size, long Modified) _version;

        public string Id => id;

        public string Folder => folder;

        public Place Place => place;

        public string Namespace => ns;

        public RuntimeEntry? Entry { get; private set; }

        /// <summary>Reads the file again when it is another one than last time: names can be used again.</summary>
        public RuntimeEntry? Read(RuntimeState state)
        {
            if (!LibC.TryStat($"{folder}/{id}/{place.File}", out var status))
            {
                _version = default;
                return Entry = null;
            }

            var version = (status.Inode, status.Size, status.Modified);
            if (version != _version)
            {
                _version = version;
                Entry = state.Load(this);
            }

            return Entry;
        }
    }
}
