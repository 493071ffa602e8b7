using System.Net;
using System.Net.Sockets;
using KubeCop.Testing;

namespace KubeCop.Cluster.Tests.Faults;

/// <summary>
/// A network namespace for one node, joined to the test's own by a pair of interfaces whose connection can be cut. Whatever is to be reached
/// from inside it listens on <see cref="Outside"/>.
/// </summary>
internal sealed class CutOffNetwork : IAsyncDisposable
{
    private readonly string _outer;

    private CutOffNetwork(int number)
    {
        (Name, _outer) = ($"kubecop-{number}", $"kc{number}");
        // Four addresses of its own for each of 16 384 processes.
        var network = $"10.213.{(number >> 6) & 0xff}";
        var first = (number & 0x3f) << 2;
        (Outside, Inside) = ($"{network}.{first + 1}", $"{network}.{first + 2}");
    }

    /// <summary>Of the namespace.</summary>
    public string Name { get; }

    /// <summary>The address of the test's side.</summary>
    public string Outside { get; }

    /// <summary>The address of the node.</summary>
    public string Inside { get; }

    /// <summary>Skips the test, saying why, where there can be none.</summary>
    public static async Task<CutOffNetwork> CreateAsync()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "needs root, to make a network namespace");
        Assert.SkipWhen(Commands.Find("ip") is null, "needs ip; tools/test installs it (iproute2)");
        var network = new CutOffNetwork(Environment.ProcessId);
        try
        {
            await Ip($"netns add {network.Name}");
            await Ip($"link add {network._outer} type veth peer name eth0 netns {network.Name}");
            await Ip($"addr add {network.Outside}/30 dev {network._outer}");
            await Ip($"link set {network._outer} up");
            await Ip($"-n {network.Name} addr add {network.Inside}/30 dev eth0");
            await Ip($"-n {network.Name} link set eth0 up");
            await Ip($"-n {network.Name} link set lo up");
            return network;
        }
        catch
        {
            await network.DisposeAsync();
            throw;
        }
    }

    public Task CutAsync() => Ip($"-n {Name} link set eth0 down");

    public Task JoinAsync() => Ip($"-n {Name} link set eth0 up");

    public async ValueTask DisposeAsync()
    {
        // With the namespace its interface ends, and with that the other end.
        await Commands.TryRunAsync("ip", "netns", "del", Name);
        await Commands.TryRunAsync("ip", "link", "del", _outer);
    }

    private static Task<string> Ip(string command) => Commands.RunAsync("ip", command.Split(' '));
}

/// <summary>Takes connections at another address for a server that listens on loopback alone.</summary>
internal sealed class Forwarder : IAsyncDisposable
{
    private readonly TcpListener _listener;
    private readonly int _port;
    private readonly CancellationTokenSource _stopping = new();
    private readonly Task _accepting;

    public Forwarder(string address, int port)
    {
        _port = port;
        _listener = new TcpListener(IPAddress.Parse(address), port);
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        _listener.Stop();
        await _accepting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _listener.Dispose();
        _stopping.Dispose();
    }

    private async Task AcceptAsync()
    {
        while (true)
        {
            _ = ForwardAsync(await _listener.AcceptTcpClientAsync(_stopping.Token));
        }
    }

    private async Task ForwardAsync(TcpClient client)
    {
        using var server = new TcpClient();
        using (client)
        {
            try
            {
                await server.ConnectAsync(IPAddress.Loopback, _port, _stopping.Token);
                await Task.WhenAny(
                    client.GetStream().CopyToAsync(server.GetStream(), _stopping.Token), server.GetStream().CopyToAsync(client.GetStream(), _stopping.Token));
            }
            catch (Exception exception) when (exception is SocketException or OperationCanceledException)
            {
                // The client sees its connection end.
            }
        }
    }
}
