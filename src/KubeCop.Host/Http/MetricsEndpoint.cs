using KubeCop.Core.Events;
using KubeCop.Core.Rules;
using KubeCop.Exporters;
using KubeCop.Exporters.History;
using KubeCop.Grains;
using KubeCop.Host.Bindings;
using KubeCop.Host.Node;
using KubeCop.Host.Silo;
using KubeCop.Host.Tls;
using KubeCop.Sensor;
using Prometheus;

namespace KubeCop.Host.Http;

/// <summary>
/// <c>/metrics</c> in Prometheus' text form. Everything is read from where it is counted when somebody asks. Labels are bounded: rules,
/// kinds, states and reasons, never names of containers or workloads.
/// </summary>
internal sealed class MetricsEndpoint
{
    private readonly CollectorRegistry _registry = Metrics.NewCustomRegistry();
    private readonly ISensor _sensor;
    private readonly AlertDispatcher _alerts;
    private readonly AlertHistory _history;
    private readonly NodeContainers _containers;
    private readonly RuleCounters _rules;
    private readonly NodeBindings _bindings;
    private readonly NodeHealth _health;
    private readonly Gauge _degraded;
    private readonly NodeCertificates _certificates;
    private readonly Gauge _certificateExpiry;
    private readonly SiloHost _silo;
    private readonly Gauge _siloState;
    private readonly Counter _siloChanges;
    private readonly Gauge _ready;
    private readonly Gauge _hooks;
    private readonly Counter _events;
    private readonly Counter _repeats;
    private readonly Counter _lost;
    private readonly Counter _lostByContainer;
    private readonly Gauge _filtered;
    private readonly Gauge _cgroups;
    private readonly Gauge _followed;
    private readonly Gauge _setup;
    private readonly Gauge _grains;
    private readonly Gauge _watched;
    private readonly Counter _raised;
    private readonly Counter _exported;
    private readonly Counter _dropped;
    private readonly Gauge _kept;
    private readonly Gauge _works;
    private readonly Gauge _missing;
    private readonly Counter _evaluations;
    private readonly Counter _failures;
    private readonly Counter _suppressed;
    private readonly Counter _overflows;
    private readonly Counter _bindingLoads;
    private readonly Gauge _bindingsValid;
    private readonly Gauge _bindingsLoadedAt;

    public MetricsEndpoint(
        ISensor sensor, AlertDispatcher alerts, AlertHistory history, NodeContainers containers, NodeRules rules, NodeBindings bindings, NodeHealth health,
        SiloHost silo, NodeCertificates certificates)
    {
        _certificates = certificates;
        (_sensor, _alerts, _history, _containers, _rules, _bindings, _health, _silo) = (sensor, alerts, history, containers, rules.Counters, bindings, health, silo);
        var metrics = Metrics.WithCustomRegistry(_registry);
        metrics.CreateGauge("kubecop_build_info", "1, with the version.", "version").WithLabels(ApiEndpoints.Version).Set(1);
        _degraded = metrics.CreateGauge("kubecop_degraded", "1 for a part of the node that does less than it should, while the node detects.", "part");
        _certificateExpiry = metrics.CreateGauge("kubecop_certificate_expiry_timestamp_seconds", "When the certificate in use ends, in seconds since 1970.", "part");
        _siloState = metrics.CreateGauge("kubecop_silo_state", "1 for where the node's silo stands: member of its cluster, alone, or changing from one to the other.", "state");
        _siloChanges = metrics.CreateCounter("kubecop_silo_changes_total", "Silos of this process that another one replaced.");
        _ready = metrics.CreateGauge("kubecop_sensor_ready", "1 when the hooks are attached and the containers listed.");
        _hooks = metrics.CreateGauge("kubecop_sensor_hook_attached", "1 when the hook delivers events.", "hook", "type");
        _events = metrics.CreateCounter("kubecop_sensor_events_total", "Events read from the kernel.", "kind");
        _repeats = metrics.CreateCounter("kubecop_sensor_repeats_total", "Events that ended in the kernel because their behaviour was known.", "kind");
        _lost = metrics.CreateCounter("kubecop_sensor_lost_events_total", "Events lost, by what they were and why.", "kind", "reason");
        _lostByContainer = metrics.CreateCounter(
            "kubecop_container_lost_events_total", "Events that a container watched now has lost, by what they were and why.", "container_id", "kind", "reason");
        _filtered = metrics.CreateGauge("kubecop_sensor_filtered_cgroups", "Cgroups whose repeats can end in the kernel.");
        _cgroups = metrics.CreateGauge("kubecop_sensor_cgroups", "Cgroups in the kernel side's table.");
        _followed = metrics.CreateGauge("kubecop_sensor_followed_cgroups", "Cgroups whose events go to a grain, or wait until it is known what they are.");
        _setup = metrics.CreateGauge("kubecop_sensor_setup_processes", "Container runtimes' processes that set a container up now.");
        _grains = metrics.CreateGauge("kubecop_container_grains", "Containers that are watched, and ended ones that have not handed over everything.");
        _watched = metrics.CreateGauge("kubecop_containers", "Containers watched, by the state of their profile.", "state");
        _raised = metrics.CreateCounter("kubecop_alerts_total", "Alerts raised; repeats folded into one are counted once.", "rule_id", "severity");
        _exported = metrics.CreateCounter("kubecop_alerts_exported_total", "Alert lines handed over, summaries included.", "exporter");
        _dropped = metrics.CreateCounter("kubecop_alerts_dropped_total", "Alert lines lost on their way out.", "exporter", "reason");
        _kept = metrics.CreateGauge("kubecop_alerts_kept", "Alert lines in the history.");
        _works = metrics.CreateGauge("kubecop_rule_works", "1 when the rule sees events on this node, 0 when the hooks of all its kinds are missing.", "rule_id");
        _missing = metrics.CreateGauge(
            "kubecop_rule_missing_events", "1 for a kind of event that the rule looks at and does not see on this node, or not all of it.", "rule_id", "kind");
        _evaluations = metrics.CreateCounter("kubecop_rule_evaluations_total", "Events the rule was asked about.", "rule_id");
        _failures = metrics.CreateCounter("kubecop_rule_failures_total", "Times the rule failed instead of judging.", "rule_id");
        _suppressed = metrics.CreateCounter(
            "kubecop_rule_suppressed_total", "What the rule found or could have found, and nobody heard of; rule_id is none where no rule is bound.", "rule_id", "reason");
        _overflows = metrics.CreateCounter(
            "kubecop_alert_folding_overflows_total", "Alerts whose repeats are not folded, because their container had too many folding windows open.");
        _bindingLoads = metrics.CreateCounter("kubecop_bindings_loads_total", "Sets of bindings that were to come into force, by what became of them.", "result");
        _bindingsValid = metrics.CreateGauge("kubecop_bindings_last_load_successful", "0 when some of the newest bindings are not in force, and what they said before is.");
        _bindingsLoadedAt = metrics.CreateGauge("kubecop_bindings_loaded_timestamp_seconds", "When the set of bindings in force was loaded, in seconds since 1970.");
        DotNetStats.Register(_registry);

        // Whatever counts with System.Diagnostics.Metrics under our name.
        MeterAdapter.StartListening(new MeterAdapterOptions
        {
            Registry = _registry,
            InstrumentFilterPredicate = static instrument => instrument.Meter.Name == "KubeCop",
        });
    }

    public async Task InvokeAsync(HttpContext context)
    {
        await UpdateAsync();
        context.Response.ContentType = "text/plain; version=0.0.4; charset=utf-8";
        await _registry.CollectAndExportAsTextAsync(context.Response.Body, context.RequestAborted);
    }

    private async Task UpdateAsync()
    {
        var status = _sensor.GetStatus();
        _ready.Set(status.Ready ? 1 : 0);
        var degraded = _health.GetDegradations().Select(static degradation => degradation.Part).ToHashSet(StringComparer.Ordinal);
        foreach (var part in _health.Parts)
        {
            _degraded.WithLabels(part).Set(degraded.Contains(part) ? 1 : 0);
        }

        foreach (var certificate in _certificates.All)
        {
            _certificateExpiry.WithLabels(certificate.Part).Set(certificate.Files.Current.Until.ToUnixTimeSeconds());
        }

        var silo = _silo.Status;
        foreach (var state in Enum.GetValues<SiloState>())
        {
            _siloState.WithLabels(Word.Of(state)).Set(state == silo.State ? 1 : 0);
        }

        _siloChanges.IncTo(silo.Changes);
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

        _filtered.Set(status.FilteredCgroups);
        _cgroups.Set(status.Cgroups);
        _followed.Set(status.FollowedCgroups);
        _setup.Set(status.SetupProcesses);
        _grains.Set(GrainCounts.Containers);
        foreach (var gone in _lostByContainer.GetAllLabelValues().Where(labels => status.LostByContainer.All(lost => lost.ContainerId != labels[0])).ToList())
        {
            _lostByContainer.RemoveLabelled(gone);
        }

        foreach (var (container, loss) in status.LostByContainer)
        {
            _lostByContainer.WithLabels(container, Word.Of(loss.Kind), loss.Reason).IncTo(loss.Count);
        }

        foreach (var loss in status.Lost)
        {
            _lost.WithLabels(Word.Of(loss.Kind), loss.Reason).IncTo(loss.Count);
        }

        foreach (var alert in _alerts.Alerts)
        {
            _raised.WithLabels(alert.RuleId, Word.Of(alert.Severity)).IncTo(alert.Count);
        }

        foreach (var exported in _alerts.Exported)
        {
            _exported.WithLabels(exported.Exporter).IncTo(exported.Count);
        }

        foreach (var drop in _alerts.Dropped)
        {
            _dropped.WithLabels(drop.Exporter, drop.Reason).IncTo(drop.Count);
        }

        _kept.Set(_history.Count);
        UpdateRules(status.Outages);
        _bindingLoads.WithLabels("accepted").IncTo(_bindings.Accepted);
        _bindingLoads.WithLabels("refused").IncTo(_bindings.Refused);
        _bindingsValid.Set(_bindings.Refusal is null ? 1 : 0);
        _bindingsLoadedAt.Set(_bindings.Rules.InForce?.LoadedAt.ToUnixTimeMilliseconds() / 1000.0 ?? 0);
        var states = (await _containers.ListAsync()).CountBy(static container => container.ProfileState).ToDictionary();
        foreach (var state in Enum.GetValues<Core.Profiles.ProfileState>())
        {
            _watched.WithLabels(Word.Of(state)).Set(states.GetValueOrDefault(state));
        }
    }

    private void UpdateRules(IReadOnlyList<EventOutage> outages)
    {
        foreach (var rule in RuleCatalog.Descriptors)
        {
            var readiness = RuleReadiness.Of(rule, outages);
            _works.WithLabels(rule.Id).Set(readiness.Works ? 1 : 0);
            foreach (var outage in readiness.Missing)
            {
                _missing.WithLabels(rule.Id, Word.Of(outage.Kind)).Set(1);
            }
        }

        foreach (var (rule, count) in _rules.All)
        {
            if (rule != RuleCounters.NoRule)
            {
                _evaluations.WithLabels(rule).IncTo(count.Evaluations);
                _failures.WithLabels(rule).IncTo(count.Failures);
            }

            foreach (var (reason, suppressed) in Word.Counts<Suppression>(count.SuppressedFor))
            {
                _suppressed.WithLabels(rule, reason).IncTo(suppressed);
            }
        }

        _overflows.IncTo(_rules.FoldingOverflows);
    }
}
