using KubeCop.Core.Workloads;

namespace KubeCop.Core.Rules;

/// <summary>Which rules each container has. From any thread.</summary>
public interface IRuleBindings
{
    /// <summary>Another number whenever the rules of some container may have changed.</summary>
    long Version { get; }

    /// <summary>The rules in force for a container now: the same object as long as they are the same.</summary>
    RuleSet RulesOf(ContainerDescription container);
}

/// <summary>The same rules for every container, for ever.</summary>
public sealed class FixedRules(RuleSet rules) : IRuleBindings
{
    public long Version => 0;

    public RuleSet RulesOf(ContainerDescription container) => rules;
}

/// <summary>What the containers of a node are judged by.</summary>
/// <param name="Bindings">Which rules each container has.</param>
/// <param name="Counters">What the rules did.</param>
/// <param name="ApiServer">See <see cref="RuleContext.ApiServer"/>.</param>
/// <param name="Command">See <see cref="RuleContext.Command"/>.</param>
public sealed record NodeRules(IRuleBindings Bindings, RuleCounters Counters, string? ApiServer = null, SiloCommand? Command = null);
