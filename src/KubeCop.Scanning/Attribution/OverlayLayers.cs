using System.Text;

namespace KubeCop.Scanning.Attribution;

/// <summary>The directories an overlay is made of, as its mount options name them: absolute, or relative to where its runtime was then.</summary>
/// <param name="Upper">Where changes go; null of an overlay that cannot be written.</param>
/// <param name="Lower">The layers below, the topmost first.</param>
internal sealed record OverlayLayers(string? Upper, IReadOnlyList<string> Lower)
{
    /// <summary>
    /// Where runtimes keep layers, on the host. An overlay with many layers is mounted from there with relative paths, because the kernel takes no
    /// more than a page of options: containerd names <c>12/fs:11/fs</c>, docker, podman and CRI-O <c>l/ABCD:l/EFGH</c>, which are links.
    /// </summary>
    public static readonly IReadOnlyList<string> KnownDirectories =
    [
        "/var/lib/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots",
        "/var/lib/docker/containerd/daemon/io.containerd.snapshotter.v1.overlayfs/snapshots",
        "/var/lib/docker/overlay2",
        "/var/lib/containers/storage/overlay",
        "/var/lib/rancher/k3s/agent/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots",
        "/var/lib/rancher/rke2/agent/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots",
        "/var/lib/k0s/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots",
        "/var/snap/microk8s/common/var/lib/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots",
        "/var/snap/docker/common/var-lib-docker/overlay2",
    ];

    /// <param name="options">
    /// Of the mount table, escaped: <c>rw,lowerdir=/a:/b,upperdir=/c,workdir=/d</c>; since Linux 6.5 also <c>lowerdir+=/a,lowerdir+=/b</c>.
    /// </param>
    /// <returns>Null when they name no lower layer, or were cut off.</returns>
    public static OverlayLayers? Parse(string options)
    {
        string? upper = null;
        var hasWork = false;
        var lower = new List<string>();
        foreach (var option in options.Split(','))
        {
            var equals = option.IndexOf('=', StringComparison.Ordinal);
            var value = equals < 0 ? "" : MountTable.Unescape(option[(equals + 1)..]);
            switch (equals < 0 ? option : option[..equals])
            {
                case "lowerdir":
                    lower.AddRange(Split(value));
                    break;
                case "lowerdir+":
                    lower.Add(value);
                    break;
                case "upperdir":
                    upper = Split(value).FirstOrDefault();
                    break;
                case "workdir":
                    hasWork = true;
                    break;
            }
        }

        // An upper layer needs a work directory, which stands behind it.
        return lower.Count == 0 || (upper is not null && !hasWork) ? null : new OverlayLayers(upper, lower);
    }

    /// <summary>Directories that the relative paths may start from: the upper layer's, if that is not relative too.</summary>
    public IEnumerable<string> Bases()
    {
        // …/snapshots/13/fs and …/overlay2/<id>/diff both lie two levels below.
        if (Upper is ['/', ..] && MountTable.Ancestors(Upper).ElementAtOrDefault(2) is { } directory)
        {
            yield return directory;
            yield break;
        }

        foreach (var known in KnownDirectories)
        {
            yield return known;
        }
    }

    // A backslash makes the colon behind it part of a path; two colons part layers that hold only data (overlayfs.rst).
    private static IEnumerable<string> Split(string value)
    {
        var path = new StringBuilder();
        for (var i = 0; i < value.Length; i++)
        {
            if (value[i] == '\\' && i + 1 < value.Length)
            {
                path.Append(value[++i]);
            }
            else if (value[i] == ':')
            {
                if (path.Length > 0)
                {
                    yield return path.ToString();
                }

                path.Clear();
            }
            else
            {
                path.Append(value[i]);
            }
        }

        if (path.Length > 0)
        {
            yield return path.ToString();
        }
    }
}
