using System.IO.Pipelines;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Text;
using KubeCop.Host.Tls;
using KubeCop.Testing;
using KubeCop.Testing.Tls;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Time.Testing;

namespace KubeCop.Tests.Host.Tls;

/// <summary>Two ends of a real connection, each with its certificate: what passes, and what both say when nothing may.</summary>
public sealed class SiloTlsTests : IAsyncLifetime
{
    private readonly TestDirectory _directory = new();
    private readonly TestAuthority _authority = new();
    private readonly TestAuthority _other = new("others");
    private readonly FakeTimeProvider _time = new(DateTimeOffset.UtcNow);
    private readonly List<IDisposable> _open = [];
    private TcpListener _listener = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync()
    {
        _listener = new TcpListener(IPAddress.Loopback, 0);
        _listener.Start();
        return ValueTask.CompletedTask;
    }

    public ValueTask DisposeAsync()
    {
        _open.ForEach(static one => one.Dispose());
        _listener.Dispose();
        _authority.Dispose();
        _other.Dispose();
        _directory.Dispose();
        return ValueTask.CompletedTask;
    }

    [Fact]
    public async Task Connection_BothGood_PassesWhatTheyHaveToSay()
    {
        var (client, server) = await ConnectAsync(Good(), Good());
        var text = string.Concat(Enumerable.Repeat("0123456789abcdef", 10_000));

        await client.SendAsync(text);
        Assert.Equal(text, await server.ReceiveAsync(text.Length));
        await server.SendAsync("yes");
        Assert.Equal("yes", await client.ReceiveAsync(3));
        Assert.Empty(client.Refusals.Current);
        Assert.Empty(server.Refusals.Current);
        await client.EndAsync();
        await server.EndAsync();
    }

    [Theory]
    [InlineData("other authority", "is of none of the authorities in KubeCop:Cluster:Tls:CaFile")]
    [InlineData("other name", "is not one of a silo: the DNS name kubecop-silo (KubeCop:Cluster:Tls:PeerName) is not in it")]
    [InlineData("expired", "has expired on")]
    [InlineData("not yet valid", "is valid from")]
    [InlineData("client only", "is not for servers and clients both")]
    public async Task Connection_OneNotGood_IsRefusedAndBothSayWhy(string fault, string reason)
    {
        var bad = fault switch
        {
            "other authority" => _other.Issue(),
            "other name" => _authority.Issue("kubecop-http"),
            "expired" => _authority.Issue(from: _time.GetUtcNow().AddDays(-9), until: _time.GetUtcNow().AddDays(-1)),
            "not yet valid" => _authority.Issue(from: _time.GetUtcNow().AddDays(1)),
            _ => _authority.Issue(usages: TestAuthority.ClientUsage),
        };
        foreach (var (client, server) in (IEnumerable<(PemPair, PemPair)>)[(bad, _authority.Issue()), (_authority.Issue(), bad)])
        {
            var (begins, answers) = await ConnectAsync(Write(client), Write(server));
            var isClients = client == bad;
            await AssertRefusedAsync(begins, isClients ? $"127.0.0.1:{Port} says that this node's certificate {reason}" : $"The certificate of 127.0.0.1:{Port} {reason}");
            await AssertRefusedAsync(answers, isClients ? $"The certificate of 127.0.0.1 {reason}" : $"127.0.0.1 says that this node's certificate {reason}");
        }
    }

    /// <summary>The two know each other's authority, and refuse each other all the same for their names.</summary>
    [Fact]
    public async Task Connection_BothNotGood_EachSaysBoth()
    {
        var (client, server) = await ConnectAsync(Write(_authority.Issue("a")), Write(_authority.Issue("b")));

        await AssertRefusedAsync(client, "The certificate of", "says that this node's certificate");
        await AssertRefusedAsync(server, "The certificate of", "says that this node's certificate");
    }

    [Fact]
    public async Task Client_WithoutCertificate_IsToldSoAndGetsNoFurther()
    {
        var server = Answer(Good());
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, Port, Cancellation);
        await using var tls = new SslStream(client.GetStream());
        await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { RemoteCertificateValidationCallback = static (_, _, _, _) => true }, Cancellation);
        await tls.WriteAsync(new byte[] { 0, 1, 2, 3 }, Cancellation);

        Assert.Equal((int)PeerFault.NoCertificate, tls.ReadByte());
        Assert.Equal(-1, tls.ReadByte());
        await AssertRefusedAsync(await server, "127.0.0.1 has shown no certificate.");
    }

    [Fact]
    public async Task Client_WithAnOldVersionOfTls_IsRefused()
    {
        var server = Answer(Good());
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, Port, Cancellation);
        await using var tls = new SslStream(client.GetStream());
        var options = new SslClientAuthenticationOptions { RemoteCertificateValidationCallback = static (_, _, _, _) => true, EnabledSslProtocols = SslProtocols.Tls12 };

        await Assert.ThrowsAnyAsync<Exception>(() => tls.AuthenticateAsClientAsync(options, Cancellation));
        await AssertRefusedAsync(await server, "127.0.0.1 and this node do not agree on how to use TLS");
    }

    [Fact]
    public async Task Client_InPlainText_IsRefused()
    {
        var server = Answer(Good());
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, Port, Cancellation);
        await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"), Cancellation);

        await AssertRefusedAsync(await server, "127.0.0.1 does not use TLS.");
    }

    [Fact]
    public async Task Server_InPlainText_IsRefused()
    {
        var accepting = _listener.AcceptTcpClientAsync(Cancellation);
        var client = await BeginAsync(Good());
        using var server = await accepting;
        await server.GetStream().WriteAsync(Encoding.ASCII.GetBytes("+OK\r\n"), Cancellation);

        await AssertRefusedAsync(client, $"127.0.0.1:{Port} does not use TLS.");
    }

    /// <summary>A program that only looks whether somebody listens is nothing to complain of.</summary>
    [Fact]
    public async Task Client_EndsWithoutAWord_IsNotTold()
    {
        var server = Answer(Good());
        using (var client = new TcpClient())
        {
            await client.ConnectAsync(IPAddress.Loopback, Port, Cancellation);
        }

        var end = await server;
        await Assert.ThrowsAsync<ConnectionAbortedException>(() => end.Running.WaitAsync(Wait.DefaultTimeout, Cancellation));
        Assert.Empty(end.Refusals.Current);
    }

    [Theory, InlineData(""), InlineData("\u0016")]
    public async Task Client_SaysNothing_IsCutAfterAWhile(string beginning)
    {
        var server = Answer(Good());
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, Port, Cancellation);
        await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(beginning), Cancellation);
        var end = await server;
        _time.Advance(SiloTls.HandshakeTime - TimeSpan.FromSeconds(1));
        Assert.False(end.Running.IsCompleted, "The time is not over.");

        await Wait.UntilAsync(
            () =>
            {
                _time.Advance(TimeSpan.FromSeconds(1));
                return end.Running.IsCompleted;
            },
            static ended => ended,
            "end of the handshake");
        await AssertRefusedAsync(end, "127.0.0.1 has not shown a certificate within 10 s.");
    }

    /// <summary>All silos of one machine have the same address: none is sent away because others, or a stranger, are before it.</summary>
    [Fact]
    public async Task Client_NoPlaceForItsAddress_WaitsUntilThereIsOne()
    {
        var (tls, refusals) = Tls(Good());
        var silent = await BeginSilentAsync(tls, refusals, HandshakePlaces.MostOfOne);
        var accepting = _listener.AcceptSocketAsync(Cancellation);
        var good = await BeginAsync(Good());
        var answer = Run(await accepting, tls, refusals, begins: false);
        Assert.All(silent, static one => Assert.False(one.Server.Running.IsCompleted, "One of those that have a place was cut."));
        Assert.False(answer.Passed.Task.IsCompleted, "There was a place.");

        silent[0].Client.Dispose();
        await good.SendAsync("hello");
        Assert.Equal("hello", await answer.ReceiveAsync(5));
        Assert.Empty(refusals.Current);
    }

    [Fact]
    public async Task Client_NoPlaceInTime_IsRefused()
    {
        var (tls, refusals) = Tls(Good());
        var first = await BeginSilentAsync(tls, refusals, HandshakePlaces.MostOfOne);
        _time.Advance(SiloTls.HandshakeTime / 2);
        await BeginSilentAsync(tls, refusals, HandshakePlaces.MostOfOne);
        var last = (await BeginSilentAsync(tls, refusals, 1))[0].Server;

        // Those that came before it have the places of the first ones then.
        _time.Advance(SiloTls.HandshakeTime / 2);
        foreach (var (_, server) in first)
        {
            await Assert.ThrowsAsync<PeerRefusedException>(() => server.Running.WaitAsync(Wait.DefaultTimeout, Cancellation));
        }

        Assert.False(last.Running.IsCompleted, "It has not waited as long as it may.");
        _time.Advance(SiloTls.HandshakeTime / 2);
        var cut = await Assert.ThrowsAsync<PeerRefusedException>(() => last.Running.WaitAsync(Wait.DefaultTimeout, Cancellation));
        Assert.Equal("More connections are being made than there is room for, the last of them by 127.0.0.1.", cut.Message);
    }

    /// <summary>Nobody reads what it sends, and Orleans takes in whatever comes.</summary>
    [Theory]
    [InlineData("\u0016", 1_000_000, null)]
    [InlineData("GET / HTTP/1.1", 0, "127.0.0.1 does not use TLS.")]
    public async Task Client_SendsWhatItMustNotBeforeItsTurn_IsCut(string beginning, int more, string? reason)
    {
        var (tls, refusals) = Tls(Good());
        await BeginSilentAsync(tls, refusals, HandshakePlaces.MostOfOne);
        var (client, server) = (await BeginSilentAsync(tls, refusals, 1))[0];
        var sending = client.SendAsync(Encoding.ASCII.GetBytes(beginning + new string('x', more)).AsMemory(), Cancellation).AsTask();

        await Assert.ThrowsAnyAsync<ConnectionAbortedException>(() => server.Running.WaitAsync(Wait.DefaultTimeout, Cancellation));
        string[] expected = reason is null ? [] : [reason];
        Assert.Equal(expected, refusals.Current);
        await ((Task)sending).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
    }

    [Fact]
    public async Task Connection_PeersAuthorityIsBelievedNoMore_Ends()
    {
        var pair = _authority.Issue();
        var files = new PemFiles(_directory.Combine("own"), pair, _authority.Pem);
        var own = Open(files);
        var (client, server) = await ConnectAsync(own, Good());
        await client.SendAsync("hello");
        Assert.Equal("hello", await server.ReceiveAsync(5));

        Replace(_authority.Pem + _other.Pem);
        client.Connections.Review(own);
        await client.SendAsync("still");
        Assert.Equal("still", await server.ReceiveAsync(5));

        Replace(_other.Pem);
        client.Connections.Review(own);
        await client.Running.WaitAsync(Wait.DefaultTimeout, Cancellation);
        Assert.Empty(client.Refusals.Current);

        void Replace(string authorities)
        {
            files.Write(pair, authorities);
            own.Look();
            Assert.True(own.Look(), "It has changed and stayed the same.");
        }
    }

    [Fact]
    public async Task Connection_PeersCertificateExpires_Ends()
    {
        var own = Good();
        var (client, server) = await ConnectAsync(own, Write(_authority.Issue(until: _time.GetUtcNow().AddHours(1))));
        await client.SendAsync("hello");
        Assert.Equal("hello", await server.ReceiveAsync(5));
        _time.Advance(TimeSpan.FromMinutes(59));
        client.Connections.Review(own);
        await client.SendAsync("still");
        Assert.Equal("still", await server.ReceiveAsync(5));

        _time.Advance(TimeSpan.FromMinutes(2));
        server.Connections.Review(own);
        Assert.False(server.Running.IsCompleted, "What its peer has shown is good.");
        client.Connections.Review(own);
        await client.Running.WaitAsync(Wait.DefaultTimeout, Cancellation);
    }

    /// <summary>An authority between the peer and the root is not in this node's files: it is kept with the connection.</summary>
    [Fact]
    public async Task Connection_PeersAuthorityIsBelowTheRoot_GoesOnUntilThatExpires()
    {
        using var below = _authority.Below("below");
        var leaf = below.Issue(until: _time.GetUtcNow().AddYears(20));
        var files = new PemFiles(_directory.Combine("own"), _authority.Issue(until: _time.GetUtcNow().AddYears(20)), _authority.Pem);
        var own = Open(files);
        var (client, server) = await ConnectAsync(own, Write(leaf with { Certificate = leaf.Certificate + below.Pem }));
        await client.SendAsync("hello");
        Assert.Equal("hello", await server.ReceiveAsync(5));
        files.Write(_authority.Issue(until: _time.GetUtcNow().AddYears(20)), _authority.Pem);
        own.Look();
        Assert.True(own.Look(), "It has changed and stayed the same.");
        client.Connections.Review(own);
        await client.SendAsync("still");
        Assert.Equal("still", await server.ReceiveAsync(5));

        _time.Advance(TimeSpan.FromDays(365 * 9.5));
        client.Connections.Review(own);
        await client.Running.WaitAsync(Wait.DefaultTimeout, Cancellation);
    }

    [Fact]
    public async Task Connection_CertificateReplaced_GoesOnAndTheNextOneUsesTheNewOne()
    {
        var files = new PemFiles(_directory.Combine("renewed"), _authority.Issue(), _authority.Pem);
        var own = Open(files);
        var (before, answer) = await ConnectAsync(Good(), own);

        files.Write(_other.Issue(), _authority.Pem);
        own.Look();
        Assert.True(own.Look(), "it has changed and stayed the same");
        await before.SendAsync("still here");
        Assert.Equal("still here", await answer.ReceiveAsync(10));

        var (after, _) = await ConnectAsync(Good(), own);
        await AssertRefusedAsync(after, $"The certificate of 127.0.0.1:{Port} is of none of the authorities");
    }

    private int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    private static async Task AssertRefusedAsync(End end, params string[] parts)
    {
        var error = await Assert.ThrowsAsync<PeerRefusedException>(() => end.Running.WaitAsync(Wait.DefaultTimeout, Cancellation));
        Assert.False(end.Passed.Task.IsCompletedSuccessfully, "Orleans was let to use a connection that was refused.");
        Assert.All(parts, part => Assert.Contains(part, error.Message, StringComparison.Ordinal));
        Assert.Equal(parts.Length, end.Refusals.Current.Count);
    }

    private NodeCertificate Good() => Write(_authority.Issue());

    private NodeCertificate Write(PemPair pair) => Open(new PemFiles(_directory.Combine(Guid.NewGuid().ToString("N")), pair, _authority.Pem));

    private NodeCertificate Open(PemFiles files) => new("cluster", new CertificateFiles(files.Certificate, files.Key, files.Authorities), _time, TestAuthority.SiloName);

    private async Task<(End Client, End Server)> ConnectAsync(NodeCertificate client, NodeCertificate server)
    {
        var answering = Answer(server);
        return (await BeginAsync(client), await answering);
    }

    private async Task<End> Answer(NodeCertificate own) => Run(await _listener.AcceptSocketAsync(Cancellation), own, begins: false);

    private async Task<End> BeginAsync(NodeCertificate own)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(IPAddress.Loopback, Port, Cancellation);
        return Run(socket, own, begins: true);
    }

    private End Run(Socket socket, NodeCertificate own, bool begins)
    {
        var (refusals, connections) = (new PeerRefusals(_time, new WarningLog<PeerRefusals>([])), new PeerConnections(_time, new WarningLog<PeerConnections>([])));
        return Run(socket, new SiloTls(own, refusals, connections, _time), refusals, begins, connections);
    }

    private End Run(Socket socket, SiloTls tls, PeerRefusals refusals, bool begins, PeerConnections? connections = null)
    {
        var end = new End(socket, tls, refusals, connections, begins);
        _open.Add(end);
        return end;
    }

    private (SiloTls Tls, PeerRefusals Refusals) Tls(NodeCertificate own)
    {
        var refusals = new PeerRefusals(_time, new WarningLog<PeerRefusals>([]));
        return (new SiloTls(own, refusals, new PeerConnections(_time, new WarningLog<PeerConnections>([])), _time), refusals);
    }

    /// <summary>Connections that say nothing, as whoever can reach the port can make them.</summary>
    private async Task<List<(Socket Client, End Server)>> BeginSilentAsync(SiloTls tls, PeerRefusals refusals, int count)
    {
        var begun = new List<(Socket, End)>();
        while (begun.Count < count)
        {
            var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            _open.Add(client);
            await client.ConnectAsync(IPAddress.Loopback, Port, Cancellation);
            begun.Add((client, Run(await _listener.AcceptSocketAsync(Cancellation), tls, refusals, begins: false)));
        }

        return begun;
    }

    /// <summary>One end of a connection, with what Orleans would do there.</summary>
    private sealed class End : IDisposable
    {
        private readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly Socket _socket;
        private readonly DefaultConnectionContext _context;
        private readonly PeerConnections? _connections;

        public End(Socket socket, SiloTls tls, PeerRefusals refusals, PeerConnections? connections, bool begins)
        {
            _socket = socket;
            var stream = new NetworkStream(socket, ownsSocket: false);
            _context = new DefaultConnectionContext("test", new Pipes(PipeReader.Create(stream), PipeWriter.Create(stream)), application: null!)
            {
                RemoteEndPoint = socket.RemoteEndPoint,
            };
            (Refusals, _connections) = (refusals, connections);
            _context.ConnectionClosed.Register(() => _done.TrySetResult());
            Running = RunAsync(tls, begins);
        }

        public PeerRefusals Refusals { get; }

        public PeerConnections Connections => _connections!;

        /// <summary>Ends with the connection.</summary>
        public Task Running { get; }

        /// <summary>Done when Orleans has it.</summary>
        public TaskCompletionSource Passed { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public async Task SendAsync(string text)
        {
            await Passed.Task.WaitAsync(Wait.DefaultTimeout);
            await _context.Transport.Output.WriteAsync(Encoding.ASCII.GetBytes(text));
        }

        public async Task<string> ReceiveAsync(int length)
        {
            await Passed.Task.WaitAsync(Wait.DefaultTimeout);
            var read = await _context.Transport.Input.ReadAtLeastAsync(length).AsTask().WaitAsync(Wait.DefaultTimeout);
            var text = Encoding.ASCII.GetString(read.Buffer);
            _context.Transport.Input.AdvanceTo(read.Buffer.End);
            return text;
        }

        public async Task EndAsync()
        {
            _done.TrySetResult();
            await Running.WaitAsync(Wait.DefaultTimeout);
        }

        public void Dispose()
        {
            _done.TrySetResult();
            _socket.Dispose();
        }

        private async Task RunAsync(SiloTls tls, bool begins)
        {
            try
            {
                await tls.RunAsync(
                    _context,
                    async _ =>
                    {
                        Passed.TrySetResult();
                        await _done.Task;
                    },
                    begins);
            }
            finally
            {
                _socket.Dispose();
            }
        }
    }

    private sealed record Pipes(PipeReader Input, PipeWriter Output) : IDuplexPipe;
}
