using KubeCop.Kubernetes.Api;

namespace KubeCop.Kubernetes.Pods;

/// <summary>
/// Finds the workload a pod's controller belongs to. Only what others make for each revision or run is climbed (ReplicaSet, Job): what owns a
/// Deployment or a StatefulSet may own several, whose containers would share one profile.
/// </summary>
internal sealed class OwnerResolver(ApiClient api, TimeProvider time)
{
    /// <summary>
    /// How long an answer holds. A ReplicaSet that lost its Deployment is taken over by another one that selects its pods: so people rename a
    /// Deployment without stopping it.
    /// </summary>
    internal static readonly TimeSpan Validity = TimeSpan.FromMinutes(10);

    /// <summary>Owners that are remembered; each has at least one pod that is or was on this node.</summary>
    private const int MaxOwners = 4096;

    private readonly Lock _lock = new();
    private readonly Dictionary<string, (Workload Workload, long AskedAt)> _workloads = new(StringComparer.Ordinal);
    private readonly Queue<string> _order = new();

    /// <summary>The workload, when it needs no question.</summary>
    /// <returns>Null when the API server has to be asked.</returns>
    public Workload? Find(string ns, OwnerReference owner)
    {
        if (Climbed(owner) is null)
        {
            return owner.In(ns);
        }

        lock (_lock)
        {
            return _workloads.TryGetValue(owner.Uid, out var known) && time.GetElapsedTime(known.AskedAt) < Validity ? known.Workload : null;
        }
    }

    /// <exception cref="ApiException">The API server cannot tell.</exception>
    public async Task<Workload> ResolveAsync(string ns, OwnerReference owner, CancellationToken cancellationToken)
    {
        if (Find(ns, owner) is { } known)
        {
            return known;
        }

        var workload = await AskAsync(Climbed(owner)!, ns, owner, cancellationToken);
        lock (_lock)
        {
            if (!_workloads.ContainsKey(owner.Uid))
            {
                _order.Enqueue(owner.Uid);
                if (_order.Count > MaxOwners)
                {
                    _workloads.Remove(_order.Dequeue());
                }
            }

            _workloads[owner.Uid] = (workload, time.GetTimestamp());
        }

        return workload;
    }

    private static ApiResource? Climbed(OwnerReference owner) => (owner.ApiVersion.Split('/')[0], owner.Kind) switch
    {
        ("apps", "ReplicaSet") => ApiResource.ReplicaSets,
        ("batch", "Job") => ApiResource.Jobs,
        _ => null,
    };

    private async Task<Workload> AskAsync(ApiResource resource, string ns, OwnerReference owner, CancellationToken cancellationToken)
    {
        try
        {
            var found = await api.GetAsync(resource, ns, owner.Name, metadataOnly: true, cancellationToken);

            // Of the same name, but another one: the owner itself is gone.
            var itsOwner = found.Metadata.Uid == owner.Uid ? OwnerReference.ControllerOf(found.Metadata) : null;
            return (itsOwner ?? owner).In(ns);
        }
        catch (ApiException exception) when (exception.IsNotFound)
        {
            // Nobody knows any more who owned it.
            return owner.In(ns);
        }
    }
}
