using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using KubeCop.Core.Bindings;

namespace KubeCop.Kubernetes.CustomResources;

/// <summary>Which rules judge which pods. Its words for rules are those of the catalog.</summary>
[CustomResource(BindingReader.Kind, "runtimerulealertbindings", ShortNames = ["rab"])]
[PrinterColumn("Age", "date", ".metadata.creationTimestamp")]
[Description("Which rules judge the containers of which pods.")]
internal sealed record RuntimeRuleAlertBindingResource
{
    [Description("Pods and rules.")]
    public RuntimeRuleAlertBindingSpec? Spec { get; init; }
}

internal sealed record RuntimeRuleAlertBindingSpec
{
    [Description("Namespaces, by their labels; all without it.")]
    public Selector? NamespaceSelector { get; init; }

    [Description("Pods, by their labels; all without it.")]
    public Selector? PodSelector { get; init; }

    [Description("Rules that judge these pods, each named in one way."), MaxLength(1000)]
    public IReadOnlyList<BoundRuleEntry>? Rules { get; init; }
}

[Description("As of metav1.LabelSelector: all of it must be so.")]
internal sealed record Selector
{
    [Description("Labels with these values.")]
    public IReadOnlyDictionary<string, string>? MatchLabels { get; init; }

    [Description("Requirements of labels."), MaxLength(100)]
    public IReadOnlyList<SelectorRequirement>? MatchExpressions { get; init; }
}

[CelRule(
    "self.operator in ['Exists', 'DoesNotExist'] ? !has(self.values) || size(self.values) == 0 : has(self.values) && size(self.values) > 0",
    "In and NotIn need values; Exists and DoesNotExist take none")]
internal sealed record SelectorRequirement
{
    [Description("The label."), MaxLength(317)]
    public required string Key { get; init; }

    [Description("How it is compared.")]
    [AllowedValues("In", "NotIn", "Exists", "DoesNotExist")]
    public required string Operator { get; init; }

    [Description("With what In and NotIn compare."), MaxLength(1000)]
    public IReadOnlyList<string>? Values { get; init; }
}

[ExactlyOneOf("ruleName", "ruleID", "ruleTags")]
[Description("A rule by its name or id, or all rules that have one of some tags; exactly one of the three.")]
internal sealed record BoundRuleEntry
{
    [Description("The rule's name."), RuleWord(RuleWord.Name)]
    public string? RuleName { get; init; }

    [JsonPropertyName("ruleID")]
    [Description("The rule's id."), RuleWord(RuleWord.Id)]
    public string? RuleId { get; init; }

    [Description("All rules with one of these tags."), RuleWord(RuleWord.Tag), MaxLength(100)]
    public IReadOnlyList<string>? RuleTags { get; init; }

    [Description("Of its alerts, instead of the rule's own: " + SeverityWord.Accepted + ".")]
    [RegularExpression(SeverityWord.Pattern)]
    public string? Severity { get; init; }

    [Description("The rule's parameters, instead of its defaults; see docs/rules.md.")]
    [AnyFields]
    public JsonObject? Parameters { get; init; }
}
