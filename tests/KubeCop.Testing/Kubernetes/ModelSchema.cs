using System.Collections;
using System.Reflection;
using System.Text.Json.Serialization;
using k8s.Models;

namespace KubeCop.Testing.Kubernetes;

/// <summary>
/// The schema of a built-in kind, made of the client library's type for it, which is made of the API's own description. Which fields are
/// required, and limits of values, are not in it.
/// </summary>
internal static class ModelSchema
{
    private static readonly V1JSONSchemaProps Anything = new() { Nullable = true, XKubernetesPreserveUnknownFields = true };

    /// <summary>The keys of the lists that Kubernetes merges by a key, by the type of their elements.</summary>
    private static readonly Dictionary<Type, string[]> ListKeys = new()
    {
        [typeof(V1Container)] = ["name"],
        [typeof(V1EnvVar)] = ["name"],
        [typeof(V1Volume)] = ["name"],
        [typeof(V1VolumeMount)] = ["mountPath"],
        [typeof(V1ContainerPort)] = ["containerPort", "protocol"],
        [typeof(V1OwnerReference)] = ["uid"],
        [typeof(V1PodCondition)] = ["type"],
        [typeof(V1DeploymentCondition)] = ["type"],
    };

    public static V1JSONSchemaProps Of(Type type) => Of(type, []);

    private static V1JSONSchemaProps Of(Type declared, HashSet<Type> above)
    {
        var type = Nullable.GetUnderlyingType(declared) ?? declared;
        if (type == typeof(string) || type == typeof(DateTime) || type == typeof(byte[]))
        {
            return Scalar("string");
        }

        if (type == typeof(bool))
        {
            return Scalar("boolean");
        }

        if (type == typeof(int) || type == typeof(long))
        {
            return Scalar("integer");
        }

        if (type == typeof(double))
        {
            return Scalar("number");
        }

        if (typeof(IDictionary).IsAssignableFrom(type) || (type.IsGenericType && type.GetGenericTypeDefinition() == typeof(IDictionary<,>)))
        {
            return new V1JSONSchemaProps { Type = "object", Nullable = true, AdditionalProperties = Of(type.GetGenericArguments()[1], above) };
        }

        if (type.IsGenericType && type.GetGenericTypeDefinition() == typeof(IList<>))
        {
            var element = type.GetGenericArguments()[0];
            var keys = ListKeys.GetValueOrDefault(element);
            return new V1JSONSchemaProps
            {
                Type = "array",
                Nullable = true,
                Items = Of(element, above),
                XKubernetesListType = keys is null ? "atomic" : "map",
                XKubernetesListMapKeys = keys,
            };
        }

        // Quantities and ports are numbers or words; a definition's schema has itself below it.
        return type.Namespace != typeof(V1Pod).Namespace || type == typeof(IntOrString) || type == typeof(ResourceQuantity) || type == typeof(V1JSONSchemaProps)
            ? Anything
            : OfModel(type, above);
    }

    private static V1JSONSchemaProps OfModel(Type type, HashSet<Type> above)
    {
        if (!above.Add(type))
        {
            return Anything;
        }

        var properties = type.GetProperties()
            .Where(static property => property.IsDefined(typeof(JsonPropertyNameAttribute)))
            .ToDictionary(static property => property.GetCustomAttribute<JsonPropertyNameAttribute>()!.Name, property => Of(property.PropertyType, above));
        above.Remove(type);
        if (type == typeof(V1ObjectMeta))
        {
            properties["finalizers"].XKubernetesListType = "set";
        }

        return new V1JSONSchemaProps { Type = "object", Nullable = true, Properties = properties };
    }

    private static V1JSONSchemaProps Scalar(string type) => new() { Type = type, Nullable = true };
}
