using Orleans.Configuration;

namespace KubeCop.Kubernetes.Membership;

/// <summary>Where the membership table is. The cluster's id names it: two clusters in one namespace do not see each other.</summary>
internal sealed class KubernetesMembershipOptions
{
    private const string NamespaceFile = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";

    private static readonly TimeSpan ShortestPublishPeriod = TimeSpan.FromSeconds(30);

    /// <summary>
    /// The namespace of the ConfigMap and the Leases. Default: the pod's own, from <c>POD_NAMESPACE</c>, else from its service account; empty
    /// outside of a pod.
    /// </summary>
    public string Namespace { get; set; } = OwnNamespace();

    /// <summary>What is wrong, for people; null when nothing is.</summary>
    public static string? FindMistake(string @namespace, string clusterId) =>
        !IsLabel(@namespace) ? $"The namespace '{@namespace}' of the membership table is none; expected the one that kubecop's pods are in, which they find out by themselves."
        : !IsLabel(clusterId) ? $"The cluster id '{clusterId}' cannot be part of an object's name; expected at most 63 of a-z, 0-9 and -, none of them - at either end."
        : null;

    /// <summary>
    /// How often a silo is to say that it is alive, for how often it reads the table: 75 s for one minute, never below Orleans' default of 30 s.
    /// Who has not said it for three times this is stale to the others, who then all probe it. So a reading that is two refreshes old still
    /// has half a refresh left, and a cluster whose silos have all vanished is known to be gone (3 min 45 s) before one that joins gives up (5 min).
    /// </summary>
    public static TimeSpan PublishPeriodFor(TimeSpan refreshPeriod) =>
        refreshPeriod * 1.25 is var period && period > ShortestPublishPeriod ? period : ShortestPublishPeriod;

    /// <summary>The name of the ConfigMap. Must stay: silos of two versions have to find the same one.</summary>
    public static string TableNameOf(string clusterId) => $"{clusterId}-membership";

    /// <summary>The pod's; empty outside of one.</summary>
    public static string OwnNamespace() => Environment.GetEnvironmentVariable("POD_NAMESPACE") is { Length: > 0 } given ? given
        : File.Exists(NamespaceFile) ? File.ReadAllText(NamespaceFile).Trim()
        : "";

    internal static void UseDefaults(ClusterMembershipOptions options) => options.IAmAliveTablePublishTimeout = PublishPeriodFor(options.TableRefreshTimeout);

    /// <summary>A DNS label (RFC 1123), which is also a value of a label.</summary>
    private static bool IsLabel(string text) =>
        text.Length is > 0 and <= 63 && text[0] != '-' && text[^1] != '-' && text.All(static c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-');
}
