using System.Text.Json;
using k8s;
using k8s.Models;

namespace KubeCop.Testing.Kubernetes;

/// <summary>Reads what the client library leaves as JSON in the schema of a definition, because it may be of several types.</summary>
internal static class DefinedSchema
{
    public static void Resolve(V1JSONSchemaProps schema)
    {
        schema.Items = SchemaIn(schema.Items);
        schema.AdditionalProperties = SchemaIn(schema.AdditionalProperties);
        schema.EnumProperty = schema.EnumProperty?.Select(static word => word is JsonElement { ValueKind: JsonValueKind.String } text ? text.GetString()! : word).ToList();
        foreach (var property in schema.Properties?.Values ?? [])
        {
            Resolve(property);
        }
    }

    private static V1JSONSchemaProps? SchemaIn(object? value)
    {
        var schema = value switch
        {
            V1JSONSchemaProps known => known,
            JsonElement { ValueKind: JsonValueKind.Object } json => KubernetesJson.Deserialize<V1JSONSchemaProps>(json.GetRawText()),
            JsonElement { ValueKind: JsonValueKind.True } => new V1JSONSchemaProps { XKubernetesPreserveUnknownFields = true },
            _ => null,
        };
        if (schema is not null)
        {
            Resolve(schema);
        }

        return schema;
    }
}
