using System.Diagnostics.Metrics;

namespace KubeCop.Kubernetes.Api;

internal static class ApiInstruments
{
    private static readonly Meter Meter = new("KubeCop");

    private static readonly Counter<long> Requests = Meter.CreateCounter<long>(
        "kubecop.api.requests", "{requests}", "Requests to the API server, by verb and resource as RBAC names them and by HTTP code; 0 when there was no answer.");

    public static void CountRequest(string verb, string resource, int code) => Requests.Add(
        1, new KeyValuePair<string, object?>("verb", verb), new KeyValuePair<string, object?>("resource", resource), new KeyValuePair<string, object?>("code", code));
}
