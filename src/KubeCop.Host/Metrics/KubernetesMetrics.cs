using KubeCop.Kubernetes.Profiles;
using Prometheus;

namespace KubeCop.Host.Metrics;

/// <summary>What is asked of the API server, and told by it.</summary>
internal sealed class KubernetesMetrics : IMetricSource, IDisposable
{
    private readonly InstrumentListener _instruments = new("KubeCop");
    private readonly ProfileObjects? _objects;
    private readonly Counter _created;
    private readonly Counter _updated;
    private readonly Counter _deleted;

    /// <param name="objects">Null without an API server.</param>
    public KubernetesMetrics(MetricCatalog catalog, ProfileObjects? objects = null)
    {
        _objects = objects;
        var verb = MetricLabel.OneOf("verb", "get", "list", "watch", "create", "patch", "delete");
        var resource = MetricLabel.Like("resource", "kind of object, as roles name it", "^[a-z]{1,40}(/[a-z]{1,20})?$");
        var code = MetricLabel.Like("code", "of HTTP; 0 when there was no answer", "^([1-5][0-9][0-9]|0)$");
        _instruments.Publish(
            "kubecop.api.requests",
            catalog.About("API server").Counter("kubecop_api_requests_total", "Requests to the API server.", verb, resource, code),
            unit: 1,
            ("verb", verb),
            ("resource", resource),
            ("code", code));
        _instruments.Start();

        var names = catalog.About(KubeCopNames.Subject);
        const string Watched = "as far as this node watched them: one does so for its cluster, and what was there before is not counted.";
        _created = names.Counter("kubecop_application_profile_create_counter", $"ApplicationProfile objects that were created, {Watched}");
        _updated = names.Counter("kubecop_application_profile_update_counter", $"Changes of ApplicationProfile objects, KubeCop's own included, {Watched}");
        _deleted = names.Counter("kubecop_application_profile_delete_counter", $"ApplicationProfile objects that were deleted, {Watched}");
    }

    public void Update()
    {
        _instruments.Observe();
        _created.IncTo(_objects?.Created ?? 0);
        _updated.IncTo(_objects?.Updated ?? 0);
        _deleted.IncTo(_objects?.Deleted ?? 0);
    }

    public void Dispose() => _instruments.Dispose();
}
