using System.Text.Json.Nodes;

namespace KubeCop.Testing.Kubernetes;

/// <summary>
/// Answers who the owner of a token is and what somebody may (k8s.io/kubernetes, pkg/registry/authentication/tokenreview and
/// pkg/registry/authorization/subjectaccessreview).
/// </summary>
internal sealed class Reviews(Access access)
{
    /// <exception cref="ApiStatusException">The question is none.</exception>
    public ApiAnswer Answer(ApiCall call, ResourceKind kind)
    {
        var review = Json.Parse(call.Body.Span);
        if (review.Text("kind") != kind.Kind || review.Text("apiVersion") != kind.ApiVersion)
        {
            throw ApiStatusException.BadRequest($"the body is no {kind.Kind} of {kind.ApiVersion}");
        }

        review["status"] = kind.Kind == "TokenReview" ? Identify(review) : Authorize(review, kind);
        review.Metadata()["creationTimestamp"] = null;
        return new ApiAnswer(201, review);
    }

    private JsonObject Identify(JsonObject review)
    {
        var token = review.Text("spec", "token");
        if (token.Length == 0)
        {
            throw ApiStatusException.BadRequest("token is required for TokenReview in authentication");
        }

        string[] audiences = Texts(review.At("spec", "audiences")) is { Length: > 0 } asked ? asked : [Access.OwnAudience];
        return access.UserOf(token, audiences) is not { } user
            ? new JsonObject { ["user"] = new JsonObject(), ["error"] = "[invalid bearer token, Token has been invalidated]" }
            : new JsonObject
            {
                ["authenticated"] = true,
                ["user"] = new JsonObject { ["username"] = user, ["uid"] = $"uid-of-{user}", ["groups"] = new JsonArray([.. GroupsOf(user)]) },
                ["audiences"] = new JsonArray([.. audiences.Select(static audience => (JsonNode)audience)]),
            };
    }

    /// <summary>Those that authenticators add: of all users, and of service accounts also two of their own.</summary>
    private static IEnumerable<JsonNode> GroupsOf(string user)
    {
        if (user.Split(':') is ["system", "serviceaccount", var @namespace, _])
        {
            yield return "system:serviceaccounts";
            yield return $"system:serviceaccounts:{@namespace}";
        }

        yield return "system:authenticated";
    }

    private JsonObject Authorize(JsonObject review, ResourceKind kind)
    {
        var spec = review.At("spec") as JsonObject;
        var (user, resource, path) = (spec.Text("user"), spec.At("resourceAttributes") as JsonObject, spec.At("nonResourceAttributes") as JsonObject);
        if (resource is null == path is null)
        {
            throw ApiStatusException.Invalid(
                kind, "", ["spec.resourceAttributes: Invalid value: exactly one of nonResourceAttributes or resourceAttributes must be specified"]);
        }

        if (user.Length == 0 && Texts(spec.At("groups")).Length == 0)
        {
            throw ApiStatusException.Invalid(kind, "", ["spec.user: Invalid value: \"\": at least one of user or group must be specified"]);
        }

        var isAllowed = path is not null
            ? access.Allows(user, rule => rule.Allows(path.Text("verb"), path.Text("path")))
            : access.Allows(user, rule => rule.Allows(new ApiCall
            {
                Verb = resource.Text("verb"),
                Group = resource.Text("group"),
                Version = resource.Text("version"),
                Resource = resource.Text("resource"),
                Subresource = resource.Text("subresource"),
                Namespace = resource.Text("namespace"),
                Name = resource.Text("name"),
            }));
        return isAllowed
            ? new JsonObject { ["allowed"] = true, ["reason"] = $"RBAC: allowed by ClusterRoleBinding \"{user}\" of ClusterRole \"{user}\" to User \"{user}\"" }
            : new JsonObject { ["allowed"] = false };
    }

    private static string[] Texts(JsonNode? list) => [.. (list as JsonArray ?? []).Select(static text => text.AsText())];
}
