using System.Collections.Concurrent;
using KubeCop.Core.Alerts;
using KubeCop.Core.Rules;

namespace KubeCop.Exporters.Delivery;

/// <summary>What one exporter did not get, counted by reason and by rule.</summary>
/// <param name="rules">Where it is counted by rule.</param>
internal sealed class LaneDrops(string exporter, RuleCounters rules)
{
    /// <summary>There was no room in memory.</summary>
    public const string QueueFull = "queue_full";

    /// <summary>The node ended before.</summary>
    public const string Stopped = "stopped";

    /// <summary>The exporter itself is broken.</summary>
    public const string Failed = "failed";

    /// <summary>The receiver does not want it.</summary>
    public const string Refused = "refused";

    /// <summary>It waited for longer than it may.</summary>
    public const string Expired = "expired";

    /// <summary>There was no room on the disk for it and others of high severity.</summary>
    public const string PushedOut = "pushed_out";

    /// <summary>It waited on the disk and is damaged there.</summary>
    public const string Unreadable = "unreadable";

    private readonly ConcurrentDictionary<string, long> _counts = new(StringComparer.Ordinal);

    public IEnumerable<DropCount> Counts => _counts.Select(drop => new DropCount(exporter, drop.Key, drop.Value));

    /// <returns>Whether these are the first of this reason, of which people are to be told.</returns>
    public bool Add(string reason, IEnumerable<Alert> lost)
    {
        var count = 0;
        foreach (var alert in lost)
        {
            count++;
            rules.Of(alert.RuleId).AddSuppressed(Suppression.ExporterDrop);
        }

        return Add(reason, count);
    }

    /// <summary>As before, of alerts that nobody can read any more.</summary>
    public bool Add(string reason, int count) => count > 0 && _counts.AddOrUpdate(reason, count, (_, known) => known + count) == count;
}
