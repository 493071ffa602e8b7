using System.Text.Json.Nodes;

namespace KubeCop.Testing.Kubernetes;

/// <summary>
/// What the server says about itself to everyone with a token: its version, its health, its groups and resources, and their schemas. Discovery
/// is given a group at a time: clients that would rather have it all at once fall back to that.
/// </summary>
internal sealed class Discovery(ObjectStore store, ResourceKinds kinds)
{
    private const string Version = "v1.36.0";

    /// <returns>Null when nothing is at this path.</returns>
    public ApiAnswer? Answer(string path)
    {
        lock (store.Gate)
        {
            return path.Split('/', StringSplitOptions.RemoveEmptyEntries) switch
            {
                ["version"] => new ApiAnswer(200, new JsonObject
                {
                    ["major"] = "1",
                    ["minor"] = "36",
                    ["gitVersion"] = Version,
                    ["platform"] = "linux/amd64",
                }),
                ["healthz" or "livez" or "readyz"] => new ApiAnswer(200, "ok"u8.ToArray(), []) { ContentType = "text/plain; charset=utf-8" },
                ["api"] => new ApiAnswer(200, new JsonObject { ["kind"] = "APIVersions", ["versions"] = new JsonArray("v1") }),
                ["api", var version] => Resources("", version),
                ["apis"] => new ApiAnswer(200, new JsonObject { ["kind"] = "APIGroupList", ["apiVersion"] = "v1", ["groups"] = new JsonArray([.. Groups().Select(Group)]) }),
                ["apis", var group] => Groups().Contains(group) ? new ApiAnswer(200, Group(group)) : null,
                ["apis", var group, var version] => Resources(group, version),
                ["openapi", "v3"] => new ApiAnswer(200, new JsonObject
                {
                    ["paths"] = new JsonObject(kinds.All.Select(PathOf).Distinct().Select(static page =>
                        KeyValuePair.Create(page, (JsonNode?)new JsonObject { ["serverRelativeURL"] = $"/openapi/v3/{page}" }))),
                }),
                ["openapi", "v3", .. var page] => kinds.All.Where(kind => PathOf(kind) == string.Join('/', page)).ToList() is { Count: > 0 } served
                    ? new ApiAnswer(200, OpenApi.Of(served))
                    : null,
                _ => null,
            };
        }
    }

    private static string PathOf(ResourceKind kind) => kind.Group.Length == 0 ? $"api/{kind.Version}" : $"apis/{kind.ApiVersion}";

    private IEnumerable<string> Groups() => kinds.All.Select(static kind => kind.Group).Where(static group => group.Length > 0).Distinct();

    private JsonObject Group(string group)
    {
        var versions = kinds.All.Where(kind => kind.Group == group).Select(static kind => (kind.ApiVersion, kind.Version)).Distinct()
            .Select(static version => new JsonObject { ["groupVersion"] = version.ApiVersion, ["version"] = version.Version }).ToArray<JsonNode>();
        return new JsonObject
        {
            ["kind"] = "APIGroup",
            ["apiVersion"] = "v1",
            ["name"] = group,
            ["versions"] = new JsonArray(versions),
            ["preferredVersion"] = versions[0].DeepClone(),
        };
    }

    private ApiAnswer? Resources(string group, string version)
    {
        var served = kinds.All.Where(kind => kind.Group == group && kind.Version == version).ToList();
        return served.Count == 0 ? null : new ApiAnswer(200, new JsonObject
        {
            ["kind"] = "APIResourceList",
            ["apiVersion"] = "v1",
            ["groupVersion"] = served[0].ApiVersion,
            ["resources"] = new JsonArray([.. served.SelectMany(Resources)]),
        });
    }

    private static IEnumerable<JsonNode> Resources(ResourceKind kind)
    {
        yield return new JsonObject
        {
            ["name"] = kind.Plural,
            ["singularName"] = kind.Singular,
            ["namespaced"] = kind.IsNamespaced,
            ["kind"] = kind.Kind,
            ["verbs"] = kind.IsReview ? new JsonArray("create") : new JsonArray("create", "delete", "get", "list", "patch", "update", "watch"),
            ["shortNames"] = new JsonArray([.. kind.ShortNames.Select(static name => JsonValue.Create(name))]),
        };
        if (kind.HasStatus)
        {
            yield return new JsonObject
            {
                ["name"] = $"{kind.Plural}/status",
                ["singularName"] = "",
                ["namespaced"] = kind.IsNamespaced,
                ["kind"] = kind.Kind,
                ["verbs"] = new JsonArray("get", "patch", "update"),
            };
        }
    }
}
