using k8s;
using KubeCop.Kubernetes.Api;

namespace KubeCop.Kubernetes.Watching;

/// <summary>Who is told about objects that are followed. Called by one thread at a time.</summary>
internal interface IObjectTarget
{
    /// <summary>These are all there are.</summary>
    void Replace(IReadOnlyList<ApiObject> objects);

    /// <summary>One was added, modified or deleted.</summary>
    void Apply(WatchEventType type, ApiObject changed);

    /// <summary>Everything up to this version was told.</summary>
    void Reached(string version)
    {
    }

    /// <summary>Why changes are not seen for now; null when they are seen again.</summary>
    void FailureChanged(ApiException? failure)
    {
    }
}
