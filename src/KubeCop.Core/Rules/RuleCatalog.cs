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
}
