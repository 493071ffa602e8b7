using k8s.Models;

namespace KubeCop.Testing.Kubernetes;

/// <summary>The kinds that the server has without any definition.</summary>
internal static class BuiltInKinds
{
    public static readonly ResourceKind Namespaces = Core<V1Namespace>("namespaces", "Namespace", "ns") with { IsNamespaced = false, HasStatus = true };

    public static readonly ResourceKind Pods = Core<V1Pod>("pods", "Pod", "po") with { HasStatus = true, HasGeneration = true, AllowsUnconditionalUpdate = true };

    public static readonly ResourceKind Events = Core<Corev1Event>("events", "Event", "ev");

    /// <summary>The kind of group events.k8s.io, of which <see cref="EventRules"/> shows those of the core group.</summary>
    public static readonly ResourceKind NewEvents =
        new("events.k8s.io", "v1", "events", "Event", true, ModelSchema.Of(typeof(Eventsv1Event))) { ShortNames = ["ev"], AllowsUnconditionalUpdate = true };

    public static readonly ResourceKind Definitions =
        new("apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", false, ModelSchema.Of(typeof(V1CustomResourceDefinition)))
        {
            ShortNames = ["crd", "crds"],
            HasStatus = true,
            HasGeneration = true,
        };

    public static IReadOnlyList<ResourceKind> All { get; } =
    [
        Namespaces,
        Pods,
        Events,
        NewEvents,
        Core<V1ConfigMap>("configmaps", "ConfigMap", "cm"),
        Core<V1Secret>("secrets", "Secret"),
        Core<V1Service>("services", "Service", "svc"),
        Core<V1ServiceAccount>("serviceaccounts", "ServiceAccount", "sa"),
        Workload<V1Deployment>("apps", "deployments", "Deployment", "deploy"),
        Workload<V1ReplicaSet>("apps", "replicasets", "ReplicaSet", "rs"),
        Workload<V1StatefulSet>("apps", "statefulsets", "StatefulSet", "sts"),
        Workload<V1DaemonSet>("apps", "daemonsets", "DaemonSet", "ds"),
        Workload<V1Job>("batch", "jobs", "Job"),
        Workload<V1CronJob>("batch", "cronjobs", "CronJob", "cj"),
        new("authentication.k8s.io", "v1", "tokenreviews", "TokenReview", false, ModelSchema.Of(typeof(V1TokenReview))) { IsReview = true },
        new("authorization.k8s.io", "v1", "subjectaccessreviews", "SubjectAccessReview", false, ModelSchema.Of(typeof(V1SubjectAccessReview))) { IsReview = true },
        new("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy", true, ModelSchema.Of(typeof(V1NetworkPolicy))) { ShortNames = ["netpol"], AllowsUnconditionalUpdate = true },
        new("rbac.authorization.k8s.io", "v1", "roles", "Role", true, ModelSchema.Of(typeof(V1Role))) { AllowsUnconditionalUpdate = true },
        new("rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding", true, ModelSchema.Of(typeof(V1RoleBinding))) { AllowsUnconditionalUpdate = true },
        new("rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole", false, ModelSchema.Of(typeof(V1ClusterRole))) { AllowsUnconditionalUpdate = true },
        new("rbac.authorization.k8s.io", "v1", "clusterrolebindings", "ClusterRoleBinding", false, ModelSchema.Of(typeof(V1ClusterRoleBinding))) { AllowsUnconditionalUpdate = true },
        new("storage.k8s.io", "v1", "storageclasses", "StorageClass", false, ModelSchema.Of(typeof(V1StorageClass))) { ShortNames = ["sc"], AllowsUnconditionalUpdate = true },
        new("coordination.k8s.io", "v1", "leases", "Lease", true, ModelSchema.Of(typeof(V1Lease))) { CreatesOnUpdate = true },
        Definitions,
    ];

    private static ResourceKind Core<T>(string plural, string kind, params string[] shortNames) =>
        new("", "v1", plural, kind, true, ModelSchema.Of(typeof(T))) { ShortNames = shortNames, AllowsUnconditionalUpdate = true };

    private static ResourceKind Workload<T>(string group, string plural, string kind, params string[] shortNames) =>
        new(group, "v1", plural, kind, true, ModelSchema.Of(typeof(T))) { ShortNames = shortNames, HasStatus = true, HasGeneration = true, AllowsUnconditionalUpdate = true };
}
