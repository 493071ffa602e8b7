namespace KubeCop.Exporters.Alertmanager;

/// <summary>The alerts that fire, bounded: beyond, the one that ends first is only not posted anew.</summary>
internal sealed class FiringAlerts
{
    public const int MaxAlerts = 1024;

    private readonly Lock _lock = new();
    private readonly Dictionary<string, FiringAlert> _alerts = new(StringComparer.Ordinal);

    public void Add(IEnumerable<FiringAlert> alerts, DateTimeOffset now)
    {
        lock (_lock)
        {
            foreach (var alert in alerts)
            {
                if (_alerts.Count >= MaxAlerts && !_alerts.ContainsKey(alert.Key))
                {
                    MakeRoom(now);
                }

                _alerts[alert.Key] = alert;
            }
        }
    }

    /// <summary>Those that fire at a time; the others are forgotten.</summary>
    public IReadOnlyList<FiringAlert> At(DateTimeOffset now)
    {
        lock (_lock)
        {
            Forget(now);
            return [.. _alerts.Values];
        }
    }

    private void MakeRoom(DateTimeOffset now)
    {
        Forget(now);
        if (_alerts.Count < MaxAlerts)
        {
            return;
        }

        // Many at once: looking for one each time would look through all each time.
        foreach (var first in _alerts.Values.OrderBy(static alert => alert.EndsAt).Take(MaxAlerts / 8).ToList())
        {
            _alerts.Remove(first.Key);
        }
    }

    private void Forget(DateTimeOffset now)
    {
        foreach (var (key, alert) in _alerts)
        {
            if (alert.EndsAt <= now)
            {
                _alerts.Remove(key);
            }
        }
    }
}
