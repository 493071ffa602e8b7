using System.Text.Json.Nodes;

namespace KubeCop.Testing.Kubernetes;

/// <summary>Who writes fields: a client, by what it calls itself, and how it writes them.</summary>
/// <param name="Operation">Apply or Update.</param>
internal sealed record FieldManager(string Name, string Operation, string Subresource);

/// <summary>Who owns which fields of an object: <c>metadata.managedFields</c> (Kubernetes documentation, "Server-Side Apply").</summary>
internal sealed class ManagedFields
{
    private readonly Dictionary<FieldManager, (HashSet<string> Paths, string ApiVersion, string Time)> _managers = [];

    public static ManagedFields Read(JsonObject? value)
    {
        var fields = new ManagedFields();
        foreach (var entry in (value.At("metadata", "managedFields") as JsonArray ?? []).OfType<JsonObject>())
        {
            var paths = new HashSet<string>(StringComparer.Ordinal);
            ReadPaths(entry["fieldsV1"] as JsonObject ?? [], "", paths);
            fields._managers[new FieldManager(entry.Text("manager"), entry.Text("operation"), entry.Text("subresource"))] = (paths, entry.Text("apiVersion"), entry.Text("time"));
        }

        return fields;
    }

    public JsonArray ToJson() =>
    [
        .. _managers.OrderBy(static manager => manager.Key.Operation, StringComparer.Ordinal)
            .ThenBy(static manager => manager.Value.Time, StringComparer.Ordinal)
            .ThenBy(static manager => manager.Key.Name, StringComparer.Ordinal)
            .Select(static manager => ToJson(manager.Key, manager.Value)),
    ];

    /// <summary>What a manager applied last.</summary>
    public HashSet<string> OwnedBy(FieldManager manager) => _managers.TryGetValue(manager, out var owned) ? [.. owned.Paths] : [];

    /// <summary>Whatever others own, with what it is in.</summary>
    public HashSet<string> OwnedByOthers(FieldManager manager) => Fields.WithParents(_managers.Where(other => other.Key != manager).SelectMany(static other => other.Value.Paths));

    /// <summary>A manager that updates owns what it changes, and nobody owns what it takes away.</summary>
    public void Update(FieldManager manager, Dictionary<string, JsonNode?> before, Dictionary<string, JsonNode?> after, string apiVersion, string now)
    {
        var changed = Changed(before, after);
        Disown(before.Keys.Where(path => !after.ContainsKey(path)), except: null);
        Disown(changed, except: manager);
        if (changed.Count > 0)
        {
            Own(manager, [.. OwnedBy(manager), .. changed], apiVersion, now);
        }
    }

    /// <summary>A manager that applies owns what it applies, and with force takes it from those who had it otherwise.</summary>
    /// <exception cref="ApiStatusException">Without force: others own what it would change.</exception>
    public void Apply(FieldManager manager, HashSet<string> applied, bool force, Dictionary<string, JsonNode?> before, Dictionary<string, JsonNode?> after, string apiVersion, string now)
    {
        var changed = Changed(before, after);
        var wanted = changed.Where(applied.Contains).ToList();
        var conflicts = _managers.Where(other => other.Key != manager)
            .SelectMany(other => wanted.Where(other.Value.Paths.Contains).Select(path => (Owner: Describe(other.Key, other.Value), Path: Fields.ToText(path))))
            .ToList();
        if (conflicts.Count > 0 && !force)
        {
            throw Conflict(conflicts);
        }

        Disown(before.Keys.Where(path => !after.ContainsKey(path)), except: null);
        Disown(wanted, except: manager);
        var isSame = changed.Count == 0 && OwnedBy(manager).SetEquals(applied);
        if (!isSame)
        {
            Own(manager, applied, apiVersion, now);
        }
    }

    private static List<string> Changed(Dictionary<string, JsonNode?> before, Dictionary<string, JsonNode?> after) =>
        [.. after.Where(field => !before.TryGetValue(field.Key, out var old) || !JsonNode.DeepEquals(old, field.Value)).Select(static field => field.Key)];

    private void Own(FieldManager manager, HashSet<string> paths, string apiVersion, string now)
    {
        _managers.Remove(manager);
        if (paths.Count > 0)
        {
            _managers[manager] = (paths, apiVersion, now);
        }
    }

    private void Disown(IEnumerable<string> paths, FieldManager? except)
    {
        var lost = paths.ToList();
        foreach (var (manager, owned) in _managers.Where(other => other.Key != except).ToList())
        {
            owned.Paths.ExceptWith(lost);
            if (owned.Paths.Count == 0)
            {
                _managers.Remove(manager);
            }
        }
    }

    private static ApiStatusException Conflict(List<(string Owner, string Path)> conflicts)
    {
        var details = new JsonObject
        {
            ["causes"] = new JsonArray([.. conflicts.Select(static conflict => new JsonObject
            {
                ["reason"] = "FieldManagerConflict",
                ["message"] = $"conflict with {conflict.Owner}",
                ["field"] = conflict.Path,
            })]),
        };
        var message = conflicts is [var (owner, path)]
            ? $"Apply failed with 1 conflict: conflict with {owner}: {path}"
            : $"Apply failed with {conflicts.Count} conflicts: " + string.Join(
                '\n', conflicts.GroupBy(static conflict => conflict.Owner, static conflict => $"- {conflict.Path}").Select(static group => $"conflicts with {group.Key}:\n{string.Join('\n', group)}"));
        return new ApiStatusException(409, "Conflict", message, details);
    }

    private static string Describe(FieldManager manager, (HashSet<string> Paths, string ApiVersion, string Time) owned) => string.Concat(
        $"\"{manager.Name}\"",
        manager.Subresource.Length > 0 ? $" with subresource \"{manager.Subresource}\"" : "",
        manager.Operation == "Update" ? $" using {owned.ApiVersion} at {owned.Time}" : "");

    private static JsonObject ToJson(FieldManager manager, (HashSet<string> Paths, string ApiVersion, string Time) owned)
    {
        var entry = new JsonObject
        {
            ["manager"] = manager.Name,
            ["operation"] = manager.Operation,
            ["apiVersion"] = owned.ApiVersion,
            ["time"] = owned.Time,
            ["fieldsType"] = "FieldsV1",
            ["fieldsV1"] = ToJson(owned.Paths),
        };
        if (manager.Subresource.Length > 0)
        {
            entry["subresource"] = manager.Subresource;
        }

        return entry;
    }

    /// <summary>A set that has a path and others below it says so with a dot.</summary>
    private static JsonObject ToJson(HashSet<string> paths)
    {
        var root = new JsonObject();
        foreach (var path in paths.Order(StringComparer.Ordinal))
        {
            var (at, above) = (root, "");
            foreach (var element in path.Split(Fields.Separator))
            {
                if (paths.Contains(above))
                {
                    at["."] = new JsonObject();
                }

                if (at[element] is not JsonObject below)
                {
                    at[element] = below = [];
                }

                (at, above) = (below, above.Length == 0 ? element : $"{above}{Fields.Separator}{element}");
            }
        }

        return root;
    }

    private static void ReadPaths(JsonObject set, string path, HashSet<string> into)
    {
        foreach (var (element, below) in set)
        {
            if (element == ".")
            {
                into.Add(path);
                continue;
            }

            var deeper = path.Length == 0 ? element : $"{path}{Fields.Separator}{element}";
            if (below is JsonObject { Count: > 0 } more)
            {
                ReadPaths(more, deeper, into);
            }
            else
            {
                into.Add(deeper);
            }
        }
    }
}
