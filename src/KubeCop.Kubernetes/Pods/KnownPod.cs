namespace KubeCop.Kubernetes.Pods;

/// <summary>What is known of a pod.</summary>
/// <param name="Uid">As its containers' runtime has it.</param>
/// <param name="Workload">Null until its owner is known.</param>
internal sealed record KnownPod(string Uid, string Namespace, string Name, IReadOnlyDictionary<string, string> Labels, Workload? Workload)
{
    /// <summary>
    /// All three: the uid of a static pod is what its mirror pod says in an annotation, and anybody who may make pods may say so of another one's.
    /// </summary>
    public PodKey Key => new(Uid, Namespace, Name);

    /// <summary>Since when it is not there any more; null while it is.</summary>
    public DateTimeOffset? GoneAt { get; init; }

    /// <summary>Whether somebody who asks for a container of it gets the same answer.</summary>
    public bool TellsTheSameAs(KnownPod other) =>
        Workload == other.Workload && Labels.Count == other.Labels.Count
        && Labels.All(label => other.Labels.TryGetValue(label.Key, out var value) && value == label.Value);
}

/// <summary>Which pod it is.</summary>
internal readonly record struct PodKey(string Uid, string Namespace, string Name);
