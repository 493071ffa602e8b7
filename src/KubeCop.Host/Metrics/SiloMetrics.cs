using KubeCop.Host.Http;
using KubeCop.Host.Node;
using KubeCop.Host.Silo;
using KubeCop.Host.Tls;
using Prometheus;

namespace KubeCop.Host.Metrics;

/// <summary>How this node and its silo do.</summary>
internal sealed class SiloMetrics : IMetricSource
{
    private readonly NodeHealth _health;
    private readonly SiloHost _silo;
    private readonly Gauge _degraded;
    private readonly Gauge _state;
    private readonly Counter _changes;
    private readonly Gauge _silos;
    private readonly NodeCertificates _certificates;
    private readonly Gauge _certificateExpiry;

    public SiloMetrics(MetricCatalog catalog, NodeHealth health, SiloHost silo, NodeCertificates certificates)
    {
        (_health, _silo, _certificates) = (health, silo, certificates);
        var metrics = catalog.About("Node and silo");
        _degraded = metrics.Gauge(
            "kubecop_degraded",
            "1 for a part of the node that does less than it should, while the node detects; kubecop status says why.",
            MetricLabel.Like("part", string.Join(", ", NodeHealth.OwnParts) + ", or name of an exporter", "^[a-z][!-~]*$"));
        _state = metrics.Gauge(
            "kubecop_silo_state", "1 for where the node's silo stands: member of its cluster, alone, or changing from one to the other.", MetricLabel.Of<SiloState>("state"));
        _changes = metrics.Counter("kubecop_silo_changes_total", "Silos of this process that another one replaced.");
        _silos = metrics.Gauge("kubecop_cluster_silos", "Active silos of its cluster as this node's silo sees them, itself included; 0 while there is none.");
        _certificateExpiry = metrics.Gauge(
            "kubecop_certificate_expiry_timestamp_seconds", "When the certificate in use ends, in seconds since 1970.", MetricLabel.OneOf("part", NodeHealth.Cluster, NodeHealth.Endpoints));
    }

    public void Update()
    {
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
            _state.WithLabels(Word.Of(state)).Set(state == silo.State ? 1 : 0);
        }

        _changes.IncTo(silo.Changes);
        _silos.Set(_silo.CountSilos());
    }
}
