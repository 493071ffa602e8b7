using KubeCop.Core.Events;
using KubeCop.Core.Profiles;
using KubeCop.Core.Rules;

namespace KubeCop.Tests.Core.Rules;

public sealed class RuleCatalogTests
{
    [Theory]
    [InlineData("R0001", "Unexpected process launched", Severity.Critical, true, EventKind.Exec, "exec, whitelisted")]
    [InlineData("R0002", "Unexpected file access", Severity.Medium, true, EventKind.Open, "open, whitelisted")]
    [InlineData("R0003", "Unexpected system call", Severity.Medium, true, EventKind.Syscall, "syscall, whitelisted")]
    [InlineData("R0004", "Unexpected capability used", Severity.High, true, EventKind.Capability, "capabilities, whitelisted")]
    [InlineData("R0005", "Unexpected domain request", Severity.Medium, true, EventKind.Dns, "dns, whitelisted")]
    [InlineData("R0007", "Kubernetes Client Executed", Severity.Critical, true, EventKind.Exec, "exec, malicious, whitelisted")]
    [InlineData("R1000", "Exec from malicious source", Severity.Critical, false, EventKind.Exec, "exec, signature")]
    [InlineData("R1001", "Exec Binary Not In Base Image", Severity.Critical, false, EventKind.Exec, "exec, malicious, binary, base image")]
    public void Descriptors_KubeCopsRules_KeepTheirContract(string id, string name, Severity severity, bool needsProfile, EventKind kind, string tags)
    {
        var rule = Assert.Single(RuleCatalog.Descriptors, rule => rule.Id == id);
        Assert.Equal((name, severity, needsProfile, kind, tags), (rule.Name, rule.Severity, rule.NeedsProfile, rule.Events[0], string.Join(", ", rule.Tags)));
    }

    [Fact]
    public void DefaultRules_AllKinds_AreDispatched()
    {
        Assert.Equal(["R0001", "R0007", "R1000", "R1001"], Ids(EventKind.Exec));
        Assert.Equal(["R0002"], Ids(EventKind.Open));
        Assert.Equal(["R0003"], Ids(EventKind.Syscall));
        Assert.Equal(["R0004"], Ids(EventKind.Capability));
        Assert.Equal(["R0005"], Ids(EventKind.Dns));
        Assert.Equal(["R0007"], Ids(EventKind.Network));
        Assert.Empty(Ids(EventKind.Fork));

        static string[] Ids(EventKind kind) => [.. RuleCatalog.DefaultRules.For(kind).ToArray().Select(static bound => bound.Rule.Descriptor.Id)];
    }

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
