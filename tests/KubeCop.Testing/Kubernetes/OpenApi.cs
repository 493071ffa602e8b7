using System.Text.Json.Nodes;
using k8s.Models;

namespace KubeCop.Testing.Kubernetes;

/// <summary>
/// The OpenAPI v3 page of a group's version, as far as kubectl reads it: <c>explain</c> shows the schemas, and what writes looks whether a
/// patch has the parameter <c>fieldValidation</c>, to leave validation to the server.
/// </summary>
internal static class OpenApi
{
    private const string ObjectMeta = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";

    private static readonly string[] WriteParameters = ["dryRun", "fieldManager", "fieldValidation"];

    public static JsonObject Of(IReadOnlyList<ResourceKind> kinds)
    {
        var paths = new JsonObject();
        var schemas = new JsonObject { [ObjectMeta] = Json.Of(ModelSchema.Of(typeof(V1ObjectMeta))) };
        foreach (var kind in kinds)
        {
            var root = kind.Group.Length == 0 ? $"/api/{kind.Version}" : $"/apis/{kind.ApiVersion}";
            var collection = $"{root}{(kind.IsNamespaced ? "/namespaces/{namespace}" : "")}/{kind.Plural}";
            paths[collection] = new JsonObject { ["get"] = Operation(kind, "list", []), ["post"] = Operation(kind, "post", WriteParameters) };
            paths[$"{collection}/{{name}}"] = new JsonObject
            {
                ["get"] = Operation(kind, "get", []),
                ["put"] = Operation(kind, "put", WriteParameters),
                ["patch"] = Operation(kind, "patch", [.. WriteParameters, "force"]),
                ["delete"] = Operation(kind, "delete", ["dryRun"]),
            };
            schemas[NameOf(kind)] = Schema(kind);
        }

        return new JsonObject
        {
            ["openapi"] = "3.0.0",
            ["info"] = new JsonObject { ["title"] = "Kubernetes", ["version"] = "v1.36.0" },
            ["paths"] = paths,
            ["components"] = new JsonObject { ["schemas"] = schemas },
        };
    }

    private static string NameOf(ResourceKind kind) =>
        string.Join('.', kind.Group.Length == 0 ? ["io", "k8s", "api", "core"] : kind.Group.Split('.').Reverse()) + $".{kind.Version}.{kind.Kind}";

    private static JsonObject Operation(ResourceKind kind, string action, string[] parameters) => new()
    {
        ["parameters"] = new JsonArray([.. parameters.Select(static name => new JsonObject
        {
            ["name"] = name,
            ["in"] = "query",
            ["schema"] = new JsonObject { ["type"] = "string", ["uniqueItems"] = true },
        })]),
        ["responses"] = new JsonObject
        {
            ["200"] = new JsonObject
            {
                ["description"] = "OK",
                ["content"] = new JsonObject { ["application/json"] = new JsonObject { ["schema"] = new JsonObject { ["$ref"] = $"#/components/schemas/{NameOf(kind)}" } } },
            },
        },
        ["x-kubernetes-action"] = action,
        ["x-kubernetes-group-version-kind"] = GroupVersionKind(kind),
    };

    private static JsonObject Schema(ResourceKind kind)
    {
        var schema = Json.Of(kind.Schema);
        schema["properties"] ??= new JsonObject();
        schema["properties"]!["metadata"] = new JsonObject { ["$ref"] = $"#/components/schemas/{ObjectMeta}" };
        schema["x-kubernetes-group-version-kind"] = new JsonArray(GroupVersionKind(kind));
        return schema;
    }

    private static JsonObject GroupVersionKind(ResourceKind kind) => new() { ["group"] = kind.Group, ["version"] = kind.Version, ["kind"] = kind.Kind };
}
