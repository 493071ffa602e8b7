using System.Reflection;
using k8s;
using k8s.Models;

namespace KubeCop.Kubernetes.CustomResources;

/// <summary>Where objects of a custom resource live.</summary>
internal enum ResourceScope
{
    Namespaced,
    Cluster,
}

/// <summary>The custom resource definitions, made of the types. What is in the chart is what <c>kubecop crds</c> writes.</summary>
internal static class CustomResourceDefinitions
{
    public const string Group = "kubescape.io";
    public const string Version = "v1";

    /// <param name="bindings">KubeCop's chart has bindings in either scope.</param>
    public static IReadOnlyList<V1CustomResourceDefinition> All(ResourceScope bindings) =>
        [Define(typeof(ApplicationProfileResource), ResourceScope.Namespaced), Define(typeof(RuntimeRuleAlertBindingResource), bindings)];

    /// <summary>As YAML documents.</summary>
    public static string ToYaml(IEnumerable<V1CustomResourceDefinition> definitions) =>
        string.Concat(definitions.Select(static definition => $"---\n{KubernetesYaml.Serialize(definition).Trim()}\n"));

    private static V1CustomResourceDefinition Define(Type type, ResourceScope scope)
    {
        var resource = type.GetCustomAttribute<CustomResourceAttribute>() ?? throw new InvalidOperationException($"{type.Name} is no custom resource.");
        var schema = SchemaBuilder.Of(type);
        var hasStatus = schema.Properties.ContainsKey("status");
        foreach (var part in schema.Properties.Values)
        {
            part.Nullable = null;
        }

        // What every object has; the API server fills in what they are.
        schema.Properties["apiVersion"] = new V1JSONSchemaProps { Type = "string" };
        schema.Properties["kind"] = new V1JSONSchemaProps { Type = "string" };
        schema.Properties["metadata"] = new V1JSONSchemaProps { Type = "object" };
        return new V1CustomResourceDefinition
        {
            ApiVersion = "apiextensions.k8s.io/v1",
            Kind = "CustomResourceDefinition",
            Metadata = new V1ObjectMeta { Name = $"{resource.Plural}.{Group}" },
            Spec = new V1CustomResourceDefinitionSpec
            {
                Group = Group,
                Scope = scope.ToString(),
                Names = new V1CustomResourceDefinitionNames
                {
                    Kind = resource.Kind,
                    ListKind = $"{resource.Kind}List",
                    Plural = resource.Plural,
                    Singular = resource.Kind.ToLowerInvariant(),
                    ShortNames = resource.ShortNames,
                },
                Versions =
                [
                    new V1CustomResourceDefinitionVersion
                    {
                        Name = Version,
                        Served = true,
                        Storage = true,
                        Schema = new V1CustomResourceValidation { OpenAPIV3Schema = schema },
                        Subresources = hasStatus ? new V1CustomResourceSubresources { Status = new object() } : null,
                        AdditionalPrinterColumns =
                        [
                            .. type.GetCustomAttributes<PrinterColumnAttribute>().Select(static column => new V1CustomResourceColumnDefinition
                            {
                                Name = column.Name,
                                Type = column.Type,
                                JsonPath = column.Path,
                                Description = column.Description.Length > 0 ? column.Description : null,
                                Priority = column.IsWide ? 1 : null,
                            }),
                        ],
                    },
                ],
            },
        };
    }
}
