using System.Net.Sockets;

namespace KubeCop.Exporters.Syslog;

/// <summary>
/// A datagram each. They can be lost on the way without anybody noticing; only that nobody listens is told sometimes, by the error of a later one.
/// What comes faster than the receiver reads is lost in its kernel, so many at once are sent at a rate.
/// </summary>
/// <param name="perSecond">0 for as fast as they come.</param>
internal sealed class DatagramTransport(string host, int port, int perSecond) : ISyslogTransport
{
    /// <summary>Datagrams sent at once: of 2048 bytes, what a socket holds by default that nobody reads (net.core.rmem_default, 212 992 with overhead).</summary>
    private const int Burst = 64;


    /// <summary>A name may get another address.</summary>
    private static readonly TimeSpan Lifetime = TimeSpan.FromMinutes(5);

    private Socket? _socket;
    private long _connected;
    private double _room = Burst;
    private long _sentAt;

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
            WaitForRoom(cancellationToken);
            _socket.Send(messages[i]);
            sent(i + 1);
        }

        return "sent; a receiver of datagrams does not answer";
    }

    private void WaitForRoom(CancellationToken cancellationToken)
    {
        if (perSecond == 0)
        {
            return;
        }

        _room = Math.Min(Burst, _room + (TimeProvider.System.GetElapsedTime(_sentAt).TotalSeconds * perSecond));
        _sentAt = TimeProvider.System.GetTimestamp();
        if (_room-- < 1)
        {
            // As long as an eighth of the burst takes: pauses for a datagram each would be longer than they should, and cost more.
            cancellationToken.WaitHandle.WaitOne(TimeSpan.FromSeconds(Burst / 8.0 / perSecond));
            cancellationToken.ThrowIfCancellationRequested();
        }
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
