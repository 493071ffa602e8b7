namespace KubeCop.Core.Bindings;

/// <summary>What a set of bindings may be. More is refused with an error that says so.</summary>
public static class BindingLimits
{
    /// <summary>Of all files together. A custom resource cannot have more than 1.5 MiB.</summary>
    public const int Bytes = 4 * 1024 * 1024;

    /// <summary>Of the names and labels of all namespaces, in characters. Kubernetes is made for 10 000 namespaces.</summary>
    public const int NamespaceBytes = 8 * 1024 * 1024;

    /// <summary>In a directory.</summary>
    public const int Files = 1000;

    /// <summary>Scalars, lists and maps of all files together; one that is used again by an alias counts again.</summary>
    public const int Values = 200_000;

    /// <summary>Lists and maps within each other.</summary>
    public const int Depth = 32;

    /// <summary>Errors that are kept; the rest is counted.</summary>
    public const int Errors = 100;
}
