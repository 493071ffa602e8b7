using KubeCop.Grains.Placement;

namespace KubeCop.Tests.Grains.Placement;

public sealed class NodePlacementTests
{
    [Theory]
    [InlineData("node-1", "node-1")]
    [InlineData("node-1/abc", "node-1")]
    [InlineData("node-1/a/b", "node-1")]
    public void NodeOf_Key_IsItsFirstPart(string key, string node) => Assert.Equal(node, NodePlacementDirector.NodeOf(key));
}
