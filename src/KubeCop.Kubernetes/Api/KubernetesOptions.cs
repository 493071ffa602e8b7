namespace KubeCop.Kubernetes.Api;

/// <summary>The API server of the Kubernetes cluster this node is in. Section <c>KubeCop:Kubernetes</c>.</summary>
public sealed class KubernetesOptions
{
    public const string Section = "KubeCop:Kubernetes";

    /// <summary>
    /// Whether there is one. Default: in a pod with a service account, and where <see cref="Kubeconfig"/> is set. Without one, pods are
    /// workloads of their own, and bindings come from files.
    /// </summary>
    public bool? Enabled { get; set; }

    /// <summary>A kubeconfig file, whose current context is used; else the pod's service account is. Default: empty.</summary>
    public string Kubeconfig { get; set; } = "";

    /// <summary>
    /// The one namespace that has all profiles, and whose bindings count, for an installation without a role over all of them; then namespaces can
    /// be selected by their name alone, unless listing them is allowed all the same. Default: <c>STORE_NAMESPACE</c>, else empty: each profile is
    /// in its workload's namespace, and bindings of all namespaces count.
    /// </summary>
    public string StoreNamespace { get; set; } = "";

    /// <summary>
    /// Whether critical alerts are also shown as Events of their pods, by <c>kubectl describe pod</c> and <c>kubectl events</c>. KubeCop has to be
    /// allowed to <c>create</c> and <c>patch</c> <c>events</c> of <c>events.k8s.io</c>, which is why it is asked for. Default: false.
    /// </summary>
    public bool Events { get; set; }

    /// <summary>How long an answer may take, 1 s to 5 minutes; of a watch, until it begins. Default: 30 s.</summary>
    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(30);
}
