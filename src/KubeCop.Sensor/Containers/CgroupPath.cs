using System.Text.RegularExpressions;

namespace KubeCop.Sensor.Containers;

/// <summary>A container as its cgroup tells.</summary>
/// <param name="Id">The runtime's id.</param>
/// <param name="Runtime">containerd, cri-o, docker, podman, runc or crun.</param>
/// <param name="PodUid">Uid of the pod whose cgroup holds it; null outside pods.</param>
/// <param name="RootPath">The container's own cgroup; cgroups below it belong to the same container.</param>
internal sealed record CgroupContainer(string Id, string Runtime, string? PodUid, string RootPath);

/// <summary>Recognises containers by the names that runtimes give to cgroups, with both the cgroupfs and the systemd driver.</summary>
internal static partial class CgroupPath
{
    /// <summary>
    /// The container that a cgroup belongs to. The outermost match wins, so that a workload cannot gain another identity by making a
    /// cgroup with a container's name below its own. A container that holds our own process is a machine (kind, minikube) whose containers
    /// are those inside it; only what is left of the innermost such one is a container: it is ours.
    /// </summary>
    /// <param name="path">Path in the v2 hierarchy, for example <c>/system.slice/docker-….scope</c>.</param>
    /// <param name="ownPath">Path of this process's cgroup in the same hierarchy; null when it is not known.</param>
    /// <param name="byState">Recognises a cgroup whose name does not tell, by what a runtime has written down.</param>
    /// <returns>Null when the cgroup belongs to no container as far as can be told.</returns>
    public static CgroupContainer? Parse(string path, string? ownPath, Func<string, CgroupContainer?>? byState = null)
    {
        CgroupContainer? machine = null;
        foreach (var container in Matches(path, byState))
        {
            if (!Holds(container.RootPath, ownPath))
            {
                return container;
            }

            machine = container;
        }

        return machine is not null && machine == Matches(ownPath!, byState).Last() ? machine : null;
    }

    /// <summary>Whether a cgroup is certainly no container's: the root, slices, services, mounts, sessions, pods, monitors of containers.</summary>
    public static bool IsNeverContainer(string path)
    {
        var name = path[(path.LastIndexOf('/') + 1)..];
        return name.Length == 0 || SystemUnit().IsMatch(name) || Pod().IsMatch(name);
    }

    /// <summary>Whether <paramref name="path"/> is <paramref name="root"/> or lies below it.</summary>
    public static bool Holds(string root, string? path) =>
        path is not null && path.StartsWith(root, StringComparison.Ordinal) && (path.Length == root.Length || path[root.Length] == '/');

    /// <summary>
    /// The path that a runtime makes of <c>linux.cgroupsPath</c>: a path of the cgroupfs driver as it is, <c>slice:prefix:name</c> of
    /// the systemd driver as systemd nests slices.
    /// </summary>
    /// <returns>Null for a relative path: what it is relative to is not written there.</returns>
    public static string? FromSpec(string cgroupsPath)
    {
        if (cgroupsPath.Split(':') is [var slice, var prefix, { Length: > 0 } name])
        {
            var unit = name.EndsWith(".slice", StringComparison.Ordinal) ? name : prefix.Length == 0 ? $"{name}.scope" : $"{prefix}-{name}.scope";
            return $"{ExpandSlice(slice.Length == 0 ? "system.slice" : slice)}/{unit}";
        }

        return cgroupsPath.StartsWith('/') && cgroupsPath.TrimEnd('/') is { Length: > 0 } path ? path : null;
    }

    private static IEnumerable<CgroupContainer> Matches(string path, Func<string, CgroupContainer?>? byState)
    {
        string? podUid = null;
        var parent = "";
        var inPods = false;
        for (var start = 1; start < path.Length;)
        {
            var end = path.IndexOf('/', start) is var slash and >= 0 ? slash : path.Length;
            var name = path[start..end];
            inPods |= name.Contains("kubepods", StringComparison.Ordinal);
            if (inPods && Pod().Match(name) is { Success: true } pod)
            {
                podUid = pod.Groups["uid"].Value.Replace('_', '-');
            }

            var root = path[..end];
            var container = ByName(name, parent, podUid, root) ?? byState?.Invoke(root);
            if (container is not null)
            {
                yield return container.PodUid == podUid ? container : container with { PodUid = podUid };
            }

            parent = name;
            start = end + 1;
        }
    }

    private static CgroupContainer? ByName(string name, string parent, string? podUid, string root)
    {
        if (Unit().Match(name) is { Success: true } unit)
        {
            var runtime = unit.Groups["runtime"].ValueSpan switch
            {
                "cri-containerd" => "containerd",
                "crio" => "cri-o",
                "docker" => "docker",
                _ => "podman",
            };
            return new CgroupContainer(unit.Groups["id"].Value, runtime, podUid, root);
        }

        if (BareId().IsMatch(name))
        {
            // cri-dockerd names its cgroups the same in pods; the runtime's state on disk tells it apart.
            var runtime = parent == "docker" ? "docker" : podUid is not null && Pod().IsMatch(parent) ? "containerd" : null;
            return runtime is null ? null : new CgroupContainer(name, runtime, podUid, root);
        }

        return null;
    }

    // systemd.slice(5): "foo-bar.slice" lies within "foo.slice"; "-.slice" is the root.
    private static string ExpandSlice(string slice)
    {
        if (slice == "-.slice")
        {
            return "";
        }

        var path = "";
        for (var dash = slice.IndexOf('-'); dash > 0; dash = slice.IndexOf('-', dash + 1))
        {
            path += $"/{slice[..dash]}.slice";
        }

        return $"{path}/{slice}";
    }

    // Written <slice>:<runtime>:<id> when the kubelet uses the systemd driver and containerd does not.
    [GeneratedRegex(@"\A(?:[^:]+\.slice:(?<runtime>cri-containerd|crio|docker|libpod):(?<id>[0-9a-f]{64})"
        + @"|(?<runtime>cri-containerd|crio|docker|libpod|libpod-payload)-(?<id>[0-9a-f]{64})(?:\.scope)?)\z")]
    private static partial Regex Unit();

    [GeneratedRegex(@"\A[0-9a-f]{64}\z")]
    private static partial Regex BareId();

    // The uid of a static pod is a hash of 32 digits.
    [GeneratedRegex(@"(?:\A|-)pod(?<uid>[0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12}|[0-9a-f]{32})(?:\.slice)?(?::[a-z-]+:[0-9a-f]+)?\z")]
    private static partial Regex Pod();

    [GeneratedRegex(@"\.(?:slice|service|mount|swap|socket)\z|\Ainit\.scope\z|\Asession-[^/]*\.scope\z|\A(?:crio|libpod)-conmon-[0-9a-f]{64}(?:\.scope)?\z")]
    private static partial Regex SystemUnit();
}
