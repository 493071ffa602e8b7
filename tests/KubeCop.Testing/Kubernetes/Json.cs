using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using k8s;

namespace KubeCop.Testing.Kubernetes;

/// <summary>Reads, writes and walks objects of the API.</summary>
internal static class Json
{
    private static readonly JsonWriterOptions AsTheServerWrites = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    // The real server reads ten times as deep (encoding/json).
    private static readonly JsonDocumentOptions AsDeepAsNeeded = new() { MaxDepth = 1000 };

    public static byte[] Serialize(JsonNode node)
    {
        var buffer = new ArrayBufferWriter<byte>(512);
        using (var writer = new Utf8JsonWriter(buffer, AsTheServerWrites))
        {
            node.WriteTo(writer);
        }

        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>An object in JSON or YAML.</summary>
    /// <exception cref="ApiStatusException">It is neither, or no object.</exception>
    public static JsonObject Parse(ReadOnlySpan<byte> body) =>
        ParseAny(body) as JsonObject ?? throw ApiStatusException.BadRequest("couldn't get version/kind; json parse error: the body is no object");

    public static JsonNode? ParseAny(ReadOnlySpan<byte> body)
    {
        try
        {
            return body.TrimStart(" \t\r\n"u8) is [(byte)'{' or (byte)'[', ..] ? JsonNode.Parse(body, documentOptions: AsDeepAsNeeded) : FromYaml(Encoding.UTF8.GetString(body));
        }
        catch (Exception exception) when (exception is JsonException or YamlDotNet.Core.YamlException or ArgumentException)
        {
            throw ApiStatusException.BadRequest($"error decoding: {exception.Message}");
        }
    }

    public static JsonNode? FromYaml(string yaml) => JsonNode.Parse(KubernetesJson.Serialize(KubernetesYaml.Deserialize<object>(yaml)));

    /// <summary>What a model of the client library says, as JSON.</summary>
    public static JsonObject Of(object model) => JsonNode.Parse(KubernetesJson.Serialize(model))!.AsObject();

    public static JsonNode? At(this JsonObject? node, params ReadOnlySpan<string> path)
    {
        JsonNode? at = node;
        foreach (var field in path)
        {
            at = (at as JsonObject)?[field];
        }

        return at;
    }

    /// <summary>The string at a path; empty where there is none.</summary>
    public static string Text(this JsonObject? node, params ReadOnlySpan<string> path) => node.At(path).AsText();

    public static string AsText(this JsonNode? node) => node switch
    {
        null or JsonObject or JsonArray => "",
        _ when node.GetValueKind() == JsonValueKind.String => node.GetValue<string>(),
        _ => node.ToJsonString(),
    };

    /// <summary>The metadata of an object, which it gets if it has none.</summary>
    public static JsonObject Metadata(this JsonObject node)
    {
        if (node["metadata"] is not JsonObject metadata)
        {
            node["metadata"] = metadata = [];
        }

        return metadata;
    }

    public static JsonObject Copy(this JsonObject node) => node.DeepClone().AsObject();

    /// <summary>Sets a field, or removes it when there is nothing to set.</summary>
    public static void SetOrRemove(this JsonObject node, string field, JsonNode? value)
    {
        if (value is null)
        {
            node.Remove(field);
        }
        else
        {
            node[field] = value.DeepClone();
        }
    }
}
