namespace KubeCop.Kubernetes.Api;

/// <summary>A kind of object as the API server's paths name it.</summary>
/// <param name="Group">Empty for the core group.</param>
/// <param name="Plural">As in paths, lower case.</param>
internal sealed record ApiResource(string Group, string Version, string Plural)
{
    public static readonly ApiResource Pods = new("", "v1", "pods");
    public static readonly ApiResource Namespaces = new("", "v1", "namespaces");
    public static readonly ApiResource ReplicaSets = new("apps", "v1", "replicasets");
    public static readonly ApiResource Jobs = new("batch", "v1", "jobs");
    public static readonly ApiResource Events = new("events.k8s.io", "v1", "events");
    public static readonly ApiResource TokenReviews = new("authentication.k8s.io", "v1", "tokenreviews");
    public static readonly ApiResource AccessReviews = new("authorization.k8s.io", "v1", "subjectaccessreviews");
    public static readonly ApiResource Bindings = new("kubescape.io", "v1", "runtimerulealertbindings");
    public static readonly ApiResource Profiles = new("kubescape.io", "v1", "applicationprofiles");

    /// <summary>Path of all objects, in one namespace or, with null, in all of them.</summary>
    public string PathOfAll(string? ns)
    {
        var root = Group.Length == 0 ? $"api/{Version}" : $"apis/{Group}/{Version}";
        return ns is null ? $"{root}/{Plural}" : $"{root}/namespaces/{Uri.EscapeDataString(ns)}/{Plural}";
    }

    /// <summary>Path of one object.</summary>
    /// <param name="ns">Null for what is in no namespace.</param>
    public string PathOf(string? ns, string name) => $"{PathOfAll(ns)}/{Uri.EscapeDataString(name)}";
}
