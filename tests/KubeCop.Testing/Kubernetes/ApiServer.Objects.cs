using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;

namespace KubeCop.Testing.Kubernetes;

/// <content>What tests do themselves, as the administrator, on the path that requests take.</content>
public sealed partial class ApiServer
{
    /// <summary>Creates an object, or replaces what it was; with its status, where it has one.</summary>
    /// <returns>The object as it is now.</returns>
    /// <exception cref="InvalidOperationException">It was refused; the message says why.</exception>
    public JsonObject Apply(JsonObject value)
    {
        var kind = KindOf(value);
        var (place, name) = (PlaceOf(value, kind), value.Text("metadata", "name"));
        var version = Find(kind, place, name).Text("metadata", "resourceVersion");
        var wanted = value.Copy();
        wanted.Metadata().SetOrRemove("resourceVersion", version.Length > 0 ? JsonValue.Create(version) : null);
        var stored = version.Length > 0 ? Execute("PUT", PathOf(kind, place, name), wanted) : Execute("POST", PathOf(kind, place), wanted);
        if (value["status"] is not { } status || !kind.HasStatus)
        {
            return stored;
        }

        stored["status"] = status.DeepClone();
        return Execute("PUT", $"{PathOf(kind, place, stored.Text("metadata", "name"))}/status", stored);
    }

    /// <summary>Each object of a YAML file.</summary>
    /// <returns>The last of them.</returns>
    /// <inheritdoc cref="Apply(JsonObject)"/>
    public JsonObject Apply(string yaml) => YamlText.Documents(yaml).Select(Apply).ToList()[^1];

    /// <param name="resource">The plural, with its group: <c>pods</c>, <c>applicationprofiles.kubescape.io</c>.</param>
    /// <param name="namespace">Empty for kinds of the cluster.</param>
    /// <returns>A copy; null when there is none.</returns>
    public JsonObject? Get(string resource, string @namespace, string name) => Find(KindOf(resource), @namespace, name);

    /// <returns>Copies of all objects of a kind, in all namespaces.</returns>
    public IReadOnlyList<JsonObject> Objects(string resource)
    {
        var kind = KindOf(resource);
        return [.. Execute("GET", PathOf(kind, ""), null)["items"]!.AsArray().Select(static item => item!.AsObject().Copy())];
    }

    /// <exception cref="InvalidOperationException">It was refused, or there is none.</exception>
    public void Delete(string resource, string @namespace, string name)
    {
        var kind = KindOf(resource);
        Execute("DELETE", PathOf(kind, @namespace, name), null);
    }

    private JsonObject? Find(ResourceKind kind, string place, string name)
    {
        lock (_store.Gate)
        {
            return _store.Of(kind).Find(place, name)?.Value.Copy();
        }
    }

    private JsonObject Execute(string method, string path, JsonObject? body)
    {
        var call = ApiCall.Parse(method, path, QueryCollection.Empty)!;
        try
        {
            var answer = Execute(call with { User = Admin, Body = body is null ? default : Json.Serialize(body), UserAgent = "test" });
            return Json.Parse(answer.Body);
        }
        catch (ApiStatusException refusal)
        {
            throw new InvalidOperationException($"{method} {path}: {refusal.Message}", refusal);
        }
    }

    private ResourceKind KindOf(JsonObject value)
    {
        var (apiVersion, kind) = (value.Text("apiVersion"), value.Text("kind"));
        lock (_store.Gate)
        {
            return _kinds.FindByKind(apiVersion, kind) ?? throw new InvalidOperationException($"The server has no {kind} in {apiVersion}.");
        }
    }

    private ResourceKind KindOf(string resource)
    {
        lock (_store.Gate)
        {
            return _kinds.All.FirstOrDefault(kind => kind.QualifiedName == resource) ?? throw new InvalidOperationException($"The server has no {resource}.");
        }
    }

    private static string PlaceOf(JsonObject value, ResourceKind kind) =>
        !kind.IsNamespaced ? "" : value.Text("metadata", "namespace") is { Length: > 0 } said ? said : "default";

    private static string PathOf(ResourceKind kind, string place, string name = "") => string.Concat(
        kind.Group.Length == 0 ? $"/api/{kind.Version}" : $"/apis/{kind.Group}/{kind.Version}",
        place.Length > 0 ? $"/namespaces/{place}" : "",
        $"/{kind.Plural}",
        name.Length > 0 ? $"/{name}" : "");
}
