namespace KubeCop.Core.Rules;

/// <summary>A rule as the catalog knows it: what it is, and how one is made with the parameters of a binding.</summary>
/// <param name="descriptor">What it is.</param>
/// <param name="create">Makes one; called once for each different set of parameters.</param>
public sealed class RuleType(RuleDescriptor descriptor, Func<RuleArguments, IRule> create)
{
    public RuleDescriptor Descriptor { get; } = descriptor;

    public IRule Create(RuleArguments arguments) => create(arguments);
}
