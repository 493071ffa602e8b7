using k8s.Models;
using KubeCop.Core.Workloads;

namespace KubeCop.Kubernetes.Pods;

/// <summary>Who owns an object.</summary>
internal sealed record OwnerReference(string ApiVersion, string Kind, string Name, string Uid)
{
    /// <returns>The controller; null when nobody controls it. A node that owns its mirror pods is no workload.</returns>
    public static OwnerReference? ControllerOf(V1ObjectMeta metadata) =>
        metadata.OwnerReferences?.FirstOrDefault(static owner => owner.Controller == true) is { Kind: not "Node" } owner
            ? new OwnerReference(owner.ApiVersion, owner.Kind, owner.Name, owner.Uid)
            : null;

    public WorkloadKey In(string ns) => new(ns, Kind, Name);
}
