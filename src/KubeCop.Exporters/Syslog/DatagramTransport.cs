using System.Net.Sockets;

namespace KubeCop.Exporters.Syslog;

/// <summary>
/// A datagram each. They can be lost on the way without anybody noticing; only that nobody listens is told sometimes, by the error of a later one.
/// </summary>
internal sealed class DatagramTransport(string host, int port) : ISyslogTransport
{
    private Socket? _socket;

    public string Send(IReadOnlyList<byte[]> messages, Action<int> sent, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
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
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
