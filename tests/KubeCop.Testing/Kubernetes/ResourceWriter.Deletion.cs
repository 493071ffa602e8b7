using System.Text.Json.Nodes;

namespace KubeCop.Testing.Kubernetes;

/// <content>How objects end.</content>
internal sealed partial class ResourceWriter
{
    /// <summary>A delete request.</summary>
    /// <returns>The object, and whether it is gone: finalizers, and what is in a namespace, keep it.</returns>
    public (StoredObject Value, bool IsGone) Delete(ApiCall call, ResourceKind kind)
    {
        var options = call.Body.IsEmpty ? [] : Json.Parse(call.Body.Span);
        lock (store.Gate)
        {
            var before = Find(call, kind) ?? throw ApiStatusException.NotFound(kind, call.Name);
            Check(kind, before, "UID", options.Text("preconditions", "uid"), before.Value.Text("metadata", "uid"));
            Check(kind, before, "ResourceVersion", options.Text("preconditions", "resourceVersion"), before.Value.Text("metadata", "resourceVersion"));
            if (call.IsDryRun || options["dryRun"] is JsonArray { Count: > 0 })
            {
                return (before, true);
            }

            return ReferenceEquals(kind, BuiltInKinds.Namespaces) ? DeleteNamespace(before) : Delete(kind, before);
        }

        static void Check(ResourceKind kind, StoredObject before, string what, string wanted, string found)
        {
            if (wanted.Length > 0 && wanted != found)
            {
                throw ApiStatusException.Conflict(
                    kind, before.Name, $"Precondition failed: {what} in precondition: {wanted}, {what} in object meta: {found}");
            }
        }
    }

    private (StoredObject Value, bool IsGone) Delete(ResourceKind kind, StoredObject before) => Finalizers(before.Value) is []
        ? (Remove(kind, before), true)
        : (IsBeingDeleted(before.Value) ? before : store.Put(kind, MarkDeleted(before.Value)), false);

    /// <summary>Takes away what is in it, then the namespace itself when nothing is left.</summary>
    private (StoredObject Value, bool IsGone) DeleteNamespace(StoredObject before)
    {
        var marked = before;
        if (!IsBeingDeleted(before.Value))
        {
            var value = MarkDeleted(before.Value);
            value["status"] = new JsonObject { ["phase"] = "Terminating" };
            marked = store.Put(BuiltInKinds.Namespaces, value);
        }

        foreach (var (kind, stored) in ContentsOf(before.Name).ToList())
        {
            // What another one of them took along is gone already.
            if (store.Of(kind).Find(stored.Namespace, stored.Name) is { } there)
            {
                Delete(kind, there);
            }
        }

        EndNamespace(before.Name);
        return (marked, false);
    }

    private StoredObject Remove(ResourceKind kind, StoredObject before)
    {
        var last = store.Remove(kind, before);
        if (ReferenceEquals(kind, BuiltInKinds.NewEvents) && store.Of(BuiltInKinds.Events).Find(before.Namespace, before.Name) is { } shown)
        {
            store.Remove(BuiltInKinds.Events, shown);
        }

        if (ReferenceEquals(kind, BuiltInKinds.Definitions) && kinds.Undefine(before.Value) is { } defined)
        {
            foreach (var stored in store.Of(defined).Objects.Values)
            {
                store.Remove(defined, stored);
            }

            store.Drop(defined);
        }

        EndNamespace(before.Namespace);
        return last;
    }

    private void EndNamespace(string name)
    {
        var @namespace = store.Of(BuiltInKinds.Namespaces).Find("", name);
        if (@namespace is not null && IsBeingDeleted(@namespace.Value) && !ContentsOf(name).Any())
        {
            store.Remove(BuiltInKinds.Namespaces, @namespace);
        }
    }

    private IEnumerable<(ResourceKind Kind, StoredObject Stored)> ContentsOf(string @namespace) => store.Tables
        .Where(static table => table.Kind.IsNamespaced)
        .SelectMany(table => table.Objects.Values.Where(stored => stored.Namespace == @namespace).Select(stored => (table.Kind, stored)));

    private JsonObject MarkDeleted(JsonObject before)
    {
        var value = before.Copy();
        value.Metadata()["deletionTimestamp"] = Now();
        value.Metadata()["deletionGracePeriodSeconds"] = 0;
        return value;
    }
}
