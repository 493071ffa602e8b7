using System.Text.RegularExpressions;
using KubeCop.Core.Workloads;

namespace KubeCop.Sensor.Containers;

/// <summary>Tells what is mounted by where its source is: kubelet and runtimes keep volumes in directories of their own.</summary>
internal static partial class VolumeMounts
{
    /// <param name="podUid">Of the container's pod; null or empty outside pods.</param>
    public static VolumeMount Of(string path, string source, bool readOnly, string? podUid)
    {
        var (type, volume) = Kind(source, podUid);
        return new VolumeMount { Path = path, Source = source, Type = type, Volume = volume, ReadOnly = readOnly };
    }

    private static (string Type, string Volume) Kind(string source, string? podUid)
    {
        if (!string.IsNullOrEmpty(podUid))
        {
            return PodVolume().Match(source) is { Success: true } match && match.Groups["uid"].Value == podUid
                ? (match.Groups["type"].Success ? match.Groups["type"].Value : "volume", match.Groups["name"].Value)
                : (source.StartsWith('/') ? "host-path" : "image", "");
        }

        return NamedVolume().Match(source) is { Success: true } named ? ("volume", named.Groups["name"].Value) : ("bind", "");
    }

    // <kubelet>/pods/<uid>/volumes/<plugin>/<volume>, the plugin's name with ~ for /; with a subPath volume-subpaths/<volume>/….
    [GeneratedRegex(@"/pods/(?<uid>[0-9a-f-]{32,36})/(?:volumes/[^/~]+~(?<type>[^/]+)/(?<name>[^/]+)|volume-subpaths/(?<name>[^/]+))(?:/|\z)")]
    private static partial Regex PodVolume();

    // docker and podman.
    [GeneratedRegex(@"/volumes/(?<name>[^/]+)/_data\z")]
    private static partial Regex NamedVolume();
}
