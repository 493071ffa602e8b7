using System.Text.Json;
using System.Text.Json.Serialization;

namespace KubeCop.Kubernetes.Api;

/// <summary>JSON as the API server writes it.</summary>
internal static class ApiJson
{
    /// <summary>
    /// How deep objects may be nested. The API server's own limit is that of Go's reader (encoding/json, maxNestingDepth); with a smaller one a
    /// single object would make a list or a watch of all of them unreadable.
    /// </summary>
    public const int Depth = 10_000;

    public static readonly JsonSerializerOptions Options = new(JsonSerializerDefaults.Web)
    {
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        MaxDepth = Depth + 10,
    };

    /// <inheritdoc cref="Depth"/>
    public static readonly JsonDocumentOptions Document = new() { MaxDepth = Depth + 10 };

    /// <inheritdoc cref="Depth"/>
    public static readonly JsonWriterOptions Writer = new() { MaxDepth = Depth + 10 };
}
