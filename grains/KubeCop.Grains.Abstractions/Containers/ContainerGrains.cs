using KubeCop.Core.Workloads;

namespace KubeCop.Grains.Abstractions.Containers;

/// <summary>Who takes a container's events.</summary>
public delegate IContainerGrain ContainerGrains(ContainerDescription container);
