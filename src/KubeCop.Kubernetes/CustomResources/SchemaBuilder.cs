using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using k8s.Models;

namespace KubeCop.Kubernetes.CustomResources;

/// <summary>
/// Makes the schema of a type, in the structural form that the API server asks for (Kubernetes documentation, "Specifying a structural
/// schema"): every field has a type, fields that are not in it are dropped.
/// </summary>
internal static class SchemaBuilder
{
    public static V1JSONSchemaProps Of(Type type)
    {
        var properties = type.GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(static property => property.CanWrite).ToList();
        var schema = new V1JSONSchemaProps
        {
            Type = "object",
            Description = DescriptionOf(type),
            Properties = properties.ToDictionary(NameOf, Of),
            Required = [.. properties.Where(static property => property.IsDefined(typeof(RequiredMemberAttribute))).Select(NameOf)],
            OneOf = type.GetCustomAttribute<ExactlyOneOfAttribute>() is { } choice
                ? [.. choice.Fields.Select(static field => new V1JSONSchemaProps { Required = [field] })]
                : null,
            XKubernetesValidations = [.. type.GetCustomAttributes<CelRuleAttribute>().Select(static cel => new V1ValidationRule { Rule = cel.Rule, Message = cel.Message })],
        };
        schema.Required = schema.Required.Count > 0 ? schema.Required : null;
        schema.XKubernetesValidations = schema.XKubernetesValidations.Count > 0 ? schema.XKubernetesValidations : null;
        return schema;
    }

    private static V1JSONSchemaProps Of(PropertyInfo property)
    {
        var isList = ElementOf(property.PropertyType) is not null;
        var schema = isList ? ListOf(property) : Of(property.PropertyType, property);
        schema.Description = DescriptionOf(property) ?? throw new InvalidOperationException($"{property.DeclaringType?.Name}.{property.Name} needs a description.");

        // Clients in Go write null for what they leave out.
        schema.Nullable = new NullabilityInfoContext().Create(property).WriteState == NullabilityState.Nullable ? true : null;
        return schema;
    }

    private static V1JSONSchemaProps ListOf(PropertyInfo property)
    {
        var element = Of(ElementOf(property.PropertyType)!, property);
        element.MaxLength = null;
        return new V1JSONSchemaProps
        {
            Type = "array",
            Items = element,
            MaxItems = property.GetCustomAttribute<MaxLengthAttribute>()?.Length,
            XKubernetesListType = property.IsDefined(typeof(ListKeyAttribute)) ? "map" : "atomic",
            XKubernetesListMapKeys = property.GetCustomAttribute<ListKeyAttribute>() is { } key ? [key.Field] : null,
        };
    }

    /// <param name="property">What limits the values of this type.</param>
    private static V1JSONSchemaProps Of(Type declared, PropertyInfo property)
    {
        var type = Nullable.GetUnderlyingType(declared) ?? declared;
        return type switch
        {
            _ when type == typeof(string) => new V1JSONSchemaProps
            {
                Type = "string",
                MinLength = property.GetCustomAttribute<MinLengthAttribute>()?.Length,
                MaxLength = property.GetCustomAttribute<MaxLengthAttribute>()?.Length,
                Pattern = property.GetCustomAttribute<RegularExpressionAttribute>()?.Pattern,
                EnumProperty = property.GetCustomAttribute<AllowedValuesAttribute>()?.Values,
            },
            _ when type == typeof(int) || type == typeof(long) => new V1JSONSchemaProps
            {
                Type = "integer",
                Format = type == typeof(int) ? "int32" : "int64",
                Minimum = property.GetCustomAttribute<RangeAttribute>() is { } range ? Convert.ToDouble(range.Minimum, null) : null,
                Maximum = property.GetCustomAttribute<RangeAttribute>() is { Maximum: < int.MaxValue and var maximum } ? Convert.ToDouble(maximum, null) : null,
            },
            _ when type == typeof(bool) => new V1JSONSchemaProps { Type = "boolean" },
            _ when type == typeof(DateTimeOffset) => new V1JSONSchemaProps { Type = "string", Format = "date-time" },
            _ when type == typeof(JsonObject) && property.IsDefined(typeof(AnyFieldsAttribute)) => new V1JSONSchemaProps { Type = "object", XKubernetesPreserveUnknownFields = true },
            _ when type == typeof(IReadOnlyDictionary<string, string>) => new V1JSONSchemaProps
            {
                Type = "object",
                AdditionalProperties = new V1JSONSchemaProps { Type = "string" },
            },
            _ when type.Namespace == typeof(SchemaBuilder).Namespace => Of(type),
            _ => throw new InvalidOperationException($"{property.DeclaringType?.Name}.{property.Name} is of a type that schemas have no word for: {type}."),
        };
    }

    private static string NameOf(PropertyInfo property) =>
        property.GetCustomAttribute<JsonPropertyNameAttribute>()?.Name ?? JsonNamingPolicy.CamelCase.ConvertName(property.Name);

    private static string? DescriptionOf(MemberInfo member) => member.GetCustomAttribute<DescriptionAttribute>()?.Description;

    private static Type? ElementOf(Type type) =>
        type.IsGenericType && type.GetGenericTypeDefinition() == typeof(IReadOnlyList<>) ? type.GetGenericArguments()[0] : null;
}
