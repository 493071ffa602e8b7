namespace KubeCop.Core.Workloads;

/// <summary>
/// The top owner whose containers share one profile: a Deployment, a CronJob, or, without Kubernetes, kind <c>Container</c> with the
/// runtime's container name in the runtime's namespace.
/// </summary>
[GenerateSerializer, Immutable, Alias("kubecop.WorkloadKey")]
public sealed record WorkloadKey([property: Id(0)] string Namespace, [property: Id(1)] string Kind, [property: Id(2)] string Name)
{
    // Kinds that own pods, and what KubeCop makes of containers outside of Kubernetes.
    private static readonly string[] Kinds = ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob", "Pod", "Node", "Container"];

    /// <summary>The key of the workload's grain, <c>namespace/kind/name</c>. Kubernetes names contain no slash; others have it escaped.</summary>
    public string GrainKey => $"{Escape(Namespace)}/{Escape(Kind)}/{Escape(Name)}";

    /// <summary>The name of its ApplicationProfile, <c>kind-name</c> in lower-case kind, as KubeCop names it.</summary>
    public string ProfileName => $"{Kind.ToLowerInvariant()}-{Name}";

    public override string ToString() => $"{Namespace}/{Kind}/{Name}";

    /// <summary>The workload whose profile has this name, as far as its kind is one of those that own pods; null else.</summary>
    public static WorkloadKey? OfProfile(string ns, string profileName) => Kinds
        .Where(kind => profileName.StartsWith($"{kind.ToLowerInvariant()}-", StringComparison.Ordinal) && profileName.Length > kind.Length + 1)
        .Select(kind => new WorkloadKey(ns, kind, profileName[(kind.Length + 1)..]))
        .FirstOrDefault();

    /// <exception cref="FormatException">The text is not <c>namespace/kind/name</c>.</exception>
    public static WorkloadKey Parse(string grainKey) =>
        grainKey.Split('/') is [var ns, var kind, var name]
            ? new WorkloadKey(Uri.UnescapeDataString(ns), Uri.UnescapeDataString(kind), Uri.UnescapeDataString(name))
            : throw new FormatException($"'{grainKey}' is not a workload key; expected namespace/kind/name.");

    private static string Escape(string part) => part.Replace("%", "%25", StringComparison.Ordinal).Replace("/", "%2F", StringComparison.Ordinal);
}
