namespace KubeCop.Core.Bindings;

/// <summary>The labels of namespaces, as the API server knows them. From any thread, without waiting.</summary>
public interface INamespaceLabels
{
    /// <summary>Greater whenever some namespace has other labels than before.</summary>
    long Version { get; }

    /// <summary>With <c>kubernetes.io/metadata.name</c>, which every namespace has.</summary>
    IReadOnlyDictionary<string, string> Of(string name);

    /// <summary>Ends when <see cref="Version"/> is greater than this one.</summary>
    Task ChangedAsync(long version, CancellationToken cancellationToken);
}

/// <summary>Without an API server nothing is known of a namespace but its name.</summary>
public sealed class NamespaceNames : INamespaceLabels
{
    /// <summary>The label Kubernetes gives every namespace.</summary>
    public const string NameLabel = "kubernetes.io/metadata.name";

    public long Version => 0;

    public IReadOnlyDictionary<string, string> Of(string name) => new Dictionary<string, string>(StringComparer.Ordinal) { [NameLabel] = name };

    public Task ChangedAsync(long version, CancellationToken cancellationToken) => Task.Delay(Timeout.Infinite, cancellationToken);
}
