using System.Globalization;
using Microsoft.AspNetCore.Http;

namespace KubeCop.Testing.Kubernetes;

/// <summary>A request, as the server's authorization sees it (<c>RequestInfo</c> of k8s.io/apiserver).</summary>
internal sealed record ApiCall
{
    /// <summary>Empty while nobody is known to ask.</summary>
    public string User { get; init; } = "";

    /// <summary>get, list, watch, create, update, patch, delete or deletecollection.</summary>
    public required string Verb { get; init; }

    /// <summary>Empty for the core group.</summary>
    public required string Group { get; init; }

    public required string Version { get; init; }

    public required string Resource { get; init; }

    /// <summary>Empty at the cluster scope and over all namespaces.</summary>
    public string Namespace { get; init; } = "";

    /// <summary>Empty for a collection.</summary>
    public string Name { get; init; } = "";

    public string Subresource { get; init; } = "";

    public IQueryCollection Query { get; init; } = QueryCollection.Empty;

    /// <summary>The media type of the body.</summary>
    public string ContentType { get; init; } = "application/json";

    public ReadOnlyMemory<byte> Body { get; init; }

    public Representation Representation { get; init; } = Representation.Plain;

    /// <summary>What the client calls itself: the field manager of those that name none.</summary>
    public string UserAgent { get; init; } = "";

    public string ResourceAndSubresource => Subresource.Length == 0 ? Resource : $"{Resource}/{Subresource}";

    public ApiRequest Request => new(User, Verb, Group.Length == 0 ? Resource : $"{Resource}.{Group}", Subresource, Namespace, Name);

    public bool IsDryRun => Text("dryRun") == "All";

    /// <summary>Strict, Warn or Ignore: what is done about unknown fields.</summary>
    public string FieldValidation => Text("fieldValidation") is { Length: > 0 } asked ? asked : "Warn";

    public string FieldManager => Text("fieldManager") is { Length: > 0 } manager ? manager : UserAgent.Split('/', ' ')[0] is { Length: > 0 } agent ? agent : "unknown";

    public string Text(string parameter) => Query[parameter].ToString();

    public bool IsSet(string parameter) => Text(parameter) is "true" or "1";

    /// <exception cref="ApiStatusException">It is no number.</exception>
    public long? Number(string parameter)
    {
        var text = Text(parameter);
        return text.Length == 0 ? null
            : long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number
            : throw new ApiStatusException(400, "BadRequest", $"Invalid value: \"{text}\": strconv.ParseUint: parsing \"{text}\": invalid syntax");
    }

    /// <summary>What a path is about; null when it is no resource's.</summary>
    public static ApiCall? Parse(string method, string path, IQueryCollection query)
    {
        var parts = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        var (group, version, rest) = parts switch
        {
            ["api", var core, .. var below] => ("", core, below),
            ["apis", var named, var of, .. var below] => (named, of, below),
            _ => ("", "", []),
        };
        if (rest.Length == 0)
        {
            return null;
        }

        // /namespaces/x/pods is of pods, /namespaces/x and /namespaces/x/status are of the namespace.
        var place = "";
        if (rest is ["namespaces", var inside, not ("status" or "finalize"), ..])
        {
            (place, rest) = (inside, rest[2..]);
        }
        else if (rest is ["namespaces", var itself, ..])
        {
            place = itself;
        }

        var name = rest.Length > 1 ? rest[1] : "";
        return new ApiCall
        {
            Verb = method switch
            {
                "GET" when query["watch"].ToString() is "true" or "1" => "watch",
                "GET" => name.Length > 0 ? "get" : "list",
                "POST" => "create",
                "PUT" => "update",
                "PATCH" => "patch",
                "DELETE" => name.Length > 0 ? "delete" : "deletecollection",
                _ => method.ToLowerInvariant(),
            },
            Group = group,
            Version = version,
            Resource = rest[0],
            Namespace = place,
            Name = name,
            Subresource = rest.Length > 2 ? string.Join('/', rest[2..]) : "",
            Query = query,
        };
    }
}
