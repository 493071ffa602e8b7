using System.Text.Json.Nodes;

namespace KubeCop.Testing.Kubernetes;

/// <content>Server-side apply (Kubernetes documentation, "Server-Side Apply").</content>
internal sealed partial class ResourceWriter
{
    /// <summary>A server-side apply: what the client wants of the object, of which it owns the fields.</summary>
    private Written Apply(ApiCall call, ResourceKind kind)
    {
        var config = Json.Parse(call.Body.Span);
        if (call.Text("fieldManager").Length == 0)
        {
            throw new ApiStatusException(422, "Invalid", "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch");
        }

        if (config.At("metadata", "managedFields") is not null)
        {
            throw ApiStatusException.BadRequest("metadata.managedFields must be nil");
        }

        // Before anything is counted as applied: fields that the kind does not have are nobody's.
        var pruned = config.Copy();
        var dropped = new List<string>();
        StructuralSchema.Apply(kind.Schema, pruned, dropped);
        RefuseIfStrict(call, kind, dropped);
        if (call.Subresource == "status")
        {
            pruned = new JsonObject { ["status"] = pruned["status"]?.DeepClone() };
        }
        else if (kind.HasStatus)
        {
            pruned.Remove("status");
        }

        var applied = new Applied([.. Fields.Of(kind.Schema, pruned).Keys], call.IsSet("force"));
        lock (store.Gate)
        {
            Written written;
            if (Find(call, kind) is { } before)
            {
                var merged = Fields.Merge(kind.Schema, before.Value, config)!.AsObject();
                RemoveWhatIsNoLongerApplied(call, before.Value, merged, applied);
                written = Update(call, kind, before, merged, applied);
            }
            else if (call.Subresource.Length > 0)
            {
                throw ApiStatusException.NotFound(kind, call.Name);
            }
            else
            {
                access.Authorize(call, "create");
                written = Create(call, kind, config, applied);
            }

            return written with { Dropped = call.FieldValidation == "Ignore" ? [] : dropped };
        }
    }

    private static void RemoveWhatIsNoLongerApplied(ApiCall call, JsonObject before, JsonObject merged, Applied applied)
    {
        var owners = ManagedFields.Read(before);
        var manager = ManagerOf(call, applied);
        var gone = Fields.WithParents(owners.OwnedBy(manager));
        gone.ExceptWith(Fields.WithParents(applied.Paths));
        gone.ExceptWith(owners.OwnedByOthers(manager));
        gone.Remove("f:metadata");

        // What is above goes first, and takes what is below along.
        foreach (var path in gone.Order(StringComparer.Ordinal))
        {
            Fields.Remove(merged, path);
        }
    }

    private static FieldManager ManagerOf(ApiCall call, Applied? applied) => new(call.FieldManager, applied is null ? "Update" : "Apply", call.Subresource);

    /// <summary>Writes down who owns the fields of the new state.</summary>
    private void Own(ApiCall call, ResourceKind kind, JsonObject? before, JsonObject after, Applied? applied)
    {
        var owners = ManagedFields.Read(before);
        var (old, @new) = (Fields.Of(kind.Schema, before ?? []), Fields.Of(kind.Schema, after));
        if (applied is null)
        {
            owners.Update(ManagerOf(call, applied), old, @new, kind.ApiVersion, Now());
        }
        else
        {
            owners.Apply(ManagerOf(call, applied), applied.Paths, applied.IsForced, old, @new, kind.ApiVersion, Now());
        }

        after.Metadata()["managedFields"] = owners.ToJson();
    }

    /// <param name="Paths">The fields that are applied.</param>
    private sealed record Applied(HashSet<string> Paths, bool IsForced);
}
