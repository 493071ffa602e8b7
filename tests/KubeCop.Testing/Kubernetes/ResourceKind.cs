using k8s.Models;

namespace KubeCop.Testing.Kubernetes;

/// <summary>A kind of objects that the server has, in its only version.</summary>
/// <param name="Group">Empty for the core group.</param>
/// <param name="Plural">The resource, as in paths.</param>
/// <param name="Schema">What its objects may have. What is not in it is dropped.</param>
internal sealed record ResourceKind(string Group, string Version, string Plural, string Kind, bool IsNamespaced, V1JSONSchemaProps Schema)
{
    public string Singular { get; init; } = Kind.ToLowerInvariant();

    public string ListKind { get; init; } = $"{Kind}List";

    public IReadOnlyList<string> ShortNames { get; init; } = [];

    /// <summary>Whether status is a subresource: then it is written there alone.</summary>
    public bool HasStatus { get; init; }

    /// <summary>Whether metadata.generation counts what is asked for.</summary>
    public bool HasGeneration { get; init; }

    /// <summary>Whether a definition made it.</summary>
    public bool IsCustom { get; init; }

    /// <summary>Whether an update may leave out the version it is based on.</summary>
    public bool AllowsUnconditionalUpdate { get; init; }

    /// <summary>Whether an update of what is not there creates it.</summary>
    public bool CreatesOnUpdate { get; init; }

    /// <summary>Whether its objects are questions, which are created and answered at once and never kept.</summary>
    public bool IsReview { get; init; }

    /// <summary>What kubectl shows besides the name, of a definition.</summary>
    public IReadOnlyList<V1CustomResourceColumnDefinition> Columns { get; init; } = [];

    public string ApiVersion => Group.Length == 0 ? Version : $"{Group}/{Version}";

    /// <summary>The resource with its group, as messages name it.</summary>
    public string QualifiedName => Group.Length == 0 ? Plural : $"{Plural}.{Group}";

    /// <summary>What a definition defines. Of several versions the stored one is served.</summary>
    public static ResourceKind Of(V1CustomResourceDefinition definition)
    {
        var spec = definition.Spec;
        var version = spec.Versions.Single(static version => version.Storage);
        return new ResourceKind(spec.Group, version.Name, spec.Names.Plural, spec.Names.Kind, spec.Scope == "Namespaced", version.Schema.OpenAPIV3Schema)
        {
            Singular = spec.Names.Singular ?? spec.Names.Kind.ToLowerInvariant(),
            ListKind = spec.Names.ListKind ?? $"{spec.Names.Kind}List",
            ShortNames = [.. spec.Names.ShortNames ?? []],
            HasStatus = version.Subresources?.Status is not null,
            HasGeneration = true,
            IsCustom = true,
            Columns = [.. version.AdditionalPrinterColumns ?? []],
        };
    }
}
