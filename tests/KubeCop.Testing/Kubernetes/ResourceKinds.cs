using System.Text.Json.Nodes;
using k8s;
using k8s.Models;

namespace KubeCop.Testing.Kubernetes;

/// <summary>The kinds that are served: the built-in ones, and what definitions define. Used under the store's gate.</summary>
internal sealed class ResourceKinds
{
    private readonly Dictionary<(string Group, string Version, string Plural), ResourceKind> _kinds =
        BuiltInKinds.All.ToDictionary(static kind => (kind.Group, kind.Version, kind.Plural));

    public IEnumerable<ResourceKind> All => _kinds.Values;

    public ResourceKind? Find(string group, string version, string plural) => _kinds.GetValueOrDefault((group, version, plural));

    public ResourceKind? FindByKind(string apiVersion, string kind) => _kinds.Values.FirstOrDefault(known => known.ApiVersion == apiVersion && known.Kind == kind);

    /// <summary>Serves what a definition defines, instead of what it defined before.</summary>
    public void Define(JsonObject definition)
    {
        Undefine(definition);
        var kind = Read(definition);
        _kinds[(kind.Group, kind.Version, kind.Plural)] = kind;
    }

    /// <returns>The kind that is no longer served.</returns>
    public ResourceKind? Undefine(JsonObject definition)
    {
        var name = definition.Text("metadata", "name");
        var kind = _kinds.Values.FirstOrDefault(kind => kind.IsCustom && kind.QualifiedName == name);
        if (kind is not null)
        {
            _kinds.Remove((kind.Group, kind.Version, kind.Plural));
        }

        return kind;
    }

    /// <summary>What the controllers of definitions write into their status.</summary>
    public static void Accept(JsonObject definition, string now)
    {
        var kind = Read(definition);
        definition["status"] = new JsonObject
        {
            ["acceptedNames"] = definition.At("spec", "names")!.DeepClone(),
            ["conditions"] = new JsonArray(
                Condition("NamesAccepted", "NoConflicts", "no conflicts found"),
                Condition("Established", "InitialNamesAccepted", "the initial names have been accepted")),
            ["storedVersions"] = new JsonArray(kind.Version),
        };

        JsonObject Condition(string type, string reason, string message) => new()
        {
            ["type"] = type,
            ["status"] = "True",
            ["lastTransitionTime"] = now,
            ["reason"] = reason,
            ["message"] = message,
        };
    }

    private static ResourceKind Read(JsonObject definition)
    {
        var model = KubernetesJson.Deserialize<V1CustomResourceDefinition>(definition.ToJsonString());
        foreach (var version in model.Spec?.Versions ?? [])
        {
            DefinedSchema.Resolve(version.Schema.OpenAPIV3Schema);
        }

        return model.Metadata.Name == $"{model.Spec?.Names?.Plural}.{model.Spec?.Group}"
            ? ResourceKind.Of(model)
            : throw ApiStatusException.Invalid(BuiltInKinds.Definitions, model.Metadata.Name, ["metadata.name: Invalid value: must be spec.names.plural+\".\"+spec.group"]);
    }
}
