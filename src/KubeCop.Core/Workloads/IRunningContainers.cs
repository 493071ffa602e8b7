namespace KubeCop.Core.Workloads;

/// <summary>The containers that run on this node, for what has to look into their file systems. From any thread.</summary>
public interface IRunningContainers
{
    /// <summary>Those that run now, without sandboxes. May read files of the kernel.</summary>
    IReadOnlyList<RunningContainer> List();
}

/// <summary>A running container.</summary>
/// <param name="Processes">
/// Processes of its cgroup, as this process's /proc numbers them, in any order; a few do, if the first one that was started is among them. Empty
/// where they cannot be told: without the host's pid namespace.
/// </param>
public sealed record RunningContainer(ContainerDescription Container, IReadOnlyList<int> Processes);
