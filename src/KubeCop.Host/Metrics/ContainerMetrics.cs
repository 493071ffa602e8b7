using KubeCop.Core.Profiles;
using KubeCop.Grains;
using KubeCop.Host.Http;
using KubeCop.Host.Node;
using KubeCop.Sensor.Journal;
using Prometheus;

namespace KubeCop.Host.Metrics;

/// <summary>What is watched, where its profiles stand, and what it learned that is not stored.</summary>
internal sealed class ContainerMetrics : IMetricSource
{
    private readonly NodeContainers _containers;
    private readonly BehaviourJournal _journal;
    private readonly Gauge _watched;
    private readonly Gauge _unassigned;
    private readonly Gauge _overdue;
    private readonly Gauge _inMemory;
    private readonly Gauge _unstored;
    private readonly Gauge _lag;
    private readonly Gauge _buffered;
    private readonly Gauge _onDisk;
    private readonly Counter _overflow;

    public ContainerMetrics(MetricCatalog catalog, NodeContainers containers, BehaviourJournal journal)
    {
        (_containers, _journal) = (containers, journal);
        var metrics = catalog.About("Containers and profiles");
        _watched = metrics.Gauge("kubecop_containers", "Containers watched, by the state of their profile.", MetricLabel.Of<ProfileState>("state"));
        _unassigned = metrics.Gauge(
            "kubecop_containers_unassigned",
            "Containers watched whose workload has not said what to learn or to judge by: what they do is held back. Their state is learning.");
        _overdue = metrics.Gauge("kubecop_containers_learning_overdue", "Containers watched that still learn although their learning period has passed.");
        _inMemory = metrics.Gauge("kubecop_container_grains", "Containers that are watched, and ended ones that have not handed over everything.");
        _unstored = metrics.Gauge("kubecop_deltas_unstored", "Pieces of what containers learned that their workload has not stored.");
        _lag = metrics.Gauge(
            "kubecop_delta_lag_seconds",
            "How long the oldest piece of what containers learned waits to be stored, 0 when there is none; what an earlier run left, since this one began.");
        _buffered = metrics.Gauge("kubecop_journal_buffered_bytes", "Bytes of the journal that wait for the disk.");
        _onDisk = metrics.Gauge("kubecop_journal_size_bytes", "Bytes of the journal on the disk.");
        _overflow = metrics.Counter(
            "kubecop_journal_overflow_total",
            "Pieces of what containers learned that are not in the journal: lost if the node goes down before their workload has stored them.",
            MetricLabel.OneOf("reason", "buffer_full", "journal_full", "too_large", "stopped"));
    }

    public void Update()
    {
        var counts = _containers.CountProfiles();
        foreach (var state in Enum.GetValues<ProfileState>())
        {
            _watched.WithLabels(Word.Of(state)).Set(counts.ByState.GetValueOrDefault(state));
        }

        _unassigned.Set(counts.Unassigned);
        _overdue.Set(counts.Overdue);
        _inMemory.Set(GrainCounts.Containers);
        var journal = _journal.GetStatus();
        _unstored.Set(journal.Unacknowledged);
        _lag.Set(journal.Lag.TotalSeconds);
        _buffered.Set(journal.BufferedBytes);
        _onDisk.Set(journal.DiskBytes);
        foreach (var (reason, count) in journal.Overflow)
        {
            _overflow.WithLabels(reason).IncTo(count);
        }
    }
}
