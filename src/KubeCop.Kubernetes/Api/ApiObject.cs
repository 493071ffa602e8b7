using System.Text.Json;
using k8s.Models;

namespace KubeCop.Kubernetes.Api;

/// <summary>An object of any kind.</summary>
internal sealed record ApiObject
{
    public string ApiVersion { get; init; } = "";
    public string Kind { get; init; } = "";
    public V1ObjectMeta Metadata { get; init; } = new();

    /// <summary>Undefined when it has none, and where only metadata was asked for.</summary>
    public JsonElement Spec { get; init; }

    /// <inheritdoc cref="Spec"/>
    public JsonElement Status { get; init; }
}

/// <summary>A page of objects.</summary>
internal sealed record ApiList
{
    public V1ListMeta Metadata { get; init; } = new();
    public IReadOnlyList<ApiObject> Items { get; init; } = [];
}

/// <summary>Which objects: those of a kind, as far as selectors choose them.</summary>
/// <param name="Namespace">Null for all.</param>
/// <param name="FieldSelector">Empty for all.</param>
/// <param name="MetadataOnly">Without spec and status, which can be most of an object (Kubernetes: PartialObjectMetadata).</param>
internal sealed record ObjectSelection(ApiResource Resource, string? Namespace = null, string FieldSelector = "", bool MetadataOnly = false);
