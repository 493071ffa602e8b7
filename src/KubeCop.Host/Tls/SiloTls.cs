using System.IO.Pipelines;
using System.Net;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Connections;
using Orleans.Configuration;

namespace KubeCop.Host.Tls;

/// <summary>
/// TLS between silos, on both sides with a certificate. The handshake itself takes any certificate; then each side tells the other with one byte
/// what it found, the <see cref="PeerFault"/>, and no byte of Orleans passes before both have said that it is nothing. So the one that is refused
/// can say why, which TLS 1.3 would not tell it: there the client is done before the server has looked at its certificate.
/// </summary>
/// <param name="certificate">This node's own; null where the administrator wants no TLS.</param>
internal sealed class SiloTls(NodeCertificate? certificate, PeerRefusals refusals, TimeProvider time)
{
    /// <summary>In which a peer has to have shown its certificate.</summary>
    public static readonly TimeSpan HandshakeTime = TimeSpan.FromSeconds(10);

    /// <summary>Handshakes that others have begun, at a time: whoever can reach the port can begin one. A silo that finds no place tries again after a second.</summary>
    internal const int MostHandshakes = 256;

    /// <summary>The largest record of TLS.</summary>
    private const int BufferSize = 16 * 1024;

    private readonly SemaphoreSlim _handshakes = new(MostHandshakes);

    /// <summary>Has a silo speak TLS, if it is to.</summary>
    public void AddTo(ISiloBuilder silo)
    {
        if (certificate is null)
        {
            return;
        }

        silo.Configure<SiloConnectionOptions>(connections =>
        {
            connections.ConfigureSiloOutboundConnection(connection => connection.Use(next => context => RunAsync(context, next, begins: true)));
            connections.ConfigureSiloInboundConnection(connection => connection.Use(next => context => RunAsync(context, next, begins: false)));
            connections.ConfigureGatewayInboundConnection(connection => connection.Use(next => context => RunAsync(context, next, begins: false)));
        });
    }

    /// <summary>Has both certificates accepted, then lets the connection be used until it ends.</summary>
    /// <param name="begins">Whether this side has begun the connection.</param>
    /// <exception cref="ConnectionAbortedException">It was not to be; the message says why.</exception>
    internal async Task RunAsync(ConnectionContext context, ConnectionDelegate next, bool begins)
    {
        var transport = context.Transport;
        var stream = new TransportStream(transport);
        await using var tls = new SslStream(stream, leaveInnerStreamOpen: false);
        await AgreeAsync(tls, stream, PeerOf(context, begins), begins);
        var pipes = new Pipes(
            PipeReader.Create(tls, new StreamPipeReaderOptions(bufferSize: BufferSize, leaveOpen: true)),
            PipeWriter.Create(tls, new StreamPipeWriterOptions(minimumBufferSize: BufferSize, leaveOpen: true)));
        context.Transport = pipes;
        try
        {
            await next(context);
        }
        finally
        {
            await pipes.Input.CompleteAsync();
            await pipes.Output.CompleteAsync();
            context.Transport = transport;
        }
    }

    private async Task AgreeAsync(SslStream tls, TransportStream stream, string peer, bool begins)
    {
        if (!begins && !_handshakes.Wait(0, CancellationToken.None))
        {
            throw new ConnectionAbortedException($"More than {MostHandshakes} connections are being made.");
        }

        string[] reasons;
        using var limit = new CancellationTokenSource(HandshakeTime, time);
        try
        {
            var (own, name, found) = (certificate!.Files.Current, certificate.PeerName, new Found());
            await (begins ? tls.AuthenticateAsClientAsync(AsClient(own, name, found), limit.Token) : tls.AuthenticateAsServerAsync(AsServer(own, name, found), limit.Token));
            var word = new[] { (byte)found.Fault };
            await tls.WriteAsync(word, limit.Token);
            await tls.FlushAsync(limit.Token);
            await tls.ReadExactlyAsync(word, limit.Token);
            var said = (PeerFault)word[0];
            reasons =
            [
                .. found.Fault == PeerFault.None
                    ? Array.Empty<string>()
                    : [$"{(found.Certificate is null ? peer : $"The certificate of {peer}")} {PeerFaults.Describe(found.Fault, found.Certificate, name)}."],
                .. said == PeerFault.None ? Array.Empty<string>() : [$"{peer} says that this node's certificate {PeerFaults.Describe(said, own.Certificate, name)}."],
            ];
        }
        catch (OperationCanceledException exception)
        {
            throw limit.IsCancellationRequested ? Refuse($"{peer} has not shown a certificate within {HandshakeTime.TotalSeconds:0} s.") : new ConnectionAbortedException("This silo ends.", exception);
        }
        catch (Exception exception) when (exception is AuthenticationException or IOException)
        {
            // Whoever only looks whether somebody listens says nothing.
            throw stream.FirstByte is not { } first ? begins ? Refuse($"{peer} has ended the connection instead of using TLS.") : new ConnectionAbortedException("The peer has said nothing.")
                : !TransportStream.IsTls(first) ? Refuse($"{peer} does not use TLS.")
                : exception is AuthenticationException ? Refuse($"{peer} and this node do not agree on how to use TLS: {(exception.InnerException ?? exception).Message}")
                : Refuse($"{peer} has ended the connection before both certificates were accepted.");
        }
        finally
        {
            if (!begins)
            {
                _handshakes.Release();
            }
        }

        if (reasons.Length > 0)
        {
            throw Refuse(reasons);
        }
    }

    private SslServerAuthenticationOptions AsServer(CertificateSet own, string name, Found found) => new()
    {
        ServerCertificateContext = own.Context,
        ClientCertificateRequired = true,
        EnabledSslProtocols = SslProtocols.Tls13,
        CertificateChainPolicy = PeerFaults.Policy(own, time.GetUtcNow()),
        RemoteCertificateValidationCallback = (_, shown, chain, _) => Take(found, name, shown, chain),
        AllowRenegotiation = false,

        // A certificate that was good at the last connection is looked at again.
        AllowTlsResume = false,
    };

    private SslClientAuthenticationOptions AsClient(CertificateSet own, string name, Found found) => new()
    {
        TargetHost = name,
        ClientCertificateContext = own.Context,
        EnabledSslProtocols = SslProtocols.Tls13,
        CertificateChainPolicy = PeerFaults.Policy(own, time.GetUtcNow()),
        RemoteCertificateValidationCallback = (_, shown, chain, _) => Take(found, name, shown, chain),
        AllowRenegotiation = false,
        AllowTlsResume = false,
    };

    /// <returns>True: what was found is told to the peer, and nothing else.</returns>
    private bool Take(Found found, string name, X509Certificate? shown, X509Chain? chain)
    {
        found.Certificate = shown as X509Certificate2;
        found.Fault = PeerFaults.Judge(found.Certificate, chain, name, time.GetUtcNow());
        return true;
    }

    private ConnectionAbortedException Refuse(params string[] reasons)
    {
        foreach (var reason in reasons)
        {
            refusals.Add(reason);
        }

        return new ConnectionAbortedException(string.Join(' ', reasons));
    }

    /// <summary>A silo where it listens; of one that has begun the connection only the address means anything.</summary>
    private static string PeerOf(ConnectionContext context, bool begins) =>
        context.RemoteEndPoint is not IPEndPoint peer ? $"{context.RemoteEndPoint}"
        : begins ? $"{peer}"
        : $"{(peer.Address.IsIPv4MappedToIPv6 ? peer.Address.MapToIPv4() : peer.Address)}";

    /// <summary>What became of the peer's certificate; until it was looked at there is none.</summary>
    private sealed class Found
    {
        public PeerFault Fault { get; set; } = PeerFault.NoCertificate;

        public X509Certificate2? Certificate { get; set; }
    }

    private sealed record Pipes(PipeReader Input, PipeWriter Output) : IDuplexPipe;
}
