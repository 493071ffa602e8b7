using KubeCop.Core.Rules;
using KubeCop.Host.Http;
using KubeCop.Sensor;
using Prometheus;

namespace KubeCop.Host.Metrics;

/// <summary>What rules did, by rule, and what they did not get to see or to say.</summary>
internal sealed class RuleMetrics : IMetricSource
{
    private readonly RuleCounters _rules;
    private readonly ISensor _sensor;
    private readonly Gauge _works;
    private readonly Gauge _missing;
    private readonly Counter _evaluations;
    private readonly Counter _time;
    private readonly Counter _failures;
    private readonly Counter _suppressed;
    private readonly Counter _overflows;
    private readonly Counter _ofKubeCop;

    public RuleMetrics(MetricCatalog catalog, NodeRules rules, ISensor sensor)
    {
        (_rules, _sensor) = (rules.Counters, sensor);
        var metrics = catalog.About("Rules");
        _works = metrics.Gauge("kubecop_rule_works", "1 when the rule sees events on this node, 0 when the hooks of all its kinds are missing.", MetricLabel.Rule);
        _missing = metrics.Gauge(
            "kubecop_rule_missing_events", "1 for a kind of event that the rule looks at and does not see on this node, or not all of it.", MetricLabel.Rule, MetricLabel.Kind);
        _evaluations = metrics.Counter("kubecop_rule_evaluations_total", "Events the rule was asked about.", MetricLabel.Rule);
        _time = metrics.Counter(
            "kubecop_rule_evaluation_seconds_total",
            $"Time spent in the rule, estimated: of {RuleCount.TimedOneOf} evaluations of all rules one is timed, some 25 ns of the clock's own included, and stands for as many.",
            MetricLabel.Rule);
        _failures = metrics.Counter("kubecop_rule_failures_total", "Times the rule failed instead of judging.", MetricLabel.Rule);
        _suppressed = metrics.Counter(
            "kubecop_rule_suppressed_total",
            "What the rule found or could have found, and nobody heard of; rule_id is none where no rule is bound.",
            MetricLabel.Rule,
            MetricLabel.OneOf("reason", Enum.GetValues<Suppression>().Select(Word.OfReason)));
        _overflows = metrics.Counter(
            "kubecop_alert_folding_overflows_total", "Alerts whose repeats are not folded, because their container had too many folding windows open.");
        _ofKubeCop = catalog.About(KubeCopNames.Subject).Counter(
            "kubecop_rule_counter", "Times a rule was asked about an event of a kind that it looks at; see kubecop_rule_evaluations_total.");
    }

    public void Update()
    {
        var outages = _sensor.Outages;
        foreach (var rule in RuleCatalog.Descriptors)
        {
            var readiness = RuleReadiness.Of(rule, outages);
            _works.WithLabels(rule.Id).Set(readiness.Works ? 1 : 0);
            foreach (var outage in readiness.Missing)
            {
                _missing.WithLabels(rule.Id, Word.Of(outage.Kind)).Set(1);
            }
        }

        var evaluations = 0L;
        foreach (var (rule, count) in _rules.All)
        {
            if (rule != RuleCounters.NoRule)
            {
                _evaluations.WithLabels(rule).IncTo(count.Evaluations);
                _time.WithLabels(rule).IncTo(count.Time.TotalSeconds);
                _failures.WithLabels(rule).IncTo(count.Failures);
                evaluations += count.Evaluations;
            }

            foreach (var (reason, suppressed) in Word.Counts<Suppression>(count.SuppressedFor))
            {
                _suppressed.WithLabels(rule, reason).IncTo(suppressed);
            }
        }

        _overflows.IncTo(_rules.FoldingOverflows);
        _ofKubeCop.IncTo(evaluations);
    }
}
