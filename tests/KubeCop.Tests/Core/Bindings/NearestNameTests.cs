using KubeCop.Core.Bindings;

namespace KubeCop.Tests.Core.Bindings;

public sealed class NearestNameTests
{
    [Theory]
    [InlineData("rulse", "rules")]
    [InlineData("RULES", "rules")]
    [InlineData("namespaceSelect", "namespaceSelector")]
    [InlineData("podselektor", "podSelector")]
    [InlineData("", "rules")]
    [InlineData("completely different", "podSelector")]
    public void Of_NearestByEdits(string given, string nearest) => Assert.Equal(nearest, NearestName.Of(given, ["namespaceSelector", "podSelector", "rules"]));

    [Fact]
    public void Of_ExchangedNeighbours_AreOneEdit() => Assert.Equal("abcd", NearestName.Of("abdc", ["axxc", "abcd"]));
}
