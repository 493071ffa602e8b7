using System.Text.Json.Nodes;

namespace KubeCop.Testing.Kubernetes;

/// <summary>A response.</summary>
/// <param name="Warnings">For the <c>Warning</c> headers, which kubectl shows.</param>
internal sealed record ApiAnswer(int Code, byte[] Body, IReadOnlyList<string> Warnings)
{
    public string ContentType { get; init; } = "application/json";

    public int? RetryAfterSeconds { get; init; }

    public ApiAnswer(int code, JsonNode body)
        : this(code, Json.Serialize(body), [])
    {
    }

    /// <summary>Of a path that nothing is at.</summary>
    public static ApiAnswer NoPage { get; } = new(404, "404 page not found\n"u8.ToArray(), []) { ContentType = "text/plain; charset=utf-8" };
}

/// <summary>Answers requests for resources.</summary>
internal sealed class ResourceEndpoint(ObjectStore store, ResourceKinds kinds, Access access, ResourceReader reader, ResourceWriter writer, TimeProvider clock)
{
    /// <returns>The kind a call is about; null when the server has no such resource.</returns>
    /// <exception cref="ApiStatusException">The user may not do it, or the resource has no such method.</exception>
    public ResourceKind? Admit(ref ApiCall call, out Selectors selectors)
    {
        ResourceKind? kind;
        lock (store.Gate)
        {
            kind = kinds.Find(call.Group, call.Version, call.Resource);
        }

        selectors = Selectors.Parse(kind, call.Text("labelSelector"), call.Text("fieldSelector"));
        if (call.Verb is "list" or "watch" && call.Name.Length == 0)
        {
            call = call with { Name = selectors.Name };
        }

        access.Authorize(call);
        var isKnown = call.Subresource.Length == 0 || (call.Subresource == "status" && kind?.HasStatus is true);
        if (kind is null || !isKnown || (!kind.IsNamespaced && kind.Plural != "namespaces" && call.Namespace.Length > 0))
        {
            return null;
        }

        var isServed = call.Verb switch
        {
            not "create" when kind.IsReview => false,
            "list" or "watch" => call.Subresource.Length == 0,
            "create" => call.Name.Length == 0,
            "get" or "update" or "patch" => call.Name.Length > 0,
            "delete" => call.Subresource.Length == 0,
            _ => false,
        };
        var isPlaced = !kind.IsNamespaced || call.Namespace.Length > 0 || call.Verb is "list" or "watch";
        return isServed && isPlaced ? kind : throw ApiStatusException.MethodNotAllowed();
    }

    public ApiAnswer Answer(ApiCall call, ResourceKind kind, Selectors selectors)
    {
        var rendering = new Rendering(call, kind, clock);
        switch (call.Verb)
        {
            case "get":
                return new ApiAnswer(200, rendering.Object(reader.Get(call, kind)), []);
            case "list":
                return new ApiAnswer(200, rendering.List(reader.List(call, kind, selectors)), []);
            case "create":
                return Answer(rendering, writer.Create(call, kind));
            case "update":
                return Answer(rendering, writer.Update(call, kind));
            case "patch":
                return Answer(rendering, writer.Patch(call, kind));
            default:
                var (value, isGone) = writer.Delete(call, kind);
                return isGone && kind.Plural != "pods" ? new ApiAnswer(200, Deleted(kind, value)) : new ApiAnswer(200, rendering.Object(value), []);
        }
    }

    private static ApiAnswer Answer(Rendering rendering, Written written) => new(
        written.IsNew ? 201 : 200, rendering.Object(written.Value), [.. written.Dropped.Select(static field => $"unknown field \"{field}\"")]);

    private static JsonObject Deleted(ResourceKind kind, StoredObject value)
    {
        var details = ApiStatusException.Details(kind, value.Name);
        details["uid"] = value.Value.Text("metadata", "uid");
        return new JsonObject { ["kind"] = "Status", ["apiVersion"] = "v1", ["metadata"] = new JsonObject(), ["status"] = "Success", ["details"] = details };
    }
}
