using System.Globalization;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace KubeCop.Scanning.Walking;

/// <summary>What a tree is to the containers of the node.</summary>
internal enum ScanRootKind
{
    /// <summary>A path of the host that the user named.</summary>
    HostPath,

    /// <summary>A layer of images, shared by all containers of those.</summary>
    ImageLayer,

    /// <summary>What one container wrote over its image.</summary>
    UpperLayer,

    /// <summary>A volume, a bind mount, or a file system that only the container has (tmpfs).</summary>
    Volume,

    /// <summary>The whole file system of a container, image and upper layer in one, whose layers cannot be reached one by one.</summary>
    Merged,
}

/// <summary>
/// A directory tree, or a single file, that is walked. It is opened anew for each walk, with the host's root, or a container's, as the root for
/// every link on the way.
/// </summary>
internal sealed class ScanRoot
{
    private readonly HostRoot? _host;
    private readonly ContainerProcess? _process;

    /// <param name="path">Of the host; absolute.</param>
    public ScanRoot(HostRoot host, ScanRootKind kind, ReadOnlySpan<byte> path)
    {
        (_host, Kind, Path) = (host, kind, BytePath.Join("/"u8, path.Trim((byte)'/')));
        Key = KeyOf(kind, "", Path);
    }

    /// <summary>What only a process of a container sees.</summary>
    /// <param name="path">In the container; absolute.</param>
    public ScanRoot(ContainerProcess process, string containerId, ScanRootKind kind, ReadOnlySpan<byte> path)
    {
        (_process, Kind, Path, ContainerId) = (process, kind, BytePath.Join("/"u8, path.Trim((byte)'/')), containerId);
        Key = KeyOf(kind, containerId, Path);
    }

    public ScanRootKind Kind { get; }

    /// <summary>On the host; where <see cref="ContainerId"/> is set, in that container.</summary>
    public byte[] Path { get; }

    /// <summary>The container in whose file system <see cref="Path"/> is; null when it is the host's.</summary>
    public string? ContainerId { get; }

    /// <summary>The same after a restart, for what is kept of a scan that goes on. ASCII.</summary>
    public string Key { get; }

    /// <summary>
    /// Those of the roots that no other one holds: the walk of a host path meets a layer that lies below it. A layer's own kind and path are
    /// kept by <see cref="Attribution.ContainerFileSystems"/>, so that nothing is lost.
    /// </summary>
    public static IReadOnlyList<ScanRoot> Distinct(IEnumerable<ScanRoot> roots)
    {
        var kept = new List<ScanRoot>();
        foreach (var root in roots.OrderBy(static root => root.Path.Length).ThenBy(static root => root.Kind))
        {
            if (!kept.Exists(root.IsWalkedBy))
            {
                kept.Add(root);
            }
        }

        return kept;
    }

    public override string ToString() => Key;

    /// <summary>Opens it only to look at it; links are followed, the last one too.</summary>
    /// <param name="path">Where it really is, as <see cref="Path"/> is meant: without links.</param>
    /// <returns>0, or the error's number.</returns>
    public int Open(out SafeFileHandle handle, out byte[] path)
    {
        path = Path;
        var error = OpenBase(out var root);
        using (root)
        {
            if (error != 0)
            {
                handle = new SafeFileHandle(-1, ownsHandle: true);
                return error;
            }

            error = LibC.OpenInRoot(root, BytePath.Terminated(Path), out handle);
        }

        if (error == 0 && _host is not null && LibC.PathOf(handle) is { } own)
        {
            path = _host.FromOwn(own) ?? Path;
        }

        return error;
    }

    // The walk of what only a container has stays in one file system; that of the host does not enter a network file system the user did not name.
    private bool IsWalkedBy(ScanRoot outer)
    {
        if (ContainerId is not null || outer.ContainerId is not null)
        {
            return Key == outer.Key;
        }

        return BytePath.IsWithin(Path, outer.Path) && (Path.Length == outer.Path.Length || Kind != ScanRootKind.HostPath || !IsInNetwork());
    }

    private bool IsInNetwork()
    {
        var error = Open(out var handle, out _);
        using (handle)
        {
            return error == 0 && FileSystems.KindOf(LibC.FileSystemType(handle)) == FileSystemKind.Network;
        }
    }

    private int OpenBase(out SafeFileHandle root) => _host is not null ? _host.Open(out root) : _process!.OpenRoot(out root);

    // Percent signs, as in a URL, for all that is no plain letter.
    private static string KeyOf(ScanRootKind kind, string containerId, ReadOnlySpan<byte> path)
    {
        var key = new StringBuilder();
        key.Append(kind).Append(':').Append(containerId);
        foreach (var letter in path)
        {
            if (letter is > (byte)' ' and < 0x7f and not (byte)'%')
            {
                key.Append((char)letter);
            }
            else
            {
                key.Append(CultureInfo.InvariantCulture, $"%{letter:X2}");
            }
        }

        return key.ToString();
    }
}
