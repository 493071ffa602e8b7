using KubeCop.Core.Events;
using KubeCop.Host.Http;
using KubeCop.Sensor;
using Prometheus;

namespace KubeCop.Host.Metrics;

/// <summary>What comes from the kernel, what ends there, and what is lost on the way. Also under the names that KubeCop has for it.</summary>
internal sealed class SensorMetrics : IMetricSource
{
    private static readonly MetricLabel Reason = MetricLabel.OneOf("reason", LossCount.Reasons);
    private static readonly MetricLabel Ring = MetricLabel.OneOf("ring", "critical", "bulk");

    private readonly ISensor _sensor;
    private readonly Gauge _ready;
    private readonly Gauge _hooks;
    private readonly Counter _events;
    private readonly Counter _repeats;
    private readonly Counter _lost;
    private readonly Gauge _lossy;
    private readonly Gauge _ringSize;
    private readonly Gauge _ringUnread;
    private readonly Gauge _ringPeak;
    private readonly Gauge _inFlight;
    private readonly Gauge _filtered;
    private readonly Gauge _cgroups;
    private readonly Gauge _followed;
    private readonly Gauge _setup;
    private readonly List<(EventKind Kind, Counter Counter)> _ofKubeCop;
    private readonly Counter _failures;

    public SensorMetrics(MetricCatalog catalog, ISensor sensor)
    {
        _sensor = sensor;
        var metrics = catalog.About("Sensor");
        _ready = metrics.Gauge("kubecop_sensor_ready", "1 when the hooks are attached and the containers listed.");
        _hooks = metrics.Gauge(
            "kubecop_sensor_hook_attached",
            "1 when the hook delivers events.",
            MetricLabel.Like("hook", "name of a hook in the kernel", @"^[a-z0-9_]{1,60}$"),
            MetricLabel.Like("type", "how it is attached, as BTF tracepoint", @"^[A-Za-z0-9 /_-]{1,40}$"));
        _events = metrics.Counter("kubecop_sensor_events_total", "Events read from the kernel.", MetricLabel.Kind);
        _repeats = metrics.Counter("kubecop_sensor_repeats_total", "Events that ended in the kernel because their behaviour was known.", MetricLabel.Kind);
        _lost = metrics.Counter("kubecop_sensor_lost_events_total", "Events lost, by what they were and why; of program_busy, runs whose events nobody knows.", MetricLabel.Kind, Reason);
        _lossy = metrics.Gauge("kubecop_sensor_lossy_containers", "Containers watched now that have lost events since they were found; /api/v1/node names them.");
        _ringSize = metrics.Gauge("kubecop_sensor_ring_size_bytes", "Size of the ring between the kernel and this process.", Ring);
        _ringUnread = metrics.Gauge("kubecop_sensor_ring_unread_bytes", "Bytes in the ring that wait to be read.", Ring);
        _ringPeak = metrics.Gauge("kubecop_sensor_ring_peak_bytes", "The most bytes that waited at once since the start, as far as the reader saw.", Ring);
        _inFlight = metrics.Gauge("kubecop_sensor_batches_in_flight", "Batches of events, and starts and ends of containers, that are just being taken: at most one a container.");
        _filtered = metrics.Gauge("kubecop_sensor_filtered_cgroups", "Cgroups whose repeats can end in the kernel.");
        _cgroups = metrics.Gauge("kubecop_sensor_cgroups", "Cgroups in the kernel side's table.");
        _followed = metrics.Gauge("kubecop_sensor_followed_cgroups", "Cgroups whose events go to a container, or wait until it is known what they are.");
        _setup = metrics.Gauge("kubecop_sensor_setup_processes", "Container runtimes' processes that set a container up now.");

        var names = catalog.About(KubeCopNames.Subject);
        _ofKubeCop =
        [
            .. KubeCopNames.Events.Select(kind => (kind.Kind, names.Counter(kind.Name, $"Events of kind {Word.Of(kind.Kind)} read from the kernel; see kubecop_sensor_events_total."))),
        ];
        _failures = names.Counter("kubecop_ebpf_event_failure_counter", "Events that could not be delivered or read, whatever the reason; see kubecop_sensor_lost_events_total.");
    }

    public void Update()
    {
        var status = _sensor.GetStatus();
        _ready.Set(status.Ready ? 1 : 0);
        foreach (var hook in status.Hooks)
        {
            _hooks.WithLabels(hook.Name, hook.Type).Set(hook.Attached ? 1 : 0);
        }

        foreach (var (kind, count) in status.Events.Where(static kind => kind.Key != EventKind.None))
        {
            _events.WithLabels(Word.Of(kind)).IncTo(count);
        }

        foreach (var (kind, count) in status.Repeats.Where(static kind => kind.Value > 0))
        {
            _repeats.WithLabels(Word.Of(kind)).IncTo(count);
        }

        foreach (var loss in status.Lost)
        {
            _lost.WithLabels(Word.Of(loss.Kind), loss.Reason).IncTo(loss.Count);
        }

        _lossy.Set(status.LostByContainer.Select(static lost => lost.ContainerId).Distinct().Count());
        foreach (var ring in status.Rings)
        {
            _ringSize.WithLabels(ring.Ring).Set(ring.Size);
            _ringUnread.WithLabels(ring.Ring).Set(ring.Unread);
            _ringPeak.WithLabels(ring.Ring).Set(ring.Peak);
        }

        _inFlight.Set(status.BatchesInFlight);
        _filtered.Set(status.FilteredCgroups);
        _cgroups.Set(status.Cgroups);
        _followed.Set(status.FollowedCgroups);
        _setup.Set(status.SetupProcesses);
        foreach (var (kind, counter) in _ofKubeCop)
        {
            counter.IncTo(status.Events.GetValueOrDefault(kind));
        }

        _failures.IncTo(status.Lost.Sum(static loss => loss.Count));
    }
}
