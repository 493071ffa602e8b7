using System.Net.Sockets;

namespace KubeCop.Sensor.Containers.Runtimes;

/// <summary>HTTP over a unix socket.</summary>
internal static class UnixSocket
{
    /// <summary>The most that is taken in of one answer: a container's description has some ten KiB.</summary>
    public const int MaxAnswer = 4 * 1024 * 1024;

    public static SocketsHttpHandler Handler(string path) => new()
    {
        ConnectCallback = async (_, cancellationToken) => new NetworkStream(await ConnectAsync(path, cancellationToken), ownsSocket: true),
        UseProxy = false,
        AllowAutoRedirect = false,
        UseCookies = false,
        MaxResponseHeadersLength = 64,
        MaxResponseDrainSize = 64 * 1024,
    };

    /// <summary>Finds, in what an HTTP stack throws, what there is to tell.</summary>
    public static RuntimeSocketException Explain(Exception exception)
    {
        for (var cause = exception; cause is not null; cause = cause.InnerException)
        {
            switch (cause)
            {
                case RuntimeSocketException known:
                    return known;
                case SocketException { SocketErrorCode: SocketError.ConnectionRefused } or SocketException { NativeErrorCode: 2 or 20 }:
                    return new RuntimeSocketException("nobody listens there", unreachable: true, exception);
                case SocketException { SocketErrorCode: SocketError.AccessDenied }:
                    return new RuntimeSocketException("access is denied", unreachable: true, exception);
                case OperationCanceledException:
                    return new RuntimeSocketException("it did not answer in time", unreachable: false, exception);
            }
        }

        return new RuntimeSocketException($"its answer is not understood: {exception.GetBaseException().Message}", unreachable: false, exception);
    }

    private static async Task<Socket> ConnectAsync(string path, CancellationToken cancellationToken)
    {
        UnixDomainSocketEndPoint end;
        try
        {
            end = new UnixDomainSocketEndPoint(path);
        }
        catch (ArgumentException e)
        {
            throw new RuntimeSocketException("its path is longer than a socket's can be", unreachable: true, e);
        }

        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(end, cancellationToken);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
