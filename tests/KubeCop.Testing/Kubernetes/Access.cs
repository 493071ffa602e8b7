using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text.Json.Nodes;

namespace KubeCop.Testing.Kubernetes;

/// <summary>A rule of a Role or a ClusterRole. <c>*</c> stands for all, in each list.</summary>
/// <param name="Resources">A subresource as <c>pods/status</c>.</param>
/// <param name="Names">The only objects it is about; empty for all.</param>
/// <param name="Namespace">The only namespace it holds in; null when it holds in all, and at the cluster scope.</param>
public sealed record AccessRule(
    IReadOnlyList<string> Groups, IReadOnlyList<string> Resources, IReadOnlyList<string> Verbs, IReadOnlyList<string> Names, string? Namespace = null)
{
    public static AccessRule Everything { get; } = new(["*"], ["*"], ["*"], []) { Paths = ["*"] };

    /// <summary>The paths that are no resource's (<c>nonResourceURLs</c>) which it is about; <c>/a/*</c> for all that begin with <c>/a/</c>.</summary>
    public IReadOnlyList<string> Paths { get; init; } = [];

    /// <summary>The rules of the Roles and ClusterRoles among YAML documents.</summary>
    /// <param name="namespace">Where the roles hold that do not say it.</param>
    public static IReadOnlyList<AccessRule> FromYaml(string documents, string @namespace = "default")
    {
        var rules = new List<AccessRule>();
        foreach (var role in YamlText.Documents(documents))
        {
            var kind = role.Text("kind");
            if (kind is not ("Role" or "ClusterRole"))
            {
                continue;
            }

            var own = role.Text("metadata", "namespace");
            var place = kind == "ClusterRole" ? null : own.Length > 0 ? own : @namespace;
            rules.AddRange((role["rules"] as JsonArray ?? []).OfType<JsonObject>()
                .Select(rule => new AccessRule(Words(rule, "apiGroups"), Words(rule, "resources"), Words(rule, "verbs"), Words(rule, "resourceNames"), place)
                {
                    Paths = Words(rule, "nonResourceURLs"),
                }));
        }

        return rules;

        static string[] Words(JsonObject rule, string field) => [.. (rule[field] as JsonArray ?? []).Select(static word => word.AsText())];
    }

    internal bool Allows(ApiCall call) =>
        (Namespace is null || Namespace == call.Namespace)
        && (Verbs.Contains("*") || Verbs.Contains(call.Verb))
        && (Groups.Contains("*") || Groups.Contains(call.Group))
        && (Resources.Contains("*") || Resources.Contains(call.ResourceAndSubresource) || (call.Subresource.Length > 0 && Resources.Contains($"*/{call.Subresource}")))
        && (Names.Count == 0 || (call.Name.Length > 0 && Names.Contains(call.Name)));

    /// <summary>A request for no resource, as <c>NonResourceURLMatches</c> of k8s.io/component-helpers/auth/rbac has it.</summary>
    internal bool Allows(string verb, string path) =>
        Namespace is null
        && (Verbs.Contains("*") || Verbs.Contains(verb))
        && Paths.Any(known => known == "*" || known == path || (known.EndsWith('*') && path.StartsWith(known.TrimEnd('*'), StringComparison.Ordinal)));
}

/// <summary>Who may do what. There are no anonymous requests, as with <c>--anonymous-auth=false</c>.</summary>
internal sealed class Access
{
    /// <summary>For whom tokens are that were made for nobody else (<c>--api-audiences</c>).</summary>
    public const string OwnAudience = "https://kubernetes.default.svc";

    private readonly ConcurrentDictionary<string, (string User, string Audience)> _tokens = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, IReadOnlyList<AccessRule>> _rules = new(StringComparer.Ordinal);

    public void SetRules(string user, IReadOnlyList<AccessRule> rules) => _rules[user] = rules;

    /// <returns>A new token of the user, besides those it has.</returns>
    public string Issue(string user, string audience = OwnAudience)
    {
        var token = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(24));
        _tokens[token] = (user, audience);
        return token;
    }

    public void Revoke(string token) => _tokens.TryRemove(token, out _);

    /// <returns>Whose token it is; null when it is nobody's, or made for none of these audiences.</returns>
    public string? UserOf(string token, IReadOnlyList<string> audiences) =>
        _tokens.TryGetValue(token, out var known) && audiences.Contains(known.Audience) ? known.User : null;

    public bool Allows(string user, Func<AccessRule, bool> allows) => _rules.TryGetValue(user, out var rules) && rules.Any(allows);

    /// <param name="authorization">The header.</param>
    /// <exception cref="ApiStatusException">Nobody has this token.</exception>
    public string UserOf(string authorization) =>
        authorization.StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase) && UserOf(authorization["Bearer ".Length..].Trim(), [OwnAudience]) is { } user
            ? user
            : throw ApiStatusException.Unauthorized();

    /// <param name="verb">Another than the call's, where it does more than one thing.</param>
    /// <exception cref="ApiStatusException">The user may not do this.</exception>
    public void Authorize(ApiCall call, string? verb = null)
    {
        var asked = verb is null ? call : call with { Verb = verb };
        if (Allows(call.User, rule => rule.Allows(asked)))
        {
            return;
        }

        var scope = call.Namespace.Length > 0 ? $"in the namespace \"{call.Namespace}\"" : "at the cluster scope";
        throw ApiStatusException.Forbidden(
            call.Group, call.Resource, call.Name, $"User \"{call.User}\" cannot {asked.Verb} resource \"{call.ResourceAndSubresource}\" in API group \"{call.Group}\" {scope}");
    }
}
