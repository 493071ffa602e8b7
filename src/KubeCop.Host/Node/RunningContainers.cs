using KubeCop.Core.Workloads;
using KubeCop.Sensor.Containers;

namespace KubeCop.Host.Node;

/// <summary>The containers that are watched, for scans. Waits for those that watch them, so it is for a thread that may.</summary>
internal sealed class RunningContainers(NodeContainers containers, ContainerProcesses processes) : IRunningContainers
{
    public IReadOnlyList<RunningContainer> List() =>
        [.. containers.ListAsync().GetAwaiter().GetResult().Select(status => new RunningContainer(status.Container, processes.Of(status.Container)))];
}
