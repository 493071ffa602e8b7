using System.Text.Json;
using System.Text.Json.Serialization;

namespace KubeCop.Kubernetes.Api;

/// <summary>JSON as the API server writes it.</summary>
internal static class ApiJson
{
    public static readonly JsonSerializerOptions Options = new(JsonSerializerDefaults.Web) { DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull };
}
