namespace KubeCop.Scanning.Clamd;

/// <summary>Why clamd cannot be asked.</summary>
internal enum ClamdState
{
    /// <summary>Nobody listens there, or nobody we may talk to. So it is too while clamd loads its database, unless systemd listens for it.</summary>
    Missing,

    /// <summary>Somebody listens who has not answered since: it loads its database, which takes minutes.</summary>
    Starting,

    /// <summary>It has answered before and does not any more.</summary>
    Wedged,

    /// <summary>It ended in the middle, or what it answers is not clamd's protocol.</summary>
    Broken,
}

/// <summary>clamd cannot be asked now; nothing is known of what it should have scanned.</summary>
internal sealed class ClamdUnavailableException(ClamdState state, string message, Exception? inner = null) : IOException(message, inner)
{
    public ClamdState State { get; } = state;
}
