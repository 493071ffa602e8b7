using System.Text;
using KubeCop.Core.Workloads;
using KubeCop.Scanning.Walking;

namespace KubeCop.Scanning.Attribution;

/// <summary>
/// The file systems of the running containers as their mount tables tell, at one time: of which directories of the host they are made, and which
/// containers see a file. A layer that several containers share, and a volume, is there once. Paths of layers are the host's, and are opened below
/// its root (<see cref="HostRoot"/>); what only a container has, such as a tmpfs, is reached through its process. Immutable.
/// </summary>
internal sealed class ContainerFileSystems
{
    private const int MaxMountTableBytes = 16 * 1024 * 1024;

    private readonly HostRoot _host;
    private readonly MountTable _hostMounts;

    private readonly Dictionary<FilePlace, Tree> _trees = [];
    private readonly Dictionary<string, Tree> _byRoot = new(StringComparer.Ordinal);
    private readonly Dictionary<string, FileSystem> _containers = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _unreadable = new(StringComparer.Ordinal);
    private readonly HashSet<ulong> _merged = [];

    private ContainerFileSystems(HostRoot host, MountTable hostMounts) => (_host, _hostMounts) = (host, hostMounts);

    /// <summary>Devices of the overlays that containers have as their root: a walk of the host meets them, and they are walked layer by layer.</summary>
    public IReadOnlySet<ulong> MergedDevices => _merged;

    /// <summary>Containers whose file system is not known, by id, with the reason.</summary>
    public IReadOnlyDictionary<string, string> Unreadable => _unreadable;

    /// <param name="procfs">Where procfs is mounted, with the host's processes.</param>
    public static ContainerFileSystems Read(IRunningContainers running, HostRoot host, string procfs = "/proc")
    {
        var (table, below) = host.Mounts;
        var systems = new ContainerFileSystems(host, MountTable.Parse(File.ReadAllText($"{procfs}/{table}", Encoding.Latin1), below));
        foreach (var container in running.List())
        {
            if (systems.Add(container, procfs) is { } reason)
            {
                systems._unreadable[container.Container.Id] = reason;
            }
        }

        return systems;
    }

    /// <summary>
    /// The trees of all running containers, each once. A volume that is the whole host (as agents mount it) is none of them: what of the host is
    /// scanned is said by paths.
    /// </summary>
    public IReadOnlyList<ScanRoot> Roots() => ScanRoot.Distinct(_trees.Values.Select(static tree => tree.Root));

    /// <summary>The containers that have a file of the host in their file system; none for one that is only the host's.</summary>
    /// <param name="hostPath">Absolute, without links, as the host sees it.</param>
    public IReadOnlyList<Sighting> Sees(ReadOnlySpan<byte> hostPath)
    {
        var path = Text(hostPath);
        if (_hostMounts.PlaceOf(path) is not { } place)
        {
            return [];
        }

        var sightings = new List<Sighting>();
        foreach (var directory in MountTable.Ancestors(place.Path))
        {
            if (_trees.TryGetValue(place with { Path = directory }, out var tree))
            {
                Collect(sightings, tree, MountTable.Below(place.Path, directory), LookAtHost(hostPath));
            }
        }

        return sightings;
    }

    /// <summary>As <see cref="Sees(ReadOnlySpan{byte})"/>, of a file that was met in the walk of a root.</summary>
    /// <param name="path"><see cref="WalkedFile.Path"/>.</param>
    public IReadOnlyList<Sighting> Sees(ScanRoot root, ReadOnlySpan<byte> path)
    {
        if (root.ContainerId is null)
        {
            return Sees(path);
        }

        var sightings = new List<Sighting>();
        if (_byRoot.TryGetValue(root.Key, out var tree))
        {
            var found = _containers[root.ContainerId].Process is { } process ? Look(process, path) : null;
            Collect(sightings, tree, MountTable.Below(Text(path), Text(root.Path)), found);
        }

        return sightings;
    }

    /// <summary>Where on the host a file of a container is: in its upper layer, a layer of its image, or a volume.</summary>
    /// <param name="path">In the container; absolute, without links.</param>
    /// <returns>Null when there is no such container or file, or only the container reaches it.</returns>
    public byte[]? HostPathOf(string containerId, ReadOnlySpan<byte> path)
    {
        var text = Text(path);
        if (!_containers.TryGetValue(containerId, out var system) || system.Mounts.Holding(text) is not { } mount)
        {
            return null;
        }

        // Only a path that really is there: a layer lacks what another one has. What was deleted is a device (a whiteout) in the upper one.
        IEnumerable<string> candidates = mount.MountPoint == "/" && system.Layers.Count > 0
            ? system.Layers.Select(layer => MountTable.Join(layer, MountTable.Below(text, "/")))
            : system.Mounts.PlaceOf(text) is { } place && _hostMounts.PathOf(place) is { } known ? [known] : [];
        foreach (var candidate in candidates.Select(Bytes))
        {
            if (LookAtHost(candidate) is { } status)
            {
                return status.IsRegular || status.IsDirectory ? candidate : null;
            }
        }

        return null;
    }

    private static string Text(ReadOnlySpan<byte> path) => Encoding.Latin1.GetString(path);

    private static byte[] Bytes(string path) => Encoding.Latin1.GetBytes(path);

    private static LibC.FileStatus? Look(ContainerProcess process, ReadOnlySpan<byte> path)
    {
        var error = process.OpenRoot(out var root);
        using (root)
        {
            return error == 0 ? Look(root, path) : null;
        }
    }

    private static LibC.FileStatus? Look(Microsoft.Win32.SafeHandles.SafeFileHandle root, ReadOnlySpan<byte> path)
    {
        var error = LibC.OpenWithoutLinks(root, BytePath.Terminated(path), out var file);
        using (file)
        {
            return error == 0 && LibC.Status(file, out var status) == 0 ? status : null;
        }
    }

    // An overlay shows a file's size and time as they are in its layer, but may give it another device and inode; a file copied up to change its
    // mode or owner is still the same content.
    private static bool IsSame(LibC.FileStatus one, LibC.FileStatus other) =>
        (one.Mode & 0xF000) == (other.Mode & 0xF000) && one.Size == other.Size && one.ModifiedNanoseconds == other.ModifiedNanoseconds;

    private static void Collect(List<Sighting> sightings, Tree tree, string below, LibC.FileStatus? file)
    {
        foreach (var use in tree.Uses)
        {
            var inside = Bytes(MountTable.Join(use.MountPoint, below));
            var seen = Look(use.FileSystem.Process, inside);
            var isHidden = file is { } there && (seen is not { } status || !IsSame(there, status));
            sightings.Add(new Sighting(use.FileSystem.Container, use.Place, inside, isHidden));
        }
    }

    private LibC.FileStatus? LookAtHost(ReadOnlySpan<byte> path)
    {
        var error = _host.Open(out var root);
        using (root)
        {
            return error == 0 ? Look(root, path) : null;
        }
    }

    /// <returns>Why its file system is not known; null when it is.</returns>
    private string? Add(RunningContainer running, string procfs)
    {
        if (ContainerProcess.Oldest(running.Processes, procfs) is not { } process)
        {
            return running.Processes.Count == 0 ? "its processes cannot be seen: KubeCop needs the host's pid namespace (hostPID)" : "its processes have ended";
        }

        if (process.Read("mountinfo", MaxMountTableBytes) is not { } mountInfo)
        {
            return "its mount table cannot be read";
        }

        var mounts = MountTable.Parse(mountInfo);
        if (mounts.At("/") is not { } root)
        {
            return "its mount table has no root";
        }

        var system = new FileSystem(running.Container, process, mounts);
        AddRoot(system, root);
        foreach (var mount in mounts.Mounts)
        {
            if (mount.MountPoint != "/" && mounts.At(mount.MountPoint) == mount && IsVolume(mount))
            {
                AddVolume(system, mount);
            }
        }

        _containers[running.Container.Id] = system;
        return null;
    }

    // What runtimes mount over parts of /proc and /sys hides them and holds nothing.
    private static bool IsVolume(Mount mount) =>
        FileSystems.KindOf(mount.FileSystem) == FileSystemKind.Local
        && !MountTable.IsWithin(mount.MountPoint, "/proc") && !MountTable.IsWithin(mount.MountPoint, "/sys");

    private void AddRoot(FileSystem system, Mount root)
    {
        if (root.FileSystem != "overlay")
        {
            // Snapshotters without overlays give each container a file system or a copy of its own.
            AddOwn(system, root.Place, Place.Upper, ScanRootKind.UpperLayer, "/");
            return;
        }

        _merged.Add(MountTable.DeviceNumber(root.Device));
        var layers = OverlayLayers.Parse(root.SuperOptions);
        var lower = layers is null ? null : Resolve(layers.Lower, layers);
        var upper = layers?.Upper is null ? [] : Resolve([layers.Upper], layers);
        if (lower is not null && upper is not null)
        {
            system.Layers = [.. upper, .. lower];
            foreach (var layer in upper)
            {
                AddLayer(system, layer, Place.Upper, ScanRootKind.UpperLayer);
            }

            foreach (var layer in lower)
            {
                AddLayer(system, layer, Place.ImageLayer, ScanRootKind.ImageLayer);
            }

            return;
        }

        // Containers of one image that wrote nothing of their own, or whose writes are walked for themselves, look alike.
        var place = root.Place;
        if (upper is [var own])
        {
            AddLayer(system, own, Place.Upper, ScanRootKind.UpperLayer);
            place = layers is null ? place : new FilePlace("layers", string.Join(':', layers.Lower.Prepend(layers.Bases().First())));
        }

        AddUse(place, () => new ScanRoot(system.Process, system.Container.Id, ScanRootKind.Merged, "/"u8), system, Place.Merged, "/");
    }

    private void AddVolume(FileSystem system, Mount mount)
    {
        // An overlay that the host does not have is one of containers inside the container: made of directories that are walked.
        if (mount.FileSystem != "overlay" || _hostMounts.PathOf(mount.Place) is not null)
        {
            AddOwn(system, mount.Place, Place.Volume, ScanRootKind.Volume, mount.MountPoint);
        }
    }

    private void AddOwn(FileSystem system, FilePlace place, Place kind, ScanRootKind rootKind, string mountPoint)
    {
        if (_hostMounts.PathOf(place) is not { } path)
        {
            AddUse(place, () => new ScanRoot(system.Process, system.Container.Id, rootKind, Bytes(mountPoint)), system, kind, mountPoint);
        }
        else if (path != "/")
        {
            AddUse(place, () => new ScanRoot(_host, rootKind, Bytes(path)), system, kind, mountPoint);
        }
    }

    private void AddLayer(FileSystem system, string path, Place kind, ScanRootKind rootKind)
    {
        if (_hostMounts.PlaceOf(path) is { } place)
        {
            AddUse(place, () => new ScanRoot(_host, rootKind, Bytes(path)), system, kind, "/");
        }
    }

    private void AddUse(FilePlace place, Func<ScanRoot> root, FileSystem system, Place kind, string mountPoint)
    {
        if (!_trees.TryGetValue(place, out var tree))
        {
            tree = new Tree(root());
            _trees.Add(place, tree);
            _byRoot[tree.Root.Key] = tree;
        }

        tree.Uses.Add(new Use(system, kind, mountPoint));
    }

    /// <summary>Where layers really are on the host.</summary>
    /// <returns>Null unless all of them are there.</returns>
    private List<string>? Resolve(IReadOnlyList<string> layers, OverlayLayers all)
    {
        foreach (var from in layers.Any(static layer => !layer.StartsWith('/')) ? all.Bases() : [""])
        {
            var resolved = new List<string>(layers.Count);
            foreach (var layer in layers)
            {
                if (Canonical(layer.StartsWith('/') ? layer : MountTable.Join(from, layer)) is not { } path)
                {
                    break;
                }

                resolved.Add(path);
            }

            if (resolved.Count == layers.Count)
            {
                return resolved;
            }
        }

        return null;
    }

    private string? Canonical(string path)
    {
        var error = new ScanRoot(_host, ScanRootKind.ImageLayer, Bytes(path)).Open(out var directory, out var real);
        using (directory)
        {
            return error == 0 && LibC.Status(directory, out var status) == 0 && status.IsDirectory ? Text(real) : null;
        }
    }

    /// <summary>A directory, or a file, that containers have in their file systems.</summary>
    private sealed record Tree(ScanRoot Root)
    {
        public List<Use> Uses { get; } = [];
    }

    private sealed record Use(FileSystem FileSystem, Place Place, string MountPoint);

    private sealed class FileSystem(ContainerDescription container, ContainerProcess process, MountTable mounts)
    {
        public ContainerDescription Container => container;

        public ContainerProcess Process => process;

        public MountTable Mounts => mounts;

        /// <summary>On the host, the topmost first; empty where they are not known one by one.</summary>
        public IReadOnlyList<string> Layers { get; set; } = [];
    }
}
