using System.Collections.Immutable;

namespace KubeCop.Host.Tls;

/// <summary>Why connections between silos did not come about: each reason is logged once a minute at the most, and told as long as it is fresh.</summary>
internal sealed partial class PeerRefusals(TimeProvider time, ILogger<PeerRefusals> logger)
{
    /// <summary>How long after the last time a reason is still told: silos look for their cluster once a minute at the least.</summary>
    public static readonly TimeSpan Memory = TimeSpan.FromMinutes(2);

    /// <summary>Kept and logged within <see cref="Memory"/>; further ones are left out, whoever sends them.</summary>
    public const int Most = 64;

    private static readonly TimeSpan Pause = TimeSpan.FromMinutes(1);

    private readonly Lock _lock = new();
    private readonly Dictionary<string, (DateTimeOffset Logged, DateTimeOffset Last)> _reasons = new(StringComparer.Ordinal);

    /// <summary>The fresh ones, whole sentences, in the order of the alphabet.</summary>
    public IReadOnlyList<string> Current
    {
        get
        {
            lock (_lock)
            {
                Forget();
                return [.. _reasons.Keys.Order(StringComparer.Ordinal)];
            }
        }
    }

    /// <param name="reason">A sentence that names the peer.</param>
    public void Add(string reason)
    {
        var now = time.GetUtcNow();
        lock (_lock)
        {
            Forget();
            var isKnown = _reasons.TryGetValue(reason, out var known);
            if (!isKnown && _reasons.Count >= Most)
            {
                return;
            }

            var isTold = isKnown && now - known.Logged < Pause;
            _reasons[reason] = (isTold ? known.Logged : now, now);
            if (isTold)
            {
                return;
            }
        }

        LogWarningRefused(reason);
    }

    private void Forget()
    {
        var oldest = time.GetUtcNow() - Memory;
        foreach (var (reason, _) in _reasons.Where(known => known.Value.Last < oldest).ToImmutableArray())
        {
            _reasons.Remove(reason);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "No connection between two silos: {Reason}")]
    private partial void LogWarningRefused(string reason);
}
