namespace KubeCop.Host.Metrics;

/// <summary>
/// Orleans' own meter, of the silo that runs in this process. Left out are instruments whose tags name other silos, unless what they tell is of use
/// without the tag, and what other metrics here tell better: storage, memory, sizes of messages.
/// </summary>
internal sealed class OrleansMetrics : IMetricSource, IDisposable
{
    private static readonly double[] Bounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

    private readonly InstrumentListener _instruments = new("Microsoft.Orleans");
    private readonly MetricSubject _metrics;

    public OrleansMetrics(MetricCatalog catalog)
    {
        _metrics = catalog.About("Orleans");
        var grainType = MetricLabel.Like("grain_type", "type of grain, or system target (sys.…)", "^[a-z][a-z0-9._-]{0,80}$");
        _instruments.Publish(
            "orleans-catalog-activations",
            _metrics.Gauge("orleans_catalog_activations", "Grains in the silo's memory.", grainType),
            unit: 1,
            ("grain_type", grainType));
        _instruments.Publish(
            "orleans-app-requests-latency",
            _metrics.Histogram("orleans_app_requests_seconds", "Time from a call of a grain to its answer, as the caller sees it.", Bounds),
            unit: 0.001);
        Gauge("orleans-directory-cache-size", "orleans_directory_cache_entries", "Grains whose silo this one remembers.");
        Gauge("orleans-directory-partition-size", "orleans_directory_partition_entries", "Grains in this silo's part of the directory.");
        Gauge("orleans-consistent-ring-size", "orleans_consistent_ring_silos", "Silos in the ring that shares out what is to be somewhere.");
        Counter("orleans-catalog-activation-created", "orleans_catalog_activations_created_total", "Grains that were made.");
        Counter("orleans-catalog-activation-destroyed", "orleans_catalog_activations_destroyed_total", "Grains that were put away.");
        Counter("orleans-catalog-activation-failed-to-activate", "orleans_catalog_activations_failed_total", "Grains that could not be made.");
        Counter("orleans-app-requests-timedout", "orleans_app_requests_timed_out_total", "Calls of grains without an answer in time.");
        Counter("orleans-app-requests-canceled", "orleans_app_requests_canceled_total", "Calls of grains that the caller gave up.");
        Counter("orleans-messaging-sent-failed", "orleans_messaging_sent_failed_total", "Messages that could not be sent.");
        Counter("orleans-messaging-sent-dropped", "orleans_messaging_sent_dropped_total", "Messages that were dropped before they were sent.");
        Counter("orleans-messaging-rejected", "orleans_messaging_rejected_total", "Messages that a silo refused.");
        Counter("orleans-messaging-rerouted", "orleans_messaging_rerouted_total", "Messages sent again to where their grain is now.");
        Counter("orleans-messaging-expired", "orleans_messaging_expired_total", "Messages that were too old to be acted on.");
        Counter("orleans-messaging-pings-sent", "orleans_messaging_pings_sent_total", "Probes of other silos.");
        Counter("orleans-messaging-pings-reply-missed", "orleans_messaging_pings_reply_missed_total", "Probes of other silos without an answer.");
        Counter("orleans-networking-sockets-opened", "orleans_networking_sockets_opened_total", "Connections to and from other silos that began.");
        Counter("orleans-networking-sockets-closed", "orleans_networking_sockets_closed_total", "Connections to and from other silos that ended.");
        Counter("orleans-scheduler-long-running-turns", "orleans_scheduler_long_running_turns_total", "Turns of grains that took longer than they should.");
        Counter("orleans-watchdog-health-checks", "orleans_watchdog_health_checks_total", "Looks of the silo at itself.");
        Counter("orleans-watchdog-health-checks-failed", "orleans_watchdog_health_checks_failed_total", "Looks of the silo at itself that found something.");
        _instruments.Start();
    }

    public void Update() => _instruments.Observe();

    public void Dispose() => _instruments.Dispose();

    private void Counter(string instrument, string name, string help) => _instruments.Publish(instrument, _metrics.Counter(name, help), unit: 1);

    private void Gauge(string instrument, string name, string help) => _instruments.Publish(instrument, _metrics.Gauge(name, help), unit: 1);
}
