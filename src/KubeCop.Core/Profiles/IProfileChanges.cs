using KubeCop.Core.Workloads;

namespace KubeCop.Core.Profiles;

/// <summary>Tells of changes of the objects that show profiles, of all workloads.</summary>
public interface IProfileChanges
{
    /// <summary>Whether there are any to tell of.</summary>
    bool Exists { get; }

    /// <summary>What changes after a position; without one, or when that is too long ago, first all there is. Ends when it is cancelled, and not on errors.</summary>
    /// <param name="position">See <see cref="ProfileChange.Position"/>; empty for none.</param>
    IAsyncEnumerable<ProfileChange> WatchAsync(string position, CancellationToken cancellationToken);
}

/// <summary>The object that shows a workload's profile was made, changed or deleted.</summary>
/// <param name="Workload">Null when it is not known whose it is, or only the position has moved.</param>
/// <param name="Version">Of the object; empty when it is deleted.</param>
/// <param name="Position">From where to go on.</param>
public sealed record ProfileChange(WorkloadKey? Workload, string Version, string Position);

/// <summary>Without an API server.</summary>
public sealed class NoProfileChanges : IProfileChanges
{
    public bool Exists => false;

    public async IAsyncEnumerable<ProfileChange> WatchAsync(string position, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await Task.Delay(Timeout.Infinite, cancellationToken);
        yield break;
    }
}
