using System.Globalization;
using System.Text.Json;
using KubeCop.Core.Bindings;

namespace KubeCop.Host.Bindings;

/// <summary>Reads a JSON text into a document, with the same bounds on what it may hold as files have.</summary>
internal static class JsonDocuments
{
    private static readonly JsonDocumentOptions Options = new() { MaxDepth = BindingLimits.Depth, AllowDuplicateProperties = false };

    /// <returns>The document, or the error that is in it.</returns>
    public static BindingInput Read(string source, string json)
    {
        try
        {
            using var document = JsonDocument.Parse(json, Options);
            var values = 0;
            return new BindingInput("", [new SourceDocument(source, Node(document.RootElement, ref values))], []);
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException or TooManyValuesException)
        {
            // Of these the second is what halves of surrogate pairs lead to.
            return new BindingInput("", [], [new BindingError(source, 0, "", "", $"it cannot be read: {exception.Message}")]);
        }
    }

    private static SourceNode Node(JsonElement element, ref int values)
    {
        if (++values > BindingLimits.Values)
        {
            throw new TooManyValuesException();
        }

        switch (element.ValueKind)
        {
            case JsonValueKind.Object:
                var fields = new List<SourceField>();
                foreach (var property in element.EnumerateObject())
                {
                    fields.Add(new SourceField(property.Name, 0, Node(property.Value, ref values)));
                }

                return new SourceMap(0, fields);
            case JsonValueKind.Array:
                var items = new List<SourceNode>();
                foreach (var item in element.EnumerateArray())
                {
                    items.Add(Node(item, ref values));
                }

                return new SourceList(0, items);
            case JsonValueKind.String:
                var text = element.GetString()!;
                return new SourceScalar(0, text, text);
            case JsonValueKind.Number:
                return new SourceScalar(0, element.GetRawText(), element.TryGetInt64(out var number) ? number : element.GetDouble());
            default:
                return new SourceScalar(0, element.GetRawText(), element.ValueKind == JsonValueKind.Null ? null : element.GetBoolean());
        }
    }

    private sealed class TooManyValuesException() : Exception(
        string.Create(CultureInfo.InvariantCulture, $"there are more than {BindingLimits.Values} values in it; split it, or bind rules by tags"));
}
