namespace KubeCop.Grains.Abstractions.Namespaces;

/// <summary>Lists what exists in a namespace, key the namespace; <see cref="AllNamespaces"/> lists the namespaces themselves.</summary>
[Alias("kubecop.INamespaceIndexGrain")]
public interface INamespaceIndexGrain : IGrainWithStringKey
{
    /// <summary>The key of the index of namespaces; no namespace can have this name.</summary>
    const string AllNamespaces = "*";

    /// <summary>Adds a name durably; adding again is free.</summary>
    [Alias("Add")]
    Task AddAsync(string name);

    /// <summary>Takes a name out; when it is not there, that is free.</summary>
    [Alias("Remove")]
    Task RemoveAsync(string name);

    [Alias("List")]
    Task<IReadOnlyList<string>> ListAsync();
}
