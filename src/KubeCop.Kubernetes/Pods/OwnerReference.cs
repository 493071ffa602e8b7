using k8s.Models;
using KubeCop.Core.Workloads;

namespace KubeCop.Kubernetes.Pods;

/// <summary>A workload and what of the API server it is.</summary>
internal sealed record Workload(WorkloadKey Key, WorkloadObject? Object);

/// <summary>Who owns an object.</summary>
internal sealed record OwnerReference(string ApiVersion, string Kind, string Name, string Uid)
{
    /// <returns>The controller; null when nobody controls it. A node that owns its mirror pods is no workload.</returns>
    public static OwnerReference? ControllerOf(V1ObjectMeta metadata) =>
        metadata.OwnerReferences?.FirstOrDefault(static owner => owner.Controller == true) is { Kind: not "Node" } owner
            ? new OwnerReference(owner.ApiVersion, owner.Kind, owner.Name, owner.Uid)
            : null;

    public Workload In(string ns) => new(new WorkloadKey(ns, Kind, Name), new WorkloadObject(ApiVersion, Uid));
}
