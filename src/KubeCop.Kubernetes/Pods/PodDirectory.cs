using KubeCop.Core.Workloads;

namespace KubeCop.Kubernetes.Pods;

/// <summary>
/// The pods of this node as the API server has them: to which workload each belongs, and its labels. Pods that are gone are remembered for a
/// while, because what their containers did is still on its way. From any thread.
/// </summary>
internal sealed class PodDirectory(TimeProvider time) : IPodWorkloads
{
    /// <summary>How long a pod that is gone is remembered.</summary>
    internal static readonly TimeSpan Remembered = TimeSpan.FromMinutes(10);

    /// <summary>
    /// A pod the API server does not have, although its container has run for so long, will not come: a static pod without a mirror, or one
    /// that was gone before anybody looked. It is a workload of its own.
    /// </summary>
    internal static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    /// <summary>Kubelets allow 110 pods by default; this is for those that are gone.</summary>
    private const int MaxPods = 8192;

    private readonly Lock _lock = new();
    private readonly Dictionary<PodKey, KnownPod> _pods = [];
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private DateTimeOffset? _listedAt;
    private long _version;

    public long Version => Interlocked.Read(ref _version);

    /// <summary>All that is known.</summary>
    public IReadOnlyList<KnownPod> Pods
    {
        get
        {
            lock (_lock)
            {
                return [.. _pods.Values];
            }
        }
    }

    public ContainerDescription Describe(ContainerDescription container)
    {
        if (container.Pod is not { } pod)
        {
            return container;
        }

        lock (_lock)
        {
            if (!_pods.TryGetValue(new PodKey(pod.Uid, pod.Namespace, pod.Name), out var known))
            {
                var mayCome = _listedAt is not { } listedAt || time.GetUtcNow() - Later(container.SeenAt, listedAt) < Patience;
                return container with { AwaitsOwner = mayCome };
            }

            var described = container with { Pod = pod with { Labels = known.Labels }, AwaitsOwner = known.Workload is null };
            return known.Workload is null ? described : described with { Workload = known.Workload.Key, WorkloadObject = known.Workload.Object };
        }
    }

    /// <inheritdoc/>
    public Task ChangedAsync(long version, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            return Version > version ? Task.CompletedTask : _changed.Task.WaitAsync(cancellationToken);
        }
    }

    /// <summary>Whether the pod is there, or has been lately.</summary>
    public bool Knows(PodKey pod)
    {
        lock (_lock)
        {
            return _pods.ContainsKey(pod);
        }
    }

    /// <summary>What was known before the API server was asked.</summary>
    public void Remember(IEnumerable<KnownPod> pods)
    {
        lock (_lock)
        {
            foreach (var pod in pods.Take(MaxPods))
            {
                _pods.TryAdd(pod.Key, pod);
            }
        }
    }

    /// <summary>
    /// The pod is there. A workload that is known of it already stays, whoever owns it by now: by that one's profile its containers are judged.
    /// </summary>
    /// <returns>Whether its workload is known.</returns>
    public bool Set(KnownPod pod)
    {
        lock (_lock)
        {
            var before = _pods.GetValueOrDefault(pod.Key);
            var now = before?.Workload is { } workload ? pod with { Workload = workload } : pod;
            _pods[pod.Key] = now;
            if (before is null || !now.TellsTheSameAs(before))
            {
                Changed();
            }

            Forget();
            return now.Workload is not null;
        }
    }

    /// <summary>The pod's workload is known now.</summary>
    public void Resolve(PodKey key, Workload workload)
    {
        lock (_lock)
        {
            if (_pods.TryGetValue(key, out var pod) && pod.Workload != workload)
            {
                _pods[key] = pod with { Workload = workload };
                Changed();
            }
        }
    }

    /// <summary>The pod is not there any more.</summary>
    public void Gone(PodKey key)
    {
        lock (_lock)
        {
            if (_pods.TryGetValue(key, out var pod) && pod.GoneAt is null)
            {
                _pods[key] = pod with { GoneAt = time.GetUtcNow() };
            }

            Forget();
        }
    }

    /// <summary>The API server has told all pods there are.</summary>
    public void Listed()
    {
        lock (_lock)
        {
            _listedAt ??= time.GetUtcNow();
        }
    }

    private static DateTimeOffset Later(DateTimeOffset one, DateTimeOffset other) => one > other ? one : other;

    private void Changed()
    {
        Interlocked.Increment(ref _version);
        _changed.TrySetResult();
        _changed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    private void Forget()
    {
        var now = time.GetUtcNow();
        foreach (var pod in _pods.Values.Where(pod => now - pod.GoneAt > Remembered).ToList())
        {
            _pods.Remove(pod.Key);
        }

        if (_pods.Count > MaxPods && _pods.Values.MinBy(static pod => pod.GoneAt ?? DateTimeOffset.MaxValue) is { } oldest)
        {
            _pods.Remove(oldest.Key);
        }
    }
}
