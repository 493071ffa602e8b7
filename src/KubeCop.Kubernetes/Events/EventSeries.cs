using KubeCop.Core.Alerts;

namespace KubeCop.Kubernetes.Events;

/// <summary>An Event, and how often what it tells of was seen.</summary>
/// <param name="name">Its name in its pod's namespace, which the first alert gives it: asking twice for the same makes one.</param>
internal sealed class EventSeries(string name, DateTimeOffset firstSeen)
{
    private long _closed;
    private long _open;

    public string Name => name;

    public DateTimeOffset FirstSeen { get; } = firstSeen;

    public DateTimeOffset LastSeen { get; private set; } = firstSeen;

    public long Count => _closed + _open;

    /// <summary>Whether the API server has it, as far as is known.</summary>
    public bool IsMade { get; set; }

    /// <summary>When an alert was last added, by the monotonic clock.</summary>
    public long AddedAt { get; private set; }

    /// <summary>Adds an alert, whose window of repeats begins, or the summary of one, which has the alert that began it counted in.</summary>
    public void Add(Alert alert, long now)
    {
        (_closed, _open) = alert.State == AlertState.New ? (_closed + _open, alert.Count) : (_closed + alert.Count, 0);
        LastSeen = alert.LastSeen > LastSeen ? alert.LastSeen : LastSeen;
        AddedAt = now;
    }
}

/// <summary>The Events that repeats of their alerts are added to. Called by one thread.</summary>
internal sealed class KnownEvents(TimeProvider time)
{
    /// <summary>What repeats after more quiet than this is told by an Event of its own (client-go, tools/events: finishTime).</summary>
    public static readonly TimeSpan Quiet = TimeSpan.FromMinutes(6);

    /// <summary>Beyond, the one that was quiet for longest is forgotten.</summary>
    public const int MaxEvents = 1024;

    private readonly Dictionary<(string Pod, string Fingerprint), EventSeries> _events = [];

    public int Count => _events.Count;

    /// <summary>Adds an alert to the Event that tells of it already, or to a new one.</summary>
    public EventSeries Add(Alert alert)
    {
        var (key, now) = (KeyOf(alert), time.GetTimestamp());
        if (!_events.TryGetValue(key, out var series) || time.GetElapsedTime(series.AddedAt, now) > Quiet)
        {
            MakeRoom(now);
            _events[key] = series = Begin(alert);
        }

        series.Add(alert, now);
        return series;
    }

    /// <summary>The API server has the alert's Event no more: another one begins with this alert.</summary>
    public EventSeries AddAnew(Alert alert)
    {
        var series = _events[KeyOf(alert)] = Begin(alert);
        series.Add(alert, time.GetTimestamp());
        return series;
    }

    private static EventSeries Begin(Alert alert) => new(PodEvent.NameOf(alert), alert.FirstSeen);

    // Replicas of one workload share their alerts' fingerprints.
    private static (string Pod, string Fingerprint) KeyOf(Alert alert) => (PodEvent.KeyOf(alert.Container.Pod!), alert.Fingerprint);

    private void MakeRoom(long now)
    {
        foreach (var (key, series) in _events)
        {
            if (time.GetElapsedTime(series.AddedAt, now) > Quiet)
            {
                _events.Remove(key);
            }
        }

        if (_events.Count >= MaxEvents)
        {
            _events.Remove(_events.MinBy(static known => known.Value.AddedAt).Key);
        }
    }
}
