using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json.Nodes;

namespace KubeCop.Testing.Kubernetes;

/// <summary>What came of a write.</summary>
/// <param name="Value">The object as it is now.</param>
/// <param name="Dropped">Unknown fields, which the client is warned of.</param>
internal sealed record Written(StoredObject Value, bool IsNew, IReadOnlyList<string> Dropped);

/// <summary>
/// Creates, updates, patches and deletes. What controllers do in a cluster is done at once here, where clients rely on it: namespaces end
/// with what is in them, definitions are established. There is no kubelet, no garbage collector, and no controller of workloads.
/// </summary>
internal sealed partial class ResourceWriter(ObjectStore store, ResourceKinds kinds, Access access, TimeProvider clock)
{
    /// <summary>What etcd takes (<c>--max-request-bytes</c>).</summary>
    private const int LargestObject = 1_572_864;

    private const string SuffixLetters = "bcdfghjklmnpqrstvwxz2456789";

    /// <summary>A create request.</summary>
    public Written Create(ApiCall call, ResourceKind kind)
    {
        var body = Json.Parse(call.Body.Span);
        lock (store.Gate)
        {
            return Create(call, kind, body);
        }
    }

    /// <summary>An update request.</summary>
    public Written Update(ApiCall call, ResourceKind kind)
    {
        var body = Json.Parse(call.Body.Span);
        lock (store.Gate)
        {
            if (Find(call, kind) is { } before)
            {
                return Update(call, kind, before, body);
            }

            if (!kind.CreatesOnUpdate || call.Subresource.Length > 0)
            {
                throw ApiStatusException.NotFound(kind, call.Name);
            }

            access.Authorize(call, "create");
            return Create(call, kind, body);
        }
    }

    /// <summary>A patch request, of any type.</summary>
    public Written Patch(ApiCall call, ResourceKind kind)
    {
        if (call.ContentType == ResourcePatch.ApplyPatch)
        {
            return Apply(call, kind);
        }

        var patch = ResourcePatch.Parse(call, kind);
        lock (store.Gate)
        {
            var before = Find(call, kind) ?? throw ApiStatusException.NotFound(kind, call.Name);
            return Update(call, kind, before, patch(before.Value.Copy()));
        }
    }

    private StoredObject? Find(ApiCall call, ResourceKind kind) => store.Of(kind).Find(kind.IsNamespaced ? call.Namespace : "", call.Name);

    private Written Create(ApiCall call, ResourceKind kind, JsonObject body, Applied? applied = null)
    {
        CheckIdentity(call, kind, body);
        var metadata = body.Metadata();
        if (metadata.Text("resourceVersion") is { Length: > 0 })
        {
            throw new ApiStatusException(500, "", "resourceVersion should not be set on objects to be created");
        }

        if (metadata.Text("name").Length == 0 && metadata.Text("generateName") is { Length: > 0 } prefix)
        {
            metadata["name"] = prefix + RandomNumberGenerator.GetString(SuffixLetters, 5);
        }

        var name = metadata.Text("name");
        CheckNamespace(kind, call.Namespace, name);
        foreach (var field in (string[])["deletionTimestamp", "deletionGracePeriodSeconds", "managedFields", "selfLink"])
        {
            metadata.Remove(field);
        }

        metadata["uid"] = Guid.NewGuid().ToString();
        metadata["creationTimestamp"] = Now();
        metadata.SetOrRemove("generation", kind.HasGeneration ? JsonValue.Create(1L) : null);
        if (kind.HasStatus)
        {
            body.Remove("status");
        }

        Initialize(kind, body);
        var dropped = Validate(call, kind, body);
        EventRules.Check(kind, null, body);
        if (store.Of(kind).Find(kind.IsNamespaced ? call.Namespace : "", name) is not null)
        {
            throw ApiStatusException.AlreadyExists(kind, name);
        }

        Own(call, kind, null, body, applied);
        return new Written(Store(call, kind, body), IsNew: true, dropped);
    }

    private Written Update(ApiCall call, ResourceKind kind, StoredObject before, JsonObject after, Applied? applied = null)
    {
        CheckIdentity(call, kind, after);
        var (old, metadata) = (before.Value.Metadata(), after.Metadata());
        if (metadata.Text("uid") is { Length: > 0 } uid && uid != old.Text("uid"))
        {
            throw ApiStatusException.Conflict(kind, before.Name, $"Precondition failed: UID in precondition: {uid}, UID in object meta: {old.Text("uid")}");
        }

        CheckVersion(kind, before, metadata.Text("resourceVersion"));
        after = KeepWhatIsNotWritten(call, kind, before.Value, after);
        var dropped = Validate(call, kind, after);
        EventRules.Check(kind, before.Value, after);
        if (kind.HasGeneration && AsksForSomethingElse(before.Value, after))
        {
            after.Metadata()["generation"] = old.At("generation")!.GetValue<long>() + 1;
        }

        Own(call, kind, before.Value, after, applied);
        if (JsonNode.DeepEquals(before.Value, after))
        {
            return new Written(before, IsNew: false, dropped);
        }

        if (IsBeingDeleted(after) && Finalizers(after) is [] && !ReferenceEquals(kind, BuiltInKinds.Namespaces))
        {
            return new Written(call.IsDryRun ? before : Remove(kind, before), IsNew: false, dropped);
        }

        return new Written(Store(call, kind, after), IsNew: false, dropped);
    }

    private static void CheckVersion(ResourceKind kind, StoredObject before, string version)
    {
        if (version.Length == 0)
        {
            if (!kind.AllowsUnconditionalUpdate)
            {
                throw ApiStatusException.Invalid(kind, before.Name, ["metadata.resourceVersion: Invalid value: 0x0: must be specified for an update"]);
            }
        }
        else if (version != before.Version.ToString(CultureInfo.InvariantCulture))
        {
            throw ApiStatusException.Modified(kind, before.Name);
        }
    }

    /// <summary>What a write leaves as it was, whatever it says: status, or everything else at the subresource; and what the server alone writes.</summary>
    private static JsonObject KeepWhatIsNotWritten(ApiCall call, ResourceKind kind, JsonObject before, JsonObject after)
    {
        if (call.Subresource == "status")
        {
            var written = before.Copy();
            written.SetOrRemove("status", after["status"]);
            return written;
        }

        if (kind.HasStatus)
        {
            after.SetOrRemove("status", before["status"]);
        }

        foreach (var field in (string[])["uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation", "managedFields", "resourceVersion"])
        {
            after.Metadata().SetOrRemove(field, before.At("metadata", field));
        }

        return after;
    }

    /// <summary>Whether anything but metadata and status differs.</summary>
    private static bool AsksForSomethingElse(JsonObject before, JsonObject after) => before.Concat(after)
        .Select(static field => field.Key)
        .Any(field => field is not ("metadata" or "status") && !JsonNode.DeepEquals(before[field], after[field]));

    /// <returns>The fields that were dropped.</returns>
    private static IReadOnlyList<string> Validate(ApiCall call, ResourceKind kind, JsonObject value)
    {
        var name = value.Text("metadata", "name");
        if (name.Length == 0)
        {
            throw ApiStatusException.Invalid(kind, name, ["metadata.name: Required value: name or generateName is required"]);
        }

        if (!ObjectNames.IsName(name))
        {
            throw ApiStatusException.Invalid(kind, name, [$"metadata.name: Invalid value: \"{name}\": {ObjectNames.Rule}"]);
        }

        var dropped = new List<string>();
        var errors = StructuralSchema.Apply(kind.Schema, value, dropped);
        RefuseIfStrict(call, kind, dropped);
        if (errors.Count > 0)
        {
            throw kind.IsCustom
                ? ApiStatusException.Invalid(kind, name, errors)
                : ApiStatusException.BadRequest($"{kind.Kind} in version \"{kind.Version}\" cannot be handled as a {kind.Kind}: {errors[0]}");
        }

        return call.FieldValidation == "Ignore" ? [] : dropped;
    }

    private static void RefuseIfStrict(ApiCall call, ResourceKind kind, List<string> dropped)
    {
        if (dropped.Count > 0 && call.FieldValidation == "Strict")
        {
            var unknown = string.Join(", ", dropped.Select(static field => $"unknown field \"{field}\""));
            throw ApiStatusException.BadRequest($"{kind.Kind} in version \"{kind.Version}\" cannot be handled as a {kind.Kind}: strict decoding error: {unknown}");
        }
    }

    private static void CheckIdentity(ApiCall call, ResourceKind kind, JsonObject value)
    {
        var (apiVersion, type) = (value.Text("apiVersion"), value.Text("kind"));
        if ((apiVersion.Length == 0 || type.Length == 0) && kind.IsCustom)
        {
            throw ApiStatusException.BadRequest($"Object '{(type.Length == 0 ? "Kind" : "apiVersion")}' is missing in the body of the request");
        }

        if (apiVersion.Length > 0 && apiVersion != kind.ApiVersion)
        {
            throw ApiStatusException.BadRequest($"the API version in the data ({apiVersion}) does not match the expected API version ({kind.ApiVersion})");
        }

        if (type.Length > 0 && type != kind.Kind)
        {
            throw ApiStatusException.BadRequest($"the kind in the data ({type}) does not match the expected kind ({kind.Kind})");
        }

        (value["apiVersion"], value["kind"]) = (kind.ApiVersion, kind.Kind);
        var metadata = value.Metadata();
        if (call.Name.Length > 0 && metadata.Text("name") != call.Name)
        {
            throw ApiStatusException.BadRequest($"the name of the object ({metadata.Text("name")}) does not match the name on the URL ({call.Name})");
        }

        if (!kind.IsNamespaced)
        {
            metadata.Remove("namespace");
        }
        else if (metadata.Text("namespace") is { Length: > 0 } said && said != call.Namespace)
        {
            throw ApiStatusException.BadRequest("the namespace of the provided object does not match the namespace sent on the request");
        }
        else
        {
            metadata["namespace"] = call.Namespace;
        }
    }

    private void CheckNamespace(ResourceKind kind, string @namespace, string name)
    {
        if (!kind.IsNamespaced)
        {
            return;
        }

        var place = store.Of(BuiltInKinds.Namespaces).Find("", @namespace) ?? throw ApiStatusException.NotFound(BuiltInKinds.Namespaces, @namespace);
        if (IsBeingDeleted(place.Value))
        {
            throw ApiStatusException.NamespaceTerminating(kind, name, @namespace);
        }
    }

    /// <summary>What new objects of some kinds get from the server.</summary>
    private void Initialize(ResourceKind kind, JsonObject value)
    {
        if (ReferenceEquals(kind, BuiltInKinds.Namespaces))
        {
            var metadata = value.Metadata();
            metadata["labels"] ??= new JsonObject();
            metadata["labels"]!["kubernetes.io/metadata.name"] = metadata.Text("name");
            value["spec"] = new JsonObject { ["finalizers"] = new JsonArray("kubernetes") };
            value["status"] = new JsonObject { ["phase"] = "Active" };
        }
        else if (ReferenceEquals(kind, BuiltInKinds.Pods))
        {
            value["status"] = new JsonObject { ["phase"] = "Pending", ["qosClass"] = "BestEffort" };
        }
        else if (ReferenceEquals(kind, BuiltInKinds.Definitions))
        {
            ResourceKinds.Accept(value, Now());
        }
    }

    private StoredObject Store(ApiCall call, ResourceKind kind, JsonObject value)
    {
        if (Json.Serialize(value).Length > LargestObject)
        {
            throw new ApiStatusException(500, "", "etcdserver: request is too large");
        }

        if (call.IsDryRun)
        {
            return new StoredObject(value, store.Version);
        }

        if (ReferenceEquals(kind, BuiltInKinds.Definitions) && !IsBeingDeleted(value))
        {
            kinds.Define(value);
        }

        if (ReferenceEquals(kind, BuiltInKinds.NewEvents))
        {
            store.Put(BuiltInKinds.Events, EventRules.AsCore(value));
        }

        return store.Put(kind, value);
    }

    private static bool IsBeingDeleted(JsonObject value) => value.Text("metadata", "deletionTimestamp").Length > 0;

    private static IReadOnlyList<JsonNode?> Finalizers(JsonObject value) => value.At("metadata", "finalizers") is JsonArray finalizers ? [.. finalizers] : [];

    private string Now() => clock.GetUtcNow().ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture);
}
