using KubeCop.Core.Bindings;

namespace KubeCop.Tests.Core.Bindings;

public sealed class PolicyTests
{
    private static readonly PolicyBinding A = new("", "a", "{}");
    private static readonly PolicyBinding B = new("shop", "b", "{}");

    [Fact]
    public void Of_TheSameInAnotherOrder_HasTheSameHash()
    {
        var one = Policy.Of([B, A], [Namespace("shop", ("team", "a"), ("tier", "1")), Namespace("ci", ("team", "b"))]);
        var other = Policy.Of([A, B], [Namespace("ci", ("team", "b")), Namespace("shop", ("tier", "1"), ("team", "a")), Namespace("plain")]);
        Assert.Equal(one.Version, other.Version);
        Assert.Equal(["a", "shop/b"], one.Bindings.Select(static binding => binding.FullName));
        Assert.Equal(["ci", "shop"], other.Namespaces!.Select(static ns => ns.Name));
    }

    [Fact]
    public void Of_AnythingElse_HasAnotherHash()
    {
        Policy[] policies =
        [
            Policy.Of([], null),
            Policy.Of([], []),
            Policy.Of([A], []),
            Policy.Of([A, B], []),
            Policy.Of([A with { Json = "{ }" }], []),
            Policy.Of([A with { Namespace = "a", Name = "" }], []),
            Policy.Of([A], [Namespace("shop", ("team", "a"))]),
            Policy.Of([A], [Namespace("shop", ("team", "b"))]),
            Policy.Of([A], [Namespace("shop", ("team", "a"), ("x", ""))]),
        ];
        Assert.Equal(policies.Length, policies.Select(static policy => policy.Version.Hash).Distinct().Count());
    }

    [Fact]
    public void Of_MoreThanThereIsRoomFor_SaysHowManyAreLeftOut()
    {
        var large = new string('x', BindingLimits.Bytes / 2);
        var policy = Policy.Of([new("", "c", large), new("", "a", large), new("", "b", large)], [Namespace("shop", ("team", new string('x', BindingLimits.NamespaceBytes)))]);
        Assert.Equal(["a", "b"], policy.Bindings.Select(static binding => binding.Name));
        Assert.Equal(1, policy.LeftOut);
        Assert.Empty(policy.Namespaces!);
    }

    [Fact]
    public void Of_HugeOnes_LeavesThemOutAndKeepsTheOthersWhereverTheyAre()
    {
        var huge = new string('x', 1_400_000);

        var policy = Policy.Of([new("a", "1", huge), new("a", "2", huge), new("a", "3", huge), A, B, new("zoo", "z", "{}")], null);

        Assert.Equal(["a", "a/1", "a/2", "shop/b", "zoo/z"], policy.Bindings.Select(static binding => binding.FullName));
        Assert.Equal(1, policy.LeftOut);
    }

    [Fact]
    public void IsNewsAfter_OlderOrTheSame_IsNot()
    {
        var version = new PolicyVersion(7, "x");
        Assert.True(version.IsNewsAfter(null), "The first is news.");
        Assert.True(version.IsNewsAfter(new(6, "y")), "A later one is news.");
        Assert.True(version.IsNewsAfter(new(7, "y")), "Another content of one sequence is news: one of both was lost before it was stored.");
        Assert.False(version.IsNewsAfter(new(7, "x")), "The same is no news.");
        Assert.False(version.IsNewsAfter(new(8, "x")), "An earlier one is no news.");
    }

    private static PolicyNamespace Namespace(string name, params (string Key, string Value)[] labels) =>
        new(name, labels.ToDictionary(static label => label.Key, static label => label.Value));
}
