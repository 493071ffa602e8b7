using System.Net.Sockets;
using KubeCop.Scanning.Clamd;
using KubeCop.Testing;

namespace KubeCop.Tests.Scanning.Clamd;

/// <summary>Whatever listens where clamd should.</summary>
internal sealed class FakePeer : IAsyncDisposable
{
    private readonly TestDirectory _directory = new();
    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly CancellationTokenSource _stop = new();
    private readonly Func<Socket, CancellationToken, Task> _serve;
    private readonly Task _accepting;
    private int _connections;

    /// <param name="serve">What it does with a connection, which ends after that.</param>
    public FakePeer(Func<Socket, CancellationToken, Task> serve)
    {
        _serve = serve;
        _listener.Bind(new UnixDomainSocketEndPoint(_directory.Combine("clamd.ctl")));
        _listener.Listen(16);
        Address = ClamdAddress.TryParse($"unix:{_directory.Combine("clamd.ctl")}", out var address, out var mistake) ? address : throw new InvalidOperationException(mistake);
        _accepting = AcceptAsync();
    }

    public ClamdAddress Address { get; }

    public int Connections => Volatile.Read(ref _connections);

    /// <summary>A peer that reads what is asked, up to the end of the command, and answers the same bytes to everything.</summary>
    public static FakePeer Answering(byte[] answer) => new(async (socket, token) =>
    {
        await ReadSomethingAsync(socket, token);
        await socket.SendAsync(answer, token);
        socket.Shutdown(SocketShutdown.Send);
        await ReadSomethingAsync(socket, token);
    });

    /// <summary>A peer that accepts and is silent.</summary>
    public static FakePeer Silent() => new(static async (_, token) => await Task.Delay(Timeout.Infinite, token));

    public static async Task<int> ReadSomethingAsync(Socket socket, CancellationToken cancellationToken) =>
        await socket.ReceiveAsync(new byte[4096], cancellationToken);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Dispose();
        await _accepting;
        _stop.Dispose();
        _directory.Dispose();
    }

    private async Task AcceptAsync()
    {
        var serving = new List<Task>();
        try
        {
            while (true)
            {
                var socket = await _listener.AcceptAsync(_stop.Token);
                Interlocked.Increment(ref _connections);
                serving.Add(ServeAsync(socket));
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            await Task.WhenAll(serving);
        }
    }

    private async Task ServeAsync(Socket socket)
    {
        using (socket)
        {
            try
            {
                await _serve(socket, _stop.Token);
            }
            catch (Exception exception) when (exception is OperationCanceledException or SocketException or IOException)
            {
                // The client has gone, or the test has ended.
            }
        }
    }
}
