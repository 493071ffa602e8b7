using System.Net;
using Microsoft.AspNetCore.Connections;

namespace KubeCop.Host.Http;

/// <summary>
/// How many connections to the endpoints one host may have open: there is room for so many in all, and whoever may ask nothing can open them too.
/// Further ones are ended at once.
/// </summary>
internal sealed partial class ConnectionLimit(TimeProvider time, ILogger<ConnectionLimit> logger)
{
    /// <summary>Of all, far more than people, probes and scrapes have.</summary>
    public const int Most = 1024;

    /// <summary>Of one address.</summary>
    public const int MostOfOne = 256;

    /// <summary>Of this machine's own, where whoever holds them can be found.</summary>
    public const int MostOfLoopback = 768;

    private static readonly TimeSpan Pause = TimeSpan.FromMinutes(1);

    private readonly Lock _lock = new();
    private readonly Dictionary<string, int> _open = new(StringComparer.Ordinal);
    private long? _toldAt;
    private long _refused;

    public async Task InvokeAsync(ConnectionContext connection, ConnectionDelegate next)
    {
        var address = (connection.RemoteEndPoint as IPEndPoint)?.Address ?? IPAddress.None;
        if (!TryEnter(address))
        {
            connection.Abort(new ConnectionAbortedException("There are too many connections of this host."));
            return;
        }

        try
        {
            await next(connection);
        }
        finally
        {
            Leave(address);
        }
    }

    internal bool TryEnter(IPAddress address)
    {
        var network = ClientNetwork.Of(address);
        long refused;
        lock (_lock)
        {
            var open = _open.GetValueOrDefault(network);
            if (open < (IPAddress.IsLoopback(address) ? MostOfLoopback : MostOfOne))
            {
                _open[network] = open + 1;
                return true;
            }

            refused = ++_refused;
            if (_toldAt is { } toldAt && time.GetElapsedTime(toldAt) < Pause)
            {
                return false;
            }

            (_toldAt, _refused) = (time.GetTimestamp(), 0);
        }

        LogWarningRefused(address, refused);
        return false;
    }

    internal void Leave(IPAddress address)
    {
        var network = ClientNetwork.Of(address);
        lock (_lock)
        {
            if (--_open[network] == 0)
            {
                _open.Remove(network);
            }
        }
    }

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "{Address} has as many connections to the endpoints as one host may have; further ones are refused ({Refused} since this was last told, those of other hosts included).")]
    private partial void LogWarningRefused(IPAddress address, long refused);
}
