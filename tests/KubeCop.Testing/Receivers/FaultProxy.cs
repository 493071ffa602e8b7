using System.Net;
using System.Net.Sockets;
using KubeCop.Testing.Storage;

namespace KubeCop.Testing.Receivers;

/// <summary>A way to a server on loopback that a test can break.</summary>
public sealed class FaultProxy(int target) : IDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _lock = new();
    private readonly List<Socket> _sockets = [];
    private Socket? _listener;
    private volatile int _generation;

    public int Port { get; } = ServerProcess.FreePort();

    /// <summary>How long answers wait before they are passed on. Default: zero.</summary>
    public TimeSpan Delay { get; set; }

    /// <summary>Takes a few KiB at a time, so that the other end soon notices when nothing is taken any more. Default: false.</summary>
    public bool IsNarrow { get; set; }

    /// <summary>Takes connections.</summary>
    public void Open()
    {
        var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, Port));
        listener.Listen();
        _listener = listener;
        _ = AcceptAsync(listener);
    }

    /// <summary>Refuses connections and breaks those that there are.</summary>
    public void Close()
    {
        _listener?.Dispose();
        Forget(close: true);
    }

    /// <summary>The connections that there are pass nothing on any more, without an end; new ones work. As where a firewall has forgotten them.</summary>
    public void Deafen() => Forget(close: false);

    public void Dispose()
    {
        _stop.Cancel();
        Close();
        lock (_lock)
        {
            _sockets.ForEach(static socket => socket.Dispose());
        }
    }

    private void Forget(bool close)
    {
        lock (_lock)
        {
            _generation++;
            if (close)
            {
                _sockets.ForEach(static socket => socket.Dispose());
                _sockets.Clear();
            }
        }
    }

    private async Task AcceptAsync(Socket listener)
    {
        try
        {
            while (true)
            {
                var near = await listener.AcceptAsync(_stop.Token);
                var far = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);

                if (IsNarrow)
                {
                    near.ReceiveBufferSize = 4096;
                }

                lock (_lock)
                {
                    _sockets.AddRange([near, far]);
                }

                _ = PassAsync(near, far, _generation);
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // Closed.
        }
    }

    private async Task PassAsync(Socket near, Socket far, int generation)
    {
        try
        {
            await far.ConnectAsync(IPAddress.Loopback, target, _stop.Token);
            await Task.WhenAny(PassAsync(near, far, generation, static () => TimeSpan.Zero), PassAsync(far, near, generation, () => Delay));
        }
        catch (Exception exception) when (exception is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // One of them has gone.
        }

        if (generation == _generation)
        {
            near.Dispose();
            far.Dispose();
        }
    }

    private async Task PassAsync(Socket from, Socket to, int generation, Func<TimeSpan> delay)
    {
        var buffer = new byte[16 * 1024];
        try
        {
            while (generation == _generation && await from.ReceiveAsync(buffer, _stop.Token) is var read and > 0)
            {
                await Task.Delay(delay(), _stop.Token);
                if (generation != _generation)
                {
                    break;
                }

                for (var sent = 0; sent < read;)
                {
                    sent += await to.SendAsync(buffer.AsMemory(sent, read - sent), _stop.Token);
                }
            }

            if (generation != _generation)
            {
                await Task.Delay(Timeout.Infinite, _stop.Token);
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // One of them has gone.
        }
    }
}
