namespace KubeCop.Host.Silo;

/// <summary>Where the node's silo stands.</summary>
internal enum SiloState
{
    /// <summary>One has ended and the next one has not started. Containers are watched and judged all the same.</summary>
    Changing,

    /// <summary>It runs by itself: because no cluster is configured, or because that cannot be reached.</summary>
    Alone,

    /// <summary>It is a member of its cluster.</summary>
    Member,
}

/// <param name="Since">Since when.</param>
/// <param name="Reason">For people: why, and what to do; empty when all is as it is to be.</param>
/// <param name="Changes">How often the silo was replaced by another one since the process started.</param>
internal sealed record SiloStatus(SiloState State, DateTimeOffset Since, string Reason, int Changes);
