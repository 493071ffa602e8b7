using KubeCop.Core.Bindings;

namespace KubeCop.Tests.Core.Bindings;

public sealed class LabelSelectorTests
{
    /// <summary>As apimachinery's labels.Requirement.Matches has it: NotIn also selects what has no such label.</summary>
    [Theory]
    [InlineData(LabelOperator.In, "a", true)]
    [InlineData(LabelOperator.In, "b", true)]
    [InlineData(LabelOperator.In, "c", false)]
    [InlineData(LabelOperator.In, "A", false)]
    [InlineData(LabelOperator.In, null, false)]
    [InlineData(LabelOperator.NotIn, "a", false)]
    [InlineData(LabelOperator.NotIn, "c", true)]
    [InlineData(LabelOperator.NotIn, null, true)]
    [InlineData(LabelOperator.Exists, "", true)]
    [InlineData(LabelOperator.Exists, null, false)]
    [InlineData(LabelOperator.DoesNotExist, "a", false)]
    [InlineData(LabelOperator.DoesNotExist, null, true)]
    public void Requirement_Operator_MatchesAsInKubernetes(LabelOperator given, string? value, bool matches)
    {
        var labels = value is null ? new Dictionary<string, string>() : new Dictionary<string, string> { ["key"] = value };
        Assert.Equal(matches, new LabelRequirement("key", given, given is LabelOperator.In or LabelOperator.NotIn ? ["a", "b"] : []).Matches(labels));
    }

    [Fact]
    public void Selector_AllConditionsMustHold()
    {
        var selector = new LabelSelector(new Dictionary<string, string> { ["app"] = "web", ["tier"] = "front" }, [new LabelRequirement("debug", LabelOperator.DoesNotExist, [])]);

        Assert.True(selector.Matches(new Dictionary<string, string> { ["app"] = "web", ["tier"] = "front", ["x"] = "y" }));
        Assert.False(selector.Matches(new Dictionary<string, string> { ["app"] = "web" }));
        Assert.False(selector.Matches(new Dictionary<string, string> { ["app"] = "web", ["tier"] = "back" }));
        Assert.False(selector.Matches(new Dictionary<string, string> { ["app"] = "web", ["tier"] = "front", ["debug"] = "" }));
        Assert.True(LabelSelector.Everything.Matches(new Dictionary<string, string>()));
    }

    [Theory]
    [InlineData(LabelOperator.In, true)]
    [InlineData(LabelOperator.Exists, true)]
    [InlineData(LabelOperator.NotIn, false)]
    [InlineData(LabelOperator.DoesNotExist, false)]
    public void Selector_IsChoosing_WhenItNamesWhatItSelects(LabelOperator given, bool chooses) =>
        Assert.Equal(chooses, new LabelSelector(new Dictionary<string, string>(), [new LabelRequirement("key", given, ["a"])]).IsChoosing);

    [Theory]
    [InlineData("app", true)]
    [InlineData("app.kubernetes.io/name", true)]
    [InlineData("A_b-c.9", true)]
    [InlineData("", false)]
    [InlineData("/name", false)]
    [InlineData("a.b/", false)]
    [InlineData("a/b/c", false)]
    [InlineData("Upper.io/name", false)]
    [InlineData("-a", false)]
    [InlineData("a-", false)]
    [InlineData("é", false)]
    public void LabelKey_AsKubernetesHasIt(string text, bool isKey) => Assert.Equal(isKey, KubernetesSyntax.IsLabelKey(text));

    [Fact]
    public void Lengths_AsKubernetesHasThem()
    {
        Assert.True(KubernetesSyntax.IsLabelValue(new string('a', 63)));
        Assert.False(KubernetesSyntax.IsLabelValue(new string('a', 64)));
        Assert.True(KubernetesSyntax.IsName(new string('a', 253)));
        Assert.False(KubernetesSyntax.IsName(new string('a', 254)));
        Assert.False(KubernetesSyntax.IsName("a..b"));
        Assert.False(KubernetesSyntax.IsName("a_b"));
    }
}
