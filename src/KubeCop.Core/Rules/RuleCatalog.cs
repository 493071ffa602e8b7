namespace KubeCop.Core.Rules;

/// <summary>Every rule there is.</summary>
public static class RuleCatalog
{
    private static readonly IRule[] DefaultBinding =
    [
        new UnexpectedProcessLaunched(),
        new UnexpectedFileAccess(UnexpectedFileAccessParameters.DefaultBinding),
        new UnexpectedSystemCall(),
        new UnexpectedCapabilityUsed(),
        new UnexpectedDomainRequest(),
        new KubernetesClientExecuted(),
        new ExecFromMaliciousSource(),
        new ExecBinaryNotInBaseImage(),
    ];

    /// <summary>What the rules are, by id.</summary>
    public static IReadOnlyList<RuleDescriptor> Descriptors { get; } = [.. DefaultBinding.Select(static rule => rule.Descriptor)];

    /// <summary>The rules of KubeCop's default binding with its parameters, each with its own severity.</summary>
    public static RuleSet DefaultRules { get; } = new(DefaultBinding.Select(static rule => new BoundRule(rule, rule.Descriptor.Severity)));
}
