using k8s.Models;
using KubeCop.Kubernetes.CustomResources;

namespace KubeCop.Tests.Kubernetes;

/// <summary>Definitions of somebody else that say nothing of what an object may have: the API server takes whatever it is given.</summary>
internal static class LooseDefinitions
{
    public static IReadOnlyList<V1CustomResourceDefinition> All => [.. CustomResourceDefinitions.All(ResourceScope.Cluster).Select(Loosen)];

    private static V1CustomResourceDefinition Loosen(V1CustomResourceDefinition definition)
    {
        foreach (var version in definition.Spec.Versions)
        {
            version.Schema.OpenAPIV3Schema = new V1JSONSchemaProps { Type = "object", XKubernetesPreserveUnknownFields = true };
        }

        return definition;
    }
}
