namespace KubeCop.Core.Workloads;

/// <summary>What an API server knows of the pods of this node that the containers' runtime does not. From any thread, without waiting.</summary>
public interface IPodWorkloads
{
    /// <summary>Greater whenever some container may be described in another way.</summary>
    long Version { get; }

    /// <summary>The container with its workload and its pod's labels, as far as they are known.</summary>
    /// <param name="container">As its runtime describes it.</param>
    ContainerDescription Describe(ContainerDescription container);

    /// <summary>Ends when <see cref="Version"/> is greater than this one.</summary>
    Task ChangedAsync(long version, CancellationToken cancellationToken);
}

/// <summary>Without an API server a pod is a workload of its own.</summary>
public sealed class RuntimeWorkloads : IPodWorkloads
{
    public long Version => 0;

    public ContainerDescription Describe(ContainerDescription container) => container;

    public Task ChangedAsync(long version, CancellationToken cancellationToken) => Task.Delay(Timeout.Infinite, cancellationToken);
}
