using System.Text.Json.Nodes;
using KubeCop.Core.Workloads;

namespace KubeCop.Core.Rules.Wording;

/// <summary>How to leave a rule out for one workload only: rules without a profile have nothing that could be allowed.</summary>
internal static class UnbindAdvice
{
    private const string NamespaceLabel = "kubernetes.io/metadata.name";

    /// <summary>Labels people give all pods of a workload, the best first.</summary>
    private static readonly string[] Names = ["app.kubernetes.io/instance", "app.kubernetes.io/name", "app", "k8s-app"];

    /// <summary>Labels that controllers give, which change with every rollout or pod.</summary>
    private static readonly string[] Changing =
    [
        "pod-template-hash", "controller-revision-hash", "pod-template-generation", "controller-uid", "job-name", "batch.kubernetes.io/controller-uid",
        "batch.kubernetes.io/job-name", "batch.kubernetes.io/job-completion-index", "statefulset.kubernetes.io/pod-name", "apps.kubernetes.io/pod-index",
    ];

    /// <summary>The end of a sentence that begins with <c>If it is meant, …, or</c>.</summary>
    public static string For(in RuleContext context, RuleDescriptor rule)
    {
        var leave = $"leave {rule.Id} out for this workload";
        if (context.Container.Pod is not { } pod)
        {
            return $"{leave}: take it out of the rule binding that gives it to the container.";
        }

        if (LabelOf(pod) is not { } label)
        {
            return $"{leave}: give its pods a label, and the rule binding that gives {rule.Id} to them a podSelector with that label and the operator NotIn.";
        }

        // One binding cannot say "not these pods of this namespace", so the other namespaces have one of their own.
        var others = Binding(rule, pod, "others", new JsonObject { ["namespaceSelector"] = Expression(NamespaceLabel, "NotIn", pod.Namespace) });
        var here = Binding(rule, pod, "here", new JsonObject
        {
            ["namespaceSelector"] = Expression(NamespaceLabel, "In", pod.Namespace),
            ["podSelector"] = Expression(label.Key, "NotIn", label.Value),
        });
        return $"{leave}: take it out of the rule binding that gives it to the pod, and bind it to all others with "
            + (context.ApiServer is not null
                ? $"printf %s {ShellText.Quote(List(others, here).ToJsonString())} | kubectl apply -f -"
                : $"printf '%s\\n' --- {ShellText.Quote(others.ToJsonString())} --- {ShellText.Quote(here.ToJsonString())} >> FILE, the FILE of --bindings");
    }

    private static KeyValuePair<string, string>? LabelOf(PodDescription pod)
    {
        foreach (var name in Names)
        {
            if (pod.Labels.TryGetValue(name, out var value))
            {
                return new(name, value);
            }
        }

        return pod.Labels.Where(static label => !Changing.Contains(label.Key))
            .OrderBy(static label => label.Key, StringComparer.Ordinal)
            .Select(static label => (KeyValuePair<string, string>?)label)
            .FirstOrDefault();
    }

    private static JsonObject Binding(RuleDescriptor rule, PodDescription pod, string which, JsonObject spec)
    {
        spec["rules"] = new JsonArray(new JsonObject { ["ruleID"] = rule.Id });
        return new JsonObject
        {
            ["apiVersion"] = "kubescape.io/v1",
            ["kind"] = "RuntimeRuleAlertBinding",
            ["metadata"] = new JsonObject { ["name"] = $"{rule.Id.ToLowerInvariant()}-{pod.Namespace}-{which}" },
            ["spec"] = spec,
        };
    }

    private static JsonObject Expression(string key, string @operator, string value) => new()
    {
        ["matchExpressions"] = new JsonArray(new JsonObject { ["key"] = key, ["operator"] = @operator, ["values"] = new JsonArray(value) }),
    };

    private static JsonObject List(params JsonObject[] items) => new() { ["apiVersion"] = "v1", ["kind"] = "List", ["items"] = new JsonArray([.. items]) };
}
