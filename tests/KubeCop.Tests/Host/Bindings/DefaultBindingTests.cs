using KubeCop.Core.Bindings;
using KubeCop.Core.Rules;
using KubeCop.Core.Workloads;
using KubeCop.Host.Bindings;
using KubeCop.Tests.Core;
using KubeCop.Tests.Core.Bindings;

namespace KubeCop.Tests.Host.Bindings;

public sealed class DefaultBindingTests
{
    private static readonly RuleBinding Binding = Assert.Single(BindingReader.Read("default", DefaultBinding.Read()).Bindings);

    /// <summary>A rule that is written and not bound here is one nobody gets.</summary>
    [Fact]
    public void Rules_AreThoseOfTheCatalogWithTheirOwnSeverities()
    {
        Assert.Equal(RuleCatalog.Descriptors.Select(static rule => rule.Id), Binding.Rules.Select(static setting => setting.Rule.Descriptor.Id));
        Assert.All(Binding.Rules, static setting => Assert.Null(setting.Severity));
        Assert.Equal(Binding.Rules.Select(static setting => setting.Rule.Descriptor), DefaultBinding.Rules.Rules.Select(static bound => bound.Rule.Descriptor));
    }

    /// <summary>As KubeCop's chart installs it.</summary>
    [Fact]
    public void Parameters_AreKubeCops()
    {
        var fileAccess = Binding.Rules.Single(static setting => setting.Rule.Descriptor.Id == "R0002").Parameters;
        Assert.Equal(true, fileAccess["ignoreMounts"]);
        Assert.Equal(
            ["/proc", "/run/secrets/kubernetes.io/serviceaccount", "/var/run/secrets/kubernetes.io/serviceaccount", "/tmp", "/dev/shm"],
            Assert.IsType<object?[]>(fileAccess["ignorePrefixes"]));
        Assert.All(Binding.Rules.Where(static setting => setting.Rule.Descriptor.Id != "R0002"), static setting => Assert.Empty(setting.Parameters));
    }

    [Theory]
    [InlineData("shop", "web", true)]
    [InlineData("shop", null, true)]
    [InlineData("shop", "kubecop", false)]
    [InlineData("kube-system", "web", false)]
    [InlineData("kube-public", "web", false)]
    [InlineData("kube-node-lease", "web", false)]
    [InlineData("kubeconfig", "web", false)]
    public void Selectors_LeaveOutTheClusterAndKubeCop(string ns, string? app, bool bound)
    {
        var bindings = new RuleBindings(new NamespaceNames());
        bindings.Apply(new BindingSet([Binding], "default", default));
        var container = BindingSample.Container(ns, app is null ? [] : [("app.kubernetes.io/name", app)]);
        Assert.Equal(bound, bindings.RulesOf(container).Rules.Count > 0);
    }

    [Fact]
    public void Selectors_WithoutKubernetes_BindEveryContainer()
    {
        var bindings = new RuleBindings(new NamespaceNames());
        bindings.Apply(new BindingSet([Binding], "default", default));
        var container = Sample.Container with { Pod = null, Workload = new WorkloadKey("moby", "Container", "web") };
        Assert.Equal(RuleCatalog.Types.Count, bindings.RulesOf(container).Rules.Count);
    }
}
