using System.Globalization;
using System.Net.Security;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;
using KubeCop.Exporters.Receivers;

namespace KubeCop.Exporters.Syslog;

/// <summary>
/// Messages with their length before them (RFC 6587, 3.4.1; RFC 5425, 4.3) on one connection. Syslog has no answers: what counts as handed over is
/// what the receiver's kernel has acknowledged, so that a connection of which one end is gone loses nothing. What it has taken and its program
/// did not read before it ended is lost.
/// </summary>
/// <param name="tls">Null for none.</param>
internal sealed partial class StreamTransport(string host, int port, TimeSpan timeout, ReceiverTlsOptions? tls) : ISyslogTransport
{
    // TIOCOUTQ of asm-generic/ioctls.h, which is SIOCOUTQ for a socket: bytes that the peer has not acknowledged (tcp(7)).
    private const nuint UnacknowledgedBytes = 0x5411;

    // tcp(7): the first byte of TCP_INFO is the state, as linux/tcp_states.h numbers them.
    private const int IpProtocolTcp = 6;
    private const int TcpInfo = 11;
    private const byte TcpEstablished = 1;

    private static readonly TimeSpan GoodbyeTime = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan AcknowledgementPoll = TimeSpan.FromMilliseconds(1);

    private Socket? _socket;
    private Stream? _stream;

    public string Send(IReadOnlyList<byte[]> messages, Action<int> sent, CancellationToken cancellationToken)
    {
        if (_socket is not null && IsClosedByPeer(_socket))
        {
            Reset();
        }

        using var canceling = cancellationToken.Register(static transport => ((StreamTransport)transport!)._socket?.Dispose(), this);
        var stream = _stream ??= Connect(cancellationToken);
        using var frames = new MemoryStream();
        foreach (var message in messages)
        {
            frames.Write(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{message.Length} ")));
            frames.Write(message);
        }

        stream.Write(frames.GetBuffer(), 0, (int)frames.Length);
        stream.Flush();
        WaitUntilAcknowledged(_socket!, cancellationToken);
        sent(messages.Count);
        return "acknowledged by its machine";
    }

    public void Reset()
    {
        if (_stream is SslStream secured)
        {
            SayGoodbye(secured);
        }

        _stream?.Dispose();
        _socket?.Dispose();
        (_stream, _socket) = (null, null);
    }

    public void Dispose() => Reset();

    private Stream Connect(CancellationToken cancellationToken)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(timeout);
        try
        {
            return ConnectAsync(patience.Token).GetAwaiter().GetResult();
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new TimeoutException($"no connection within {timeout.TotalSeconds:0.#} s");
        }
    }

    private async Task<Stream> ConnectAsync(CancellationToken cancellationToken)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true, SendTimeout = (int)timeout.TotalMilliseconds };
        try
        {
            socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
            await socket.ConnectAsync(host, port, cancellationToken);
            _socket = socket;
            var stream = new NetworkStream(socket, ownsSocket: false);
            if (tls is null)
            {
                return stream;
            }

            var secured = new SslStream(stream);
            await secured.AuthenticateAsClientAsync(tls.ToClientOptions(host), cancellationToken);
            return secured;
        }
        catch
        {
            socket.Dispose();
            _socket = null;
            throw;
        }
    }

    // RFC 5425, 4.4: whoever closes says so before.
    private static void SayGoodbye(SslStream stream)
    {
        try
        {
            stream.ShutdownAsync().Wait(GoodbyeTime);
        }
        catch (Exception exception) when (exception is AggregateException or IOException or ObjectDisposedException or InvalidOperationException)
        {
            // Nobody listens any more.
        }
    }

    // Not by what there is to read: TLS leaves something there, a syslog server nothing.
    private static bool IsClosedByPeer(Socket socket)
    {
        try
        {
            Span<byte> state = stackalloc byte[1];
            return socket.GetRawSocketOption(IpProtocolTcp, TcpInfo, state) < 1 || state[0] != TcpEstablished;
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            return true;
        }
    }

    private void WaitUntilAcknowledged(Socket socket, CancellationToken cancellationToken)
    {
        var (progressed, least) = (TimeProvider.System.GetTimestamp(), int.MaxValue);
        while (Unacknowledged(socket) is var left and > 0)
        {
            if (IsClosedByPeer(socket))
            {
                throw new IOException($"the connection was closed with {left} bytes not acknowledged");
            }

            // A link may be slow, as long as it goes on.
            if (left < least)
            {
                (progressed, least) = (TimeProvider.System.GetTimestamp(), left);
            }

            if (TimeProvider.System.GetElapsedTime(progressed) > timeout)
            {
                throw new TimeoutException($"{left} bytes were not acknowledged within {timeout.TotalSeconds:0.#} s");
            }

            cancellationToken.WaitHandle.WaitOne(AcknowledgementPoll);
            cancellationToken.ThrowIfCancellationRequested();
        }
    }

    private static int Unacknowledged(Socket socket) =>
        Ioctl((int)socket.Handle, UnacknowledgedBytes, out var bytes) == 0 ? bytes : throw new IOException(Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError()));

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    private static partial int Ioctl(int descriptor, nuint request, out int argument);
}
