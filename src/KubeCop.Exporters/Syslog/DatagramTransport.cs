using System.Net.Sockets;

namespace KubeCop.Exporters.Syslog;

/// <summary>
/// A datagram each. They can be lost on the way without anybody noticing; only that nobody listens is told sometimes, by the error of a later one.
/// </summary>
internal sealed class DatagramTransport(string host, int port) : ISyslogTransport
{
    /// <summary>A name may get another address.</summary>
    private static readonly TimeSpan Lifetime = TimeSpan.FromMinutes(5);

    private Socket? _socket;
    private long _connected;

    public string Send(IReadOnlyList<byte[]> messages, Action<int> sent, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (_socket is not null && TimeProvider.System.GetElapsedTime(_connected) > Lifetime)
        {
            Reset();
        }

        _socket ??= Connect();
        for (var i = 0; i < messages.Count; i++)
        {
            _socket.Send(messages[i]);
            sent(i + 1);
        }

        return "sent; a receiver of datagrams does not answer";
    }

    public void Reset()
    {
        _socket?.Dispose();
        _socket = null;
    }

    public void Dispose() => Reset();

    // Connected, so that the kernel tells what ICMP tells it.
    private Socket Connect()
    {
        var socket = new Socket(SocketType.Dgram, ProtocolType.Udp);
        try
        {
            socket.Connect(host, port);
            _connected = TimeProvider.System.GetTimestamp();
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
