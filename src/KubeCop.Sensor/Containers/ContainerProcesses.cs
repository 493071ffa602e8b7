using System.Globalization;
using KubeCop.Core.Workloads;
using Microsoft.Extensions.Options;

namespace KubeCop.Sensor.Containers;

/// <summary>Which processes containers have.</summary>
public sealed class ContainerProcesses(IOptions<NodeOptions> node)
{
    private readonly Lazy<CgroupTree> _tree = new(() => CgroupTree.Open(node.Value.HostRoot));

    /// <summary>Those of the container's own cgroup, by their numbers in our pid namespace; none when it has ended.</summary>
    /// <exception cref="SensorException">There is no cgroup hierarchy to be seen.</exception>
    public IReadOnlyList<int> Of(ContainerDescription container)
    {
        try
        {
            // 0 stands for a process outside our pid namespace.
            return
            [
                .. File.ReadLines($"{_tree.Value.MountPoint}{container.CgroupPath}/cgroup.procs")
                    .Select(static line => int.TryParse(line, NumberStyles.None, CultureInfo.InvariantCulture, out var pid) ? pid : 0)
                    .Where(static pid => pid > 0),
            ];
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }
}
