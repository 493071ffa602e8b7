using KubeCop.Core.Workloads;

namespace KubeCop.Scanning.Attribution;

/// <summary>Through what a container sees a file.</summary>
internal enum Place
{
    /// <summary>A layer of its image: all containers of the image see it, unless they changed it.</summary>
    ImageLayer,

    /// <summary>Written by the container itself, over its image.</summary>
    Upper,

    /// <summary>A volume, a bind mount or a tmpfs.</summary>
    Volume,

    /// <summary>Image or upper layer: which of them cannot be told.</summary>
    Merged,
}

/// <summary>A container that has a file in its file system.</summary>
/// <param name="Path">In the container; bytes of no encoding.</param>
/// <param name="IsHidden">The container does not see it: it deleted or replaced the file, or something is mounted over it.</param>
internal sealed record Sighting(ContainerDescription Container, Place Place, byte[] Path, bool IsHidden);
