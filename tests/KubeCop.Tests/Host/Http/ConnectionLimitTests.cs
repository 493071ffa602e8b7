using System.Net;
using System.Net.Sockets;
using KubeCop.Host.Http;
using KubeCop.Testing;
using KubeCop.Tests.Host.Node;
using Microsoft.Extensions.Logging.Abstractions;

namespace KubeCop.Tests.Host.Http;

/// <summary>One host that opens connections and leaves them does not keep others from asking.</summary>
public sealed class ConnectionLimitTests
{
    [Fact]
    public void Host_HasSoManyConnectionsAndNoMore_AndOthersHaveTheirs()
    {
        var limit = new ConnectionLimit(TimeProvider.System, NullLogger<ConnectionLimit>.Instance);
        var (one, other) = (IPAddress.Parse("10.0.0.1"), IPAddress.Parse("10.0.0.2"));
        for (var i = 0; i < ConnectionLimit.MostOfOne; i++)
        {
            Assert.True(limit.TryEnter(one), $"Connection {i} is refused.");
        }

        Assert.False(limit.TryEnter(one), "One more is taken.");
        Assert.True(limit.TryEnter(other), "Another host is refused.");
        limit.Leave(one);
        Assert.True(limit.TryEnter(one), "The place that was given back is not there.");
    }

    [Fact]
    public async Task Endpoints_AnswerWhileAHostHoldsAllTheConnectionsItMayHave()
    {
        using var directory = new TestDirectory();
        var sensor = new FakeSensor();
        sensor.ReadySource.SetResult();
        await using var node = await NodeHostFixture.StartAsync(directory.Combine("data"), sensor);
        var port = new Uri($"http://{node.Address}").Port;
        var held = new List<Socket>();
        try
        {
            for (var i = 0; i < ConnectionLimit.Most + 88; i++)
            {
                var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
                held.Add(socket);
                try
                {
                    await socket.ConnectAsync(IPAddress.Loopback, port, TestContext.Current.CancellationToken);
                }
                catch (SocketException exception) when (exception.SocketErrorCode == SocketError.ConnectionReset)
                {
                    // Ended before this one has noticed that it had begun.
                }
            }

            using var http = new HttpClient(new SocketsHttpHandler { ConnectCallback = async (_, cancellation) => new NetworkStream(await OfAnotherAsync(port, cancellation), ownsSocket: true) });
            await Wait.UntilAsync(
                async () => (await http.GetAsync($"http://127.0.0.1:{port}/healthz/live")).StatusCode, static status => status == HttpStatusCode.OK, "answer to another host");
        }
        finally
        {
            held.ForEach(static socket => socket.Dispose());
        }
    }

    /// <summary>All of 127.0.0.0/8 is this machine, and each an address of its own.</summary>
    private static async Task<Socket> OfAnotherAsync(int port, CancellationToken cancellation)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Parse("127.0.0.2"), 0));
        await socket.ConnectAsync(IPAddress.Loopback, port, cancellation);
        return socket;
    }
}
