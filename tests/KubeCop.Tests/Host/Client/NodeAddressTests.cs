using KubeCop.Host;
using KubeCop.Host.Client;
using KubeCop.Host.Node;
using KubeCop.Testing;

namespace KubeCop.Tests.Host.Client;

public sealed class NodeAddressTests : IDisposable
{
    private const string Token = "0123456789abcdef";

    private readonly TestDirectory _directory = new();

    public NodeAddressTests() => File.WriteAllText(NodeFiles.TokenFile(_directory.Path), Token);

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData("node-b:9090")]
    [InlineData("192.0.2.1:9090")]
    [InlineData("https://kubecop.example")]
    public void Token_OfThisMachinesSilo_IsShownToNoOther(string address)
    {
        var elsewhere = NodeAddress.Find(address, _directory.Path);
        Assert.Null(elsewhere.FindToken());
        Assert.Contains("KUBECOP_TOKEN", Assert.Throws<UsageException>(elsewhere.ReadToken).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("127.0.0.1:9090")]
    [InlineData("localhost:9090")]
    [InlineData("[::1]:9090")]
    public void Token_OverLoopback_IsShownForWhatIsGuardedOnly(string address)
    {
        var here = NodeAddress.Find(address, _directory.Path);
        Assert.Null(here.FindToken());
        Assert.Equal(Token, here.ReadToken());
    }
}
