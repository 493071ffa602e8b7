using System.Collections.Immutable;

namespace KubeCop.Host.Tls;

/// <summary>Why connections between silos did not come about: each reason is logged once a minute at the most, and told as long as it is fresh.</summary>
internal sealed partial class PeerRefusals(TimeProvider time, ILogger<PeerRefusals> logger)
{
    /// <summary>How long after the last time a reason is still told: silos look for their cluster once a minute at the least.</summary>
    public static readonly TimeSpan Memory = TimeSpan.FromMinutes(2);

    /// <summary>Kept and logged within <see cref="Memory"/>; further ones are left out, whoever sends them.</summary>
    public const int Most = 64;

    /// <summary>Of those, about one address: a stranger must not leave no room for what is said of silos, of which several may be at one address too.</summary>
    public const int MostOfOne = 16;

    private static readonly TimeSpan Pause = TimeSpan.FromMinutes(1);

    private readonly Lock _lock = new();
    private readonly Dictionary<string, Refusal> _reasons = new(StringComparer.Ordinal);

    /// <summary>The fresh ones, whole sentences: first those about certificates, which are of silos rather than of strangers.</summary>
    public IReadOnlyList<string> Current
    {
        get
        {
            lock (_lock)
            {
                Forget();
                return
                [
                    .. _reasons.OrderByDescending(static known => known.Value.IsOfCertificate).ThenBy(static known => known.Key, StringComparer.Ordinal).Select(static known => known.Key),
                ];
            }
        }
    }

    /// <param name="peer">Its address.</param>
    /// <param name="reason">A sentence that names the peer.</param>
    /// <param name="isOfCertificate">Whether one was shown and found wrong, on either side.</param>
    public void Add(string peer, string reason, bool isOfCertificate = false)
    {
        // Not by the wall clock, which may be what is wrong.
        var now = time.GetTimestamp();
        lock (_lock)
        {
            Forget();
            var isKnown = _reasons.TryGetValue(reason, out var known);
            if (!isKnown && (_reasons.Count >= Most || _reasons.Values.Count(other => other.Peer == peer) >= MostOfOne))
            {
                return;
            }

            var isTold = isKnown && time.GetElapsedTime(known.Logged, now) < Pause;
            _reasons[reason] = new Refusal(peer, isOfCertificate, isTold ? known.Logged : now, now);
            if (isTold)
            {
                return;
            }
        }

        LogWarningRefused(reason);
    }

    private void Forget()
    {
        foreach (var (reason, _) in _reasons.Where(known => time.GetElapsedTime(known.Value.Last) > Memory).ToImmutableArray())
        {
            _reasons.Remove(reason);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "No connection between two silos: {Reason}")]
    private partial void LogWarningRefused(string reason);

    private readonly record struct Refusal(string Peer, bool IsOfCertificate, long Logged, long Last);
}
