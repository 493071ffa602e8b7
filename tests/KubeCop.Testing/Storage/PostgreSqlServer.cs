using System.Globalization;
using Xunit;

namespace KubeCop.Testing.Storage;

/// <summary>A PostgreSQL on a free port of loopback that wants a password; what it holds survives <see cref="StopAsync"/>.</summary>
public sealed class PostgreSqlServer : IAsyncDisposable
{
    private readonly TestDirectory _directory = new();
    private ServerProcess? _process;

    private PostgreSqlServer()
    {
    }

    public int Port { get; } = ServerProcess.FreePort();

    /// <summary>A secret that no message may show.</summary>
    public string Password { get; } = $"password-{Guid.NewGuid():N}";

    public string ConnectionString => ConnectionStringOf("postgres");

    // Debian keeps each version's programs in a directory of its own.
    private static string? Programs { get; } = Directory.Exists("/usr/lib/postgresql")
        ? Directory.GetDirectories("/usr/lib/postgresql").Select(static version => Path.Combine(version, "bin")).LastOrDefault(static bin => File.Exists(Path.Combine(bin, "initdb")))
        : null;

    private string Data => _directory.Combine("data");

    /// <summary>Skips the test, saying why, where there is none.</summary>
    public static async Task<PostgreSqlServer> StartNewAsync()
    {
        Assert.SkipWhen(Programs is null, "needs PostgreSQL's server; tools/test installs it");
        Assert.SkipWhen(Environment.UserName == "root" && Commands.Find("runuser") is null, "needs runuser: PostgreSQL does not run as root");
        var server = new PostgreSqlServer();
        try
        {
            await server.InitializeAsync();
            await server.StartAsync();
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    public string ConnectionStringOf(string database) => $"Host=127.0.0.1;Port={Port};Username=postgres;Password={Password};Database={database};Timeout=5;Command Timeout=5";

    public async Task StartAsync() => _process = await ServerProcess.StartAsync(
        _directory.Combine("postgresql.log"),
        [
            .. AsServer(), Path.Combine(Programs!, "postgres"), "-D", Data, "-p", Port.ToString(CultureInfo.InvariantCulture),
            "-c", "listen_addresses=127.0.0.1", "-c", $"unix_socket_directories={Data}",
        ],
        async () => (await Commands.TryRunAsync(Path.Combine(Programs!, "pg_isready"), "-h", "127.0.0.1", "-p", Port.ToString(CultureInfo.InvariantCulture))).ExitCode == 0);

    public async Task StopAsync()
    {
        if (_process is not null)
        {
            // Not by a signal to the guard's child alone: that is runuser, which does not pass on every one.
            var stop = AsServer().Concat([Path.Combine(Programs!, "pg_ctl"), "-D", Data, "-m", "fast", "-w", "stop"]).ToArray();
            await Commands.TryRunAsync(stop[0], stop[1..]);
            await _process.DisposeAsync();
            _process = null;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _directory.Dispose();
    }

    private static string[] AsServer() => Environment.IsPrivilegedProcess ? [Commands.Find("runuser")!, "-u", "postgres", "--"] : [Commands.Find("env")!];

    private async Task InitializeAsync()
    {
        var password = _directory.Combine("password");
        await File.WriteAllTextAsync(password, Password);
        if (Environment.IsPrivilegedProcess)
        {
            await Commands.RunAsync("chown", "-R", "postgres", _directory.Path);
        }

        string[] initialize = [.. AsServer(), Path.Combine(Programs!, "initdb"), "-D", Data, "-U", "postgres", "-A", "scram-sha-256", "--pwfile", password, "-E", "UTF8", "--no-sync"];
        await Commands.RunAsync(initialize[0], initialize[1..]);
    }
}
