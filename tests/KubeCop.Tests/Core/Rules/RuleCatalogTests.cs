using KubeCop.Core.Events;
using KubeCop.Core.Profiles;
using KubeCop.Core.Rules;
using KubeCop.Host.Bindings;

namespace KubeCop.Tests.Core.Rules;

public sealed class RuleCatalogTests
{
    [Theory]
    [InlineData("R0001", "Unexpected process launched", Severity.Critical, true, EventKind.Exec, "exec, whitelisted")]
    [InlineData("R0002", "Unexpected file access", Severity.Medium, true, EventKind.Open, "open, whitelisted")]
    [InlineData("R0003", "Unexpected system call", Severity.Medium, true, EventKind.Syscall, "syscall, whitelisted")]
    [InlineData("R0004", "Unexpected capability used", Severity.High, true, EventKind.Capability, "capabilities, whitelisted")]
    [InlineData("R0005", "Unexpected domain request", Severity.Medium, true, EventKind.Dns, "dns, whitelisted")]
    [InlineData("R0006", "Unexpected Service Account Token Access", Severity.High, true, EventKind.Open, "token, malicious, whitelisted")]
    [InlineData("R0007", "Kubernetes Client Executed", Severity.Critical, true, EventKind.Exec, "exec, malicious, whitelisted")]
    [InlineData("R0008", "Read Environment Variables from procfs", Severity.Medium, true, EventKind.Open, "open, procfs, environment, whitelisted")]
    [InlineData("R0010", "Unexpected Sensitive File Access", Severity.Medium, true, EventKind.Open, "open, files, malicious, whitelisted")]
    [InlineData("R0011", "Unexpected Egress Network Traffic", Severity.Medium, true, EventKind.Network, "network, whitelisted")]
    [InlineData("R0040", "Unexpected process arguments", Severity.Medium, true, EventKind.Exec, "exec, whitelisted")]
    [InlineData("R1000", "Exec from malicious source", Severity.Critical, false, EventKind.Exec, "exec, signature")]
    [InlineData("R1001", "Exec Binary Not In Base Image", Severity.Critical, false, EventKind.Exec, "exec, malicious, binary, base image")]
    [InlineData("R1002", "Kernel Module Load", Severity.Critical, false, EventKind.Module, "syscall, kernel, module, load")]
    [InlineData("R1003", "Malicious SSH Connection", Severity.High, false, EventKind.Open, "ssh, connection, port, malicious")]
    [InlineData("R1004", "Exec from mount", Severity.Medium, false, EventKind.Exec, "exec, mount")]
    [InlineData("R1005", "Fileless execution detected", Severity.High, false, EventKind.Exec, "exec, signature, fileless, execution")]
    [InlineData("R1006", "Unshare System Call usage", Severity.High, false, EventKind.Unshare, "syscall, escape, unshare")]
    [InlineData("R1007", "Crypto Miner detected", Severity.High, false, EventKind.Network, "network, crypto, miners, malicious, dns")]
    [InlineData("R1008", "Crypto Mining Domain Communication", Severity.Critical, false, EventKind.Dns, "dns, crypto, miners, malicious")]
    [InlineData("R1009", "Crypto Mining Related Port Communication", Severity.Medium, false, EventKind.Network, "network, crypto, miners, malicious")]
    [InlineData("R1015", "Unexpected Ptrace Syscall Usage", Severity.Medium, false, EventKind.Ptrace, "ptrace, process, malicious")]
    [InlineData("R1100", "Reverse shell", Severity.Critical, false, EventKind.Exec, "exec, network, signature, malicious")]
    public void Descriptors_KeepTheirContract(string id, string name, Severity severity, bool needsProfile, EventKind kind, string tags)
    {
        var rule = Assert.Single(RuleCatalog.Descriptors, rule => rule.Id == id);
        Assert.Equal((name, severity, needsProfile, kind, tags), (rule.Name, rule.Severity, rule.NeedsProfile, rule.Events[0], string.Join(", ", rule.Tags)));
    }

    [Fact]
    public void DefaultRules_AllKinds_AreDispatched()
    {
        Assert.Equal(["R0001", "R0007", "R0040", "R1000", "R1001", "R1004", "R1005", "R1100"], Ids(EventKind.Exec));
        Assert.Equal(["R0002", "R0006", "R0008", "R0010", "R1003"], Ids(EventKind.Open));
        Assert.Equal(["R0003"], Ids(EventKind.Syscall));
        Assert.Equal(["R0004"], Ids(EventKind.Capability));
        Assert.Equal(["R0005", "R0011", "R1007", "R1008"], Ids(EventKind.Dns));
        Assert.Equal(["R0007", "R0011", "R1003", "R1007", "R1100"], Ids(EventKind.Network));
        Assert.Equal(["R1002"], Ids(EventKind.Module));
        Assert.Equal(["R1015"], Ids(EventKind.Ptrace));
        Assert.Equal(["R1006"], Ids(EventKind.Unshare));
        Assert.Equal(["R1007"], Ids(EventKind.RandomX));
        Assert.Equal(["R1100"], Ids(EventKind.Fork));
        Assert.Equal(["R1100"], Ids(EventKind.Exit));

        static string[] Ids(EventKind kind) => [.. DefaultBinding.Rules.For(kind).ToArray().Select(static bound => bound.Rule.Descriptor.Id)];
    }

    [Fact]
    public void Types_AreInTheOrderOfTheirIds() =>
        Assert.Equal(RuleCatalog.Descriptors.Select(static rule => rule.Id).Order(StringComparer.Ordinal), RuleCatalog.Descriptors.Select(static rule => rule.Id));

    [Fact]
    public void RulesThatNeedAProfile_LookOnlyAtWhatProfilesHave() => Assert.All(
        RuleCatalog.Descriptors.Where(static rule => rule.NeedsProfile).SelectMany(static rule => rule.Events),
        static kind => Assert.NotEqual(ProfileSections.None, ProfileSection.Of(kind)));

    [Fact]
    public void Markdown_Page_IsCurrent()
    {
        var page = new StringWriter();
        RuleMarkdown.Write(page);
        var file = Repository.PathOf("docs/rules.md");
        if (Environment.GetEnvironmentVariable("KUBECOP_WRITE_DOCS") == "1")
        {
            File.WriteAllText(file, page.ToString());
        }

        Assert.True(page.ToString() == File.ReadAllText(file), "docs/rules.md is not what the rules say; make it anew: tools/kubecop rules --markdown > docs/rules.md");
    }
}
