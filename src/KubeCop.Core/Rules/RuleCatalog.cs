using KubeCop.Core.Rules.Deviations;
using KubeCop.Core.Rules.Signatures;

namespace KubeCop.Core.Rules;

/// <summary>Every rule there is.</summary>
public static class RuleCatalog
{
    /// <summary>In the order of their ids.</summary>
    public static IReadOnlyList<RuleType> Types { get; } =
    [
        UnexpectedProcessLaunched.Type,
        UnexpectedFileAccess.Type,
        UnexpectedSystemCall.Type,
        UnexpectedCapabilityUsed.Type,
        UnexpectedDomainRequest.Type,
        UnexpectedServiceAccountTokenAccess.Type,
        KubernetesClientExecuted.Type,
        EnvironmentRead.Type,
        SensitiveFileAccess.Type,
        UnexpectedEgress.Type,
        UnexpectedArguments.Type,
        ExecFromMaliciousSource.Type,
        ExecBinaryNotInBaseImage.Type,
        KernelModuleLoad.Type,
        MaliciousSshConnection.Type,
        ExecFromMount.Type,
        FilelessExecution.Type,
        UnshareUsage.Type,
        CryptoMinerDetected.Type,
        MiningDomainRequest.Type,
        MiningPortConnection.Type,
        UnexpectedPtrace.Type,
        ReverseShell.Type,
    ];

    /// <summary>What the rules are, by id.</summary>
    public static IReadOnlyList<RuleDescriptor> Descriptors { get; } = [.. Types.Select(static type => type.Descriptor)];

    /// <summary>The rules of KubeCop's default binding with its parameters, and R1006, each with its own severity.</summary>
    public static RuleSet DefaultRules { get; } = new(Types.Select(static type => new BoundRule(
        type.Create(RuleArguments.Read(type.Descriptor, DefaultArguments.GetValueOrDefault(type.Descriptor.Id) ?? [])),
        type.Descriptor.Severity)));

    private static Dictionary<string, Dictionary<string, object?>> DefaultArguments => new()
    {
        ["R0002"] = new()
        {
            ["ignoreMounts"] = true,
            ["ignorePrefixes"] = new[] { "/proc", "/run/secrets/kubernetes.io/serviceaccount", "/var/run/secrets/kubernetes.io/serviceaccount", "/tmp" },
        },
    };
}
