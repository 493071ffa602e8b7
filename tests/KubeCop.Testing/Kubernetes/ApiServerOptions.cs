using k8s.Models;
using KubeCop.Kubernetes.CustomResources;

namespace KubeCop.Testing.Kubernetes;

/// <summary>How an <see cref="ApiServer"/> is set up.</summary>
public sealed record ApiServerOptions
{
    /// <summary>The definitions that are there from the start; KubeCop's with bindings of the whole cluster unless said otherwise.</summary>
    public IReadOnlyList<V1CustomResourceDefinition> Definitions { get; init; } = CustomResourceDefinitions.All(ResourceScope.Cluster);

    /// <summary>How many changes of a kind watches can be given, at least: what is older has expired.</summary>
    public int History { get; init; } = 1000;

    /// <summary>Between two bookmarks of a watch. The real server's is about a minute.</summary>
    public TimeSpan BookmarkPeriod { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>How long a watch lasts that does not say it (<c>--min-request-timeout</c>).</summary>
    public TimeSpan WatchTimeout { get; init; } = TimeSpan.FromMinutes(30);

    /// <summary>For the objects' times, bookmarks and the ends of watches.</summary>
    public TimeProvider Clock { get; init; } = TimeProvider.System;
}
