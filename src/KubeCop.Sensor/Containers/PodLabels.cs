namespace KubeCop.Sensor.Containers;

/// <summary>The labels of a pod among those a runtime keeps for it.</summary>
internal static class PodLabels
{
    private const int MaxLabels = 256;

    // What Kubernetes allows: a prefix of 253, a slash, a name of 63; a value of 63. Whoever is past that is no Kubernetes.
    private const int MaxKey = 317;
    private const int MaxValue = 253;

    /// <summary>Without the kubelet's own, and without what cannot be a label.</summary>
    public static IReadOnlyDictionary<string, string> Of(IEnumerable<KeyValuePair<string, string?>> labels) => labels
        .Where(static label =>
            label is { Key.Length: > 0 and <= MaxKey, Value.Length: <= MaxValue } && !label.Key.StartsWith("io.kubernetes.", StringComparison.Ordinal))
        .OrderBy(static label => label.Key, StringComparer.Ordinal)
        .Take(MaxLabels)
        .ToDictionary(static label => label.Key, static label => label.Value!, StringComparer.Ordinal);
}
