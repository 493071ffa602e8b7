namespace KubeCop.Kubernetes.Events;

/// <summary>
/// How many requests Events may cost: for all pods of the node together, and for each pod, so that one that makes noise cannot take the place
/// of the others. Called by one thread.
/// </summary>
internal sealed class EventBudget(TimeProvider time)
{
    /// <summary>Requests of the node at once, and then one every <see cref="NodePeriod"/>.</summary>
    public const int NodeBurst = 50;

    /// <summary>Requests of a pod at once, and then one every <see cref="PodPeriod"/>.</summary>
    public const int PodBurst = 10;

    public static readonly TimeSpan NodePeriod = TimeSpan.FromSeconds(5);
    public static readonly TimeSpan PodPeriod = TimeSpan.FromSeconds(30);

    private readonly Dictionary<string, Bucket> _pods = new(StringComparer.Ordinal);
    private Bucket _node = new(NodeBurst, NodePeriod, time);

    /// <summary>Takes what one request costs.</summary>
    /// <returns>False when there is none left; nothing is taken then.</returns>
    public bool TryTake(string pod)
    {
        // A pod whose budget is whole again needs no memory: what is left are at most those that took the node's budget in that time.
        foreach (var (idle, bucket) in _pods)
        {
            if (bucket.IsFull(time))
            {
                _pods.Remove(idle);
            }
        }

        var own = _pods.GetValueOrDefault(pod, new Bucket(PodBurst, PodPeriod, time));
        if (!own.HasOne(time) || !_node.HasOne(time))
        {
            return false;
        }

        _node = _node.WithoutOne(time);
        _pods[pod] = own.WithoutOne(time);
        return true;
    }

    /// <summary>A token bucket: full at first, and refilled steadily.</summary>
    private readonly struct Bucket(double tokens, int burst, TimeSpan period, long at)
    {
        public Bucket(int burst, TimeSpan period, TimeProvider time)
            : this(burst, burst, period, time.GetTimestamp())
        {
        }

        public bool HasOne(TimeProvider time) => Tokens(time) >= 1;

        public bool IsFull(TimeProvider time) => Tokens(time) >= burst;

        public Bucket WithoutOne(TimeProvider time) => new(Tokens(time) - 1, burst, period, time.GetTimestamp());

        private double Tokens(TimeProvider time) => Math.Min(burst, tokens + (time.GetElapsedTime(at) / period));
    }
}
