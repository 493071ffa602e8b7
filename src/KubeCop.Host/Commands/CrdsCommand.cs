using System.CommandLine;
using KubeCop.Kubernetes.CustomResources;

namespace KubeCop.Host.Commands;

/// <summary><c>kubecop crds</c>: the custom resource definitions; needs no cluster.</summary>
internal static class CrdsCommand
{
    public static Command Create()
    {
        var namespaced = new Option<bool>("--namespaced") { Description = "Bindings are of a namespace, instead of the whole cluster." };
        var command = new Command("crds", "Write the custom resource definitions as YAML, for kubectl apply -f -.") { namespaced };
        command.SetAction(result =>
            Console.Out.Write(CustomResourceDefinitions.ToYaml(CustomResourceDefinitions.All(result.GetValue(namespaced) ? ResourceScope.Namespaced : ResourceScope.Cluster))));
        return command;
    }
}
