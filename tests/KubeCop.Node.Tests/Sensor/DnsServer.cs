using System.Net;
using System.Net.Sockets;
using System.Text;

namespace KubeCop.Node.Tests.Sensor;

/// <summary>Answers every question with 192.0.2.1 and 192.0.2.2, except for names that begin with <c>missing</c>: those do not exist.</summary>
internal sealed class DnsServer : IDisposable
{
    private const int Header = 12;

    private readonly Socket _udp = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
    private readonly TcpListener _tcp;

    public DnsServer(string address)
    {
        _udp.Bind(new IPEndPoint(IPAddress.Parse(address), 53));
        _tcp = new TcpListener(IPAddress.Parse(address), 53);
        _tcp.Start();
        _ = Task.Run(ServeUdpAsync);
        _ = Task.Run(ServeTcpAsync);
    }

    public void Dispose()
    {
        _udp.Dispose();
        _tcp.Stop();
    }

    private static byte[] Answer(ReadOnlySpan<byte> query)
    {
        var end = Header;
        while (query[end] != 0)
        {
            end += query[end] + 1;
        }

        var question = query[Header..(end + 5)];
        var isMissing = Encoding.ASCII.GetString(question).Contains("missing", StringComparison.Ordinal);
        byte[] record(byte last) => [0xc0, Header, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, last];
        return
        [
            query[0], query[1], 0x81, (byte)(isMissing ? 0x83 : 0x80), 0, 1, 0, (byte)(isMissing ? 0 : 2), 0, 0, 0, 0,
            .. question,
            .. isMissing ? [] : record(1),
            .. isMissing ? [] : record(2),
        ];
    }

    private async Task ServeUdpAsync()
    {
        var buffer = new byte[4096];
        try
        {
            while (true)
            {
                var received = await _udp.ReceiveFromAsync(buffer, new IPEndPoint(IPAddress.Any, 0));
                await _udp.SendToAsync(Answer(buffer.AsSpan(0, received.ReceivedBytes)), received.RemoteEndPoint);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The test has ended.
        }
    }

    private async Task ServeTcpAsync()
    {
        var buffer = new byte[4096];
        try
        {
            while (true)
            {
                using var client = await _tcp.AcceptTcpClientAsync();
                var stream = client.GetStream();
                await stream.ReadExactlyAsync(buffer.AsMemory(0, 2));
                var length = (buffer[0] << 8) | buffer[1];
                await stream.ReadExactlyAsync(buffer.AsMemory(0, length));
                var answer = Answer(buffer.AsSpan(0, length));
                await stream.WriteAsync((byte[])[(byte)(answer.Length >> 8), (byte)answer.Length, .. answer]);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or IOException)
        {
            // The test has ended.
        }
    }
}
