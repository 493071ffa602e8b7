using System.Text.Json.Nodes;

namespace KubeCop.Testing.Kubernetes;

/// <summary>A Deployment with its ReplicaSet in an <see cref="ApiServer"/>, as the controllers of a cluster would have made them.</summary>
public sealed class EmulatedWorkload
{
    private readonly ApiServer _server;

    public EmulatedWorkload(ApiServer server, string name, string @namespace = "default")
    {
        (_server, Name, Namespace) = (server, name, @namespace);
        var deployment = _server.Apply(Owned("apps/v1", "Deployment", name, null));
        _server.Apply(Owned("apps/v1", "ReplicaSet", $"{name}-1", deployment));
    }

    public string Name { get; }

    public string Namespace { get; }

    /// <summary>Name of its ApplicationProfile.</summary>
    public string Profile => $"deployment-{Name}";

    /// <summary>Makes a pod of it that is scheduled to a node.</summary>
    /// <returns>Its name and uid.</returns>
    public (string Name, string Uid) Schedule(string node, string suffix, JsonObject? labels = null)
    {
        var pod = Owned("v1", "Pod", $"{Name}-1-{suffix}", _server.Get("replicasets.apps", Namespace, $"{Name}-1"));
        pod["metadata"]!["labels"] = labels ?? [];
        pod["spec"] = new JsonObject { ["nodeName"] = node, ["containers"] = new JsonArray(new JsonObject { ["name"] = "app", ["image"] = "app" }) };
        var made = _server.Apply(pod);
        return ((string)made["metadata"]!["name"]!, (string)made["metadata"]!["uid"]!);
    }

    private JsonObject Owned(string apiVersion, string kind, string name, JsonObject? owner)
    {
        var metadata = new JsonObject { ["name"] = name, ["namespace"] = Namespace };
        if (owner is not null)
        {
            metadata["ownerReferences"] = new JsonArray(new JsonObject
            {
                ["apiVersion"] = (string?)owner["apiVersion"],
                ["kind"] = (string?)owner["kind"],
                ["name"] = (string?)owner["metadata"]!["name"],
                ["uid"] = (string?)owner["metadata"]!["uid"],
                ["controller"] = true,
            });
        }

        return new JsonObject { ["apiVersion"] = apiVersion, ["kind"] = kind, ["metadata"] = metadata, ["spec"] = new JsonObject() };
    }
}
