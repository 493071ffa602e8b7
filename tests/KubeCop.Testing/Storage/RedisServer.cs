using System.Globalization;
using Xunit;

namespace KubeCop.Testing.Storage;

/// <summary>A Redis on a free port of loopback that wants a password; what it holds survives <see cref="StopAsync"/>.</summary>
public sealed class RedisServer : IAsyncDisposable
{
    private readonly TestDirectory _directory = new();
    private ServerProcess? _process;

    private RedisServer()
    {
    }

    public int Port { get; } = ServerProcess.FreePort();

    /// <summary>A secret that no message may show.</summary>
    public string Password { get; } = $"password-{Guid.NewGuid():N}";

    public string ConnectionString => $"127.0.0.1:{Port},password={Password}";

    /// <summary>Skips the test, saying why, where there is none.</summary>
    public static async Task<RedisServer> StartNewAsync()
    {
        Assert.SkipWhen(Commands.Find("redis-server") is null, "needs redis-server; tools/test installs it");
        var server = new RedisServer();
        try
        {
            await server.StartAsync();
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    public async Task StartAsync() => _process = await ServerProcess.StartAsync(
        _directory.Combine("redis.log"),
        [
            Commands.Find("redis-server")!, "--bind", "127.0.0.1", "--port", Port.ToString(CultureInfo.InvariantCulture), "--dir", _directory.Path,
            "--requirepass", Password, "--appendonly", "yes",
        ],
        () => ServerProcess.ListensAsync(Port));

    public async Task StopAsync()
    {
        if (_process is not null)
        {
            await _process.DisposeAsync();
            _process = null;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _directory.Dispose();
    }
}
