using KubeCop.Exporters.Delivery;
using KubeCop.Host.Bindings;
using KubeCop.Host.Http;
using KubeCop.Host.Silo;
using KubeCop.Host.Tls;
using KubeCop.Kubernetes.Pods;
using KubeCop.Kubernetes.Profiles;
using KubeCop.Sensor;
using KubeCop.Sensor.Journal;
using KubeCop.Storage;

namespace KubeCop.Host.Node;

/// <summary>A part of this node that does less than it should, while the rest goes on.</summary>
/// <param name="Part">sensor, privileges, journal, storage, bindings, cluster, endpoints, kubernetes, or the exporter's name.</param>
/// <param name="Reason">For people: what does not work, why, and what to do.</param>
internal sealed record Degradation(string Part, string Reason);

/// <summary>What of this node does not work as it should now. None of it makes the node unready: it still detects.</summary>
internal sealed class NodeHealth(
    ISensor sensor,
    ProcessPrivileges privileges,
    BehaviourJournal journal,
    StorageHealth storage,
    NodeBindings bindings,
    AlertDispatcher alerts,
    SiloHost silo,
    NodeCertificates certificates,
    PeerRefusals refusals,
    PodWatch? pods = null,
    ProfileMirror? mirror = null)
{
    public const string Sensor = "sensor";
    public const string Privileges = "privileges";
    public const string Journal = "journal";
    public const string Storage = "storage";
    public const string Bindings = "bindings";
    public const string Cluster = "cluster";
    public const string Endpoints = "endpoints";
    public const string Kubernetes = "kubernetes";

    /// <summary>Named at a time; the log has all.</summary>
    private const int MostRefusals = 5;

    /// <summary>Those there always are.</summary>
    public static IReadOnlyList<string> OwnParts { get; } = [Sensor, Privileges, Journal, Storage, Bindings, Cluster, Endpoints, Kubernetes];

    /// <summary>Every part there is: the values of a label.</summary>
    public IReadOnlyList<string> Parts => [.. OwnParts, .. alerts.Exporters.Select(static exporter => exporter.Name)];

    public IReadOnlyList<Degradation> GetDegradations() =>
    [
        .. sensor.Outages.Select(static outage => new Degradation(
            Sensor, $"{(outage.IsTotal ? "No" : "Not all")} {Word.Of(outage.Kind)} events are seen: {outage.Reason}")),
        .. privileges.Status.Failure is { Length: > 0 } powers
            ? [new Degradation(Privileges, $"The process goes on with capabilities that it does not need: {powers}")]
            : Array.Empty<Degradation>(),
        .. journal.GetStatus().Error is { } error ? [new Degradation(Journal, error)] : Array.Empty<Degradation>(),
        .. storage.Error is { } failure
            ? [new Degradation(Storage, $"What is learned is not stored, only kept in memory and in the journal: {failure}")]
            : Array.Empty<Degradation>(),
        .. bindings.Refusal is { } refusal
            ? [new Degradation(Bindings, $"{(refusal.IsWhole ? "The newest bindings are refused, those of before are in force" : "Not all bindings are in force as they are")}: {refusal.Errors[0]}")]
            : Array.Empty<Degradation>(),
        .. bindings.Policy is { Failure: { } unseen } policy
            ? [new Degradation(Bindings, $"Changes of the bindings in the API server are not seen; {policy.Holding}: {unseen}")]
            : Array.Empty<Degradation>(),
        .. silo.Status is { State: not SiloState.Member, Reason: { Length: > 0 } reason }
            ? [new Degradation(Cluster, $"This node goes on alone, by the profiles it knows, until it can join its cluster: {reason}")]
            : Array.Empty<Degradation>(),
        .. refusals.Current.Take(MostRefusals).Select(static refused => new Degradation(Cluster, $"Two silos are not connected: {refused}")),
        .. certificates.All.Where(static certificate => certificate.Fault is not null).Select(static certificate => new Degradation(certificate.Part, certificate.Fault!)),
        .. pods?.Failure is { } unknown
            ? [new Degradation(Kubernetes, $"New pods, or the workloads they belong to, are not known; their containers are judged by signatures: {unknown}")]
            : Array.Empty<Degradation>(),
        .. mirror?.Failure is { } unshown
            ? [new Degradation(Kubernetes, $"ApplicationProfiles do not show what is learned, and changes of them are not in force: {unshown}")]
            : Array.Empty<Degradation>(),
        .. alerts.Failing.Select(static failing => new Degradation(failing.Exporter, failing.Reason)),
    ];
}
