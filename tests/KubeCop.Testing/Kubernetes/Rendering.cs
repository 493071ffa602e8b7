using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;

namespace KubeCop.Testing.Kubernetes;

/// <summary>Makes the bodies of responses, in the representation that a call asks for.</summary>
internal sealed class Rendering(ApiCall call, ResourceKind kind, TimeProvider clock)
{
    private readonly Representation _representation = call.Representation;

    public byte[] Object(StoredObject stored) => _representation switch
    {
        { IsTable: true } => Json.Serialize(Table([stored], VersionOf(stored.Version))),
        { IsPartial: true } => Json.Serialize(ObjectTable.MetadataOf(stored)),
        _ => stored.Utf8,
    };

    public byte[] List(ListPage page)
    {
        var metadata = VersionOf(page.Version);
        if (page.Continue.Length > 0)
        {
            metadata["continue"] = page.Continue;
        }

        if (page.Remaining is { } remaining)
        {
            metadata["remainingItemCount"] = remaining;
        }

        if (_representation.IsTable)
        {
            return Json.Serialize(Table(page.Items, metadata));
        }

        var (listKind, apiVersion) = _representation.IsPartial ? ("PartialObjectMetadataList", ObjectTable.ApiVersion) : (kind.ListKind, kind.ApiVersion);
        var body = new MemoryStream();
        body.Write(Encoding.UTF8.GetBytes($"{{\"kind\":\"{listKind}\",\"apiVersion\":\"{apiVersion}\",\"metadata\":{metadata.ToJsonString()},\"items\":["));
        for (var index = 0; index < page.Items.Count; index++)
        {
            body.Write(index == 0 ? ""u8 : ","u8);
            body.Write(Object(page.Items[index]));
        }

        body.Write("]}"u8);
        return body.ToArray();
    }

    /// <summary>A line of a watch.</summary>
    /// <param name="type">What happened, as seen by this watch.</param>
    public byte[] Event(string type, Change change, StoredObject seen) =>
        _representation == Representation.Plain && type == change.Type && ReferenceEquals(seen, change.After) ? change.Line : Change.LineOf(type, Object(seen));

    public byte[] Added(StoredObject stored) => Change.LineOf("ADDED", Object(stored));

    /// <summary>The line that says how far a watch has seen.</summary>
    public byte[] Bookmark(long version)
    {
        var metadata = VersionOf(version);
        metadata["creationTimestamp"] = null;
        return Change.LineOf("BOOKMARK", Json.Serialize(_representation switch
        {
            { IsTable: true } => Table([], VersionOf(version)),
            { IsPartial: true } => new JsonObject { ["kind"] = "PartialObjectMetadata", ["apiVersion"] = ObjectTable.ApiVersion, ["metadata"] = metadata },
            _ => new JsonObject { ["kind"] = kind.Kind, ["apiVersion"] = kind.ApiVersion, ["metadata"] = metadata },
        }));
    }

    public static byte[] Error(ApiStatusException error) => Change.LineOf("ERROR", Json.Serialize(error.ToStatus()));

    private JsonObject Table(IReadOnlyList<StoredObject> rows, JsonObject metadata) => ObjectTable.Of(kind, rows, metadata, call.Text("includeObject"), clock.GetUtcNow());

    private static JsonObject VersionOf(long version) => new() { ["resourceVersion"] = version.ToString(CultureInfo.InvariantCulture) };
}
