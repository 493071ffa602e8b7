using System.Net;
using System.Net.Sockets;
using KubeCop.Host.Configuration;

namespace KubeCop.Host.Http;

/// <summary>
/// The socket of the endpoints, taken before anything else is started: a port that is taken is told at once, and a free one is known
/// from the beginning.
/// </summary>
internal sealed class HttpListenSocket : IDisposable
{
    private HttpListenSocket(Socket socket)
    {
        Socket = socket;
        EndPoint = (IPEndPoint)socket.LocalEndPoint!;
    }

    /// <summary>For Kestrel, which closes it when it stops; closing it again does no harm.</summary>
    public Socket Socket { get; }

    public IPEndPoint EndPoint { get; }

    /// <summary>Where programs on this machine reach it.</summary>
    public string Address
    {
        get
        {
            var address = EndPoint.Address;
            var reachable = address.Equals(IPAddress.Any) ? IPAddress.Loopback : address.Equals(IPAddress.IPv6Any) ? IPAddress.IPv6Loopback : address;
            return new IPEndPoint(reachable, EndPoint.Port).ToString();
        }
    }

    /// <exception cref="UsageException">The address or the port is not to be had.</exception>
    public static HttpListenSocket Bind(HttpOptions options)
    {
        var endPoint = options.EndPoint;
        var socket = new Socket(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Bind(endPoint);
            socket.Listen(512);
            return new HttpListenSocket(socket);
        }
        catch (SocketException exception)
        {
            socket.Dispose();
            var reason = exception.SocketErrorCode switch
            {
                SocketError.AddressAlreadyInUse => "something else listens there; stop it, or choose another port (port 0 takes a free one)",
                SocketError.AddressNotAvailable => "this machine has no such address; choose one of its own, for example 127.0.0.1",
                SocketError.AccessDenied => "the user may not take this port; choose one from 1024",
                _ => exception.Message,
            };
            throw new UsageException($"--http '{options.Address}' cannot be listened on: {reason}.");
        }
    }

    public void Dispose() => Socket.Dispose();
}
