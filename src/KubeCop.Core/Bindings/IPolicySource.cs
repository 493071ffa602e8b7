namespace KubeCop.Core.Bindings;

/// <summary>Where the cluster's policy is kept: an API server.</summary>
public interface IPolicySource
{
    /// <summary>
    /// What is known now, with a policy once everything was listed; then what is known, whenever that is something else. Ends when it is
    /// cancelled, and not on errors.
    /// </summary>
    IAsyncEnumerable<PolicyReport> WatchAsync(CancellationToken cancellationToken);
}

/// <summary>Who puts the cluster's policy in force on this node. It outlives the silo. From any thread.</summary>
public interface IPolicySink
{
    /// <summary>Of the newest policy it was given; null when it has none.</summary>
    PolicyVersion? Version { get; }

    /// <summary>Takes what is known now. Returns at once.</summary>
    void Take(PolicyReport report);
}
