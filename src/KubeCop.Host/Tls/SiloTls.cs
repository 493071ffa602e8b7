using System.IO.Pipelines;
using System.Net;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
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
internal sealed class SiloTls(NodeCertificate? certificate, PeerRefusals refusals, PeerConnections connections, TimeProvider time)
{
    /// <summary>In which a peer has to have shown its certificate; and before, in which there has to be a place for it.</summary>
    public static readonly TimeSpan HandshakeTime = TimeSpan.FromSeconds(10);

    /// <summary>The largest record of TLS, and more than a handshake begins with.</summary>
    private const int BufferSize = 16 * 1024;

    private readonly HandshakePlaces _places = new();

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
        var peer = PeerOf(context, begins);
        var (found, own) = await AgreeAsync(context, tls, stream, peer, begins);
        using var open = connections.Add(context, peer, found, own);
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
            // First: whatever becomes of ours, the connection ends by its own.
            context.Transport = transport;
            await pipes.Input.CompleteAsync();
            await pipes.Output.CompleteAsync();
        }
    }

    /// <returns>What the peer has shown, and before what it was found good.</returns>
    private async Task<(PeerCertificate Shown, CertificateSet By)> AgreeAsync(ConnectionContext context, SslStream tls, TransportStream stream, string peer, bool begins)
    {
        using var place = begins ? null : await TakePlaceAsync(context, stream, peer);
        string[] reasons;
        var (own, name, found) = (certificate!.Files.Current, certificate.PeerName, new Found());
        using var limit = new CancellationTokenSource(HandshakeTime, time);
        try
        {
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
            if (reasons.Length > 0 && !begins && found.Certificate is not null)
            {
                await UntilEndedAsync(tls, limit.Token);
            }
        }
        catch (OperationCanceledException exception)
        {
            throw limit.IsCancellationRequested
                ? Refuse(peer, $"{peer} has not shown a certificate within {HandshakeTime.TotalSeconds:0} s.")
                : new ConnectionAbortedException("This silo ends.", exception);
        }
        catch (Exception exception) when (exception is AuthenticationException or IOException or CryptographicException)
        {
            // Whoever only looks whether somebody listens says nothing.
            throw stream.FirstByte is not { } first ? begins ? Refuse(peer, $"{peer} has ended the connection instead of using TLS.") : new ConnectionAbortedException("The peer has said nothing.")
                : !TransportStream.IsTls(first) ? Refuse(peer, NoTls(peer))
                : exception is IOException ? Refuse(peer, $"{peer} has ended the connection before both certificates were accepted.")
                : Refuse(peer, $"{peer} and this node do not agree on how to use TLS: {(exception.InnerException ?? exception).Message}");
        }

        return reasons.Length == 0 ? (found.Kept!, own) : throw Refuse(peer, isOfCertificate: found.Certificate is not null, reasons);
    }

    /// <summary>Waits until a peer has ended a connection that is not to be. Ended by this side it would be one that was lost, to Orleans over there, and not one that was refused.</summary>
    private static async Task UntilEndedAsync(SslStream tls, CancellationToken cancellationToken)
    {
        try
        {
            await tls.ReadExactlyAsync(new byte[1], cancellationToken);
        }
        catch (Exception exception) when (exception is IOException or OperationCanceledException)
        {
            // That is the end; or it takes its time.
        }
    }

    /// <summary>Waits for a place. All silos of a machine, or behind one address, may come at the same time, and none of them is to be sent away.</summary>
    private async Task<IDisposable> TakePlaceAsync(ConnectionContext context, TransportStream stream, string peer)
    {
        using var limit = new CancellationTokenSource(HandshakeTime, time);
        using var waiting = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, context.ConnectionClosed);
        var entering = _places.EnterAsync(peer, waiting.Token);
        if (!entering.IsCompleted)
        {
            var holding = stream.HoldAsync(BufferSize, waiting.Token);
            await Task.WhenAny(entering, holding);
            await waiting.CancelAsync();
            await holding.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        try
        {
            return await entering ?? throw Refuse(peer, NoRoom(peer));
        }
        catch (OperationCanceledException exception)
        {
            throw limit.IsCancellationRequested ? Refuse(peer, NoRoom(peer))
                : stream.FirstByte is { } first && !TransportStream.IsTls(first) ? Refuse(peer, NoTls(peer))
                : new ConnectionAbortedException("The peer has not waited for its turn.", exception);
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
        try
        {
            found.Fault = PeerFaults.Judge(found.Certificate, chain, name, time.GetUtcNow());
            found.Kept = found.Fault == PeerFault.None ? new PeerCertificate(found.Certificate!, chain!) : null;
        }
        catch (CryptographicException)
        {
            // What cannot be read nobody of ours has signed.
            found.Fault = PeerFault.UnknownAuthority;
        }

        return true;
    }

    private PeerRefusedException Refuse(string peer, string reason) => Refuse(peer, isOfCertificate: false, reason);

    private PeerRefusedException Refuse(string peer, bool isOfCertificate, params string[] reasons)
    {
        foreach (var reason in reasons)
        {
            refusals.Add(peer, reason, isOfCertificate);
        }

        return new PeerRefusedException(string.Join(' ', reasons));
    }

    private static string NoTls(string peer) => $"{peer} does not use TLS.";

    private static string NoRoom(string peer) => $"More connections are being made than there is room for, the last of them by {peer}.";

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

        /// <summary>What is kept of one that was found good.</summary>
        public PeerCertificate? Kept { get; set; }
    }

    private sealed record Pipes(PipeReader Input, PipeWriter Output) : IDuplexPipe;
}
