using System.Text.Json.Nodes;

namespace KubeCop.Testing.Kubernetes;

/// <summary>A refusal, in the words of the API server: what <c>k8s.io/apimachinery/pkg/api/errors</c> makes.</summary>
internal sealed class ApiStatusException(int code, string reason, string message, JsonObject? details = null) : Exception(message)
{
    public int Code => code;

    public string Reason => reason;

    /// <summary>When to come again, in seconds, where the server says it.</summary>
    public int? RetryAfterSeconds { get; init; }

    /// <summary>The object of kind <c>Status</c> that is the response's body.</summary>
    public JsonObject ToStatus()
    {
        var said = details?.DeepClone().AsObject();
        if (RetryAfterSeconds is { } seconds)
        {
            said ??= [];
            said["retryAfterSeconds"] = seconds;
        }

        var status = new JsonObject { ["kind"] = "Status", ["apiVersion"] = "v1", ["metadata"] = new JsonObject(), ["status"] = "Failure", ["message"] = Message };
        if (reason.Length > 0)
        {
            status["reason"] = reason;
        }

        if (said is not null)
        {
            status["details"] = said;
        }

        status["code"] = code;
        return status;
    }

    public static ApiStatusException BadRequest(string message) => new(400, "BadRequest", message);

    public static ApiStatusException Unauthorized() => new(401, "Unauthorized", "Unauthorized");

    public static ApiStatusException Forbidden(string group, string resource, string name, string why)
    {
        var qualified = group.Length > 0 ? $"{resource}.{group}" : resource;
        return new(403, "Forbidden", name.Length > 0 ? $"{qualified} \"{name}\" is forbidden: {why}" : $"{qualified} is forbidden: {why}", Details(group, resource, name));
    }

    /// <summary>Something is to be made in a namespace that ends (kubernetes, plugin/pkg/admission/namespace/lifecycle).</summary>
    public static ApiStatusException NamespaceTerminating(ResourceKind kind, string name, string @namespace)
    {
        var details = Details(kind, name);
        details["causes"] = new JsonArray(new JsonObject
        {
            ["reason"] = "NamespaceTerminating",
            ["message"] = $"namespace {@namespace} is being terminated",
            ["field"] = "metadata.namespace",
        });
        var why = $"unable to create new content in namespace {@namespace} because it is being terminated";
        return new ApiStatusException(403, "Forbidden", $"{kind.QualifiedName} \"{name}\" is forbidden: {why}", details);
    }

    public static ApiStatusException NotFound(ResourceKind kind, string name) => new(404, "NotFound", $"{kind.QualifiedName} \"{name}\" not found", Details(kind, name));

    public static ApiStatusException MethodNotAllowed() => new(405, "MethodNotAllowed", "the server does not allow this method on the requested resource", []);

    public static ApiStatusException NotAcceptable() => new(
        406, "NotAcceptable", "only the following media types are accepted: application/json, application/yaml");

    public static ApiStatusException AlreadyExists(ResourceKind kind, string name) =>
        new(409, "AlreadyExists", $"{kind.QualifiedName} \"{name}\" already exists", Details(kind, name));

    public static ApiStatusException Conflict(ResourceKind kind, string name, string why) =>
        new(409, "Conflict", $"Operation cannot be fulfilled on {kind.QualifiedName} \"{name}\": {why}", Details(kind, name));

    public static ApiStatusException Modified(ResourceKind kind, string name) =>
        Conflict(kind, name, "the object has been modified; please apply your changes to the latest version and try again");

    /// <summary>A list or a watch asks for what is no longer kept.</summary>
    public static ApiStatusException Expired(string message) => new(410, "Expired", message);

    /// <summary>A watch that asks for what there is first, as an API server with <c>--feature-gates=WatchList=false</c> has it; clients list then.</summary>
    public static ApiStatusException NoInitialEvents() => new(
        422,
        "Invalid",
        "ListOptions.meta.k8s.io \"\" is invalid: sendInitialEvents: Forbidden: sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled");

    public static ApiStatusException BodyTooLarge(long limit) => new(413, "RequestEntityTooLarge", $"Request entity too large: limit is {limit}");

    public static ApiStatusException UnsupportedMediaType(params string[] accepted) => new(
        415, "UnsupportedMediaType", $"the body of the request was in an unknown format - accepted media types include: {string.Join(", ", accepted)}");

    /// <summary>A patch that cannot be carried out.</summary>
    public static ApiStatusException Unprocessable(string why) => new(
        422,
        "Invalid",
        "the server rejected our request due to an error in our request",
        new JsonObject { ["causes"] = new JsonArray(new JsonObject { ["reason"] = "UnexpectedServerResponse", ["message"] = why }) });

    /// <param name="errors">Each as <c>field: what is wrong</c>.</param>
    public static ApiStatusException Invalid(ResourceKind kind, string name, IReadOnlyList<string> errors)
    {
        var qualified = kind.Group.Length > 0 ? $"{kind.Kind}.{kind.Group}" : kind.Kind;
        var details = Details(kind, name);
        details["kind"] = kind.Kind;
        details["causes"] = new JsonArray([.. errors.Select(Cause)]);
        return new ApiStatusException(422, "Invalid", $"{qualified} \"{name}\" is invalid: {(errors.Count == 1 ? errors[0] : $"[{string.Join(", ", errors)}]")}", details);
    }

    private static JsonNode Cause(string error)
    {
        var colon = error.IndexOf(": ", StringComparison.Ordinal);
        var message = error[(colon + 2)..];
        var reason = message switch
        {
            _ when message.StartsWith("Required value", StringComparison.Ordinal) => "FieldValueRequired",
            _ when message.StartsWith("Unsupported value", StringComparison.Ordinal) => "FieldValueNotSupported",
            _ when message.StartsWith("Duplicate value", StringComparison.Ordinal) => "FieldValueDuplicate",
            _ when message.StartsWith("Too many", StringComparison.Ordinal) => "FieldValueTooMany",
            _ when message.Contains("must be of type", StringComparison.Ordinal) => "FieldValueTypeInvalid",
            _ => "FieldValueInvalid",
        };
        return new JsonObject { ["reason"] = reason, ["message"] = message, ["field"] = error[..colon] };
    }

    public static JsonObject Details(ResourceKind kind, string name) => Details(kind.Group, kind.Plural, name);

    private static JsonObject Details(string group, string resource, string name)
    {
        var details = new JsonObject();
        if (name.Length > 0)
        {
            details["name"] = name;
        }

        if (group.Length > 0)
        {
            details["group"] = group;
        }

        details["kind"] = resource;
        return details;
    }
}
