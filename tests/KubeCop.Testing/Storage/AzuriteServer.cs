using System.Security.Cryptography;
using Xunit;

namespace KubeCop.Testing.Storage;

/// <summary>An Azurite (blobs only) on a free port of loopback, with an account of its own; what it holds survives <see cref="StopAsync"/>.</summary>
public sealed class AzuriteServer : IAsyncDisposable
{
    public const string Account = "kubecoptest";

    private readonly TestDirectory _directory = new();
    private ServerProcess? _process;

    private AzuriteServer()
    {
    }

    public int Port { get; } = ServerProcess.FreePort();

    /// <summary>The account's key: a secret that no message may show.</summary>
    public string Key { get; } = Convert.ToBase64String(RandomNumberGenerator.GetBytes(64));

    public string Endpoint => $"http://127.0.0.1:{Port}/{Account}";

    public string ConnectionString => ConnectionStringWith(Key);

    private static string? Script { get; } = FindScript();

    /// <summary>Whether it goes before others, as far as this process may have it so: it stands for a machine of its own when nodes keep all processors busy.</summary>
    public bool IsFavoured { get; init; }

    /// <summary>Skips the test, saying why, where there is none.</summary>
    public static async Task<AzuriteServer> StartNewAsync(bool isFavoured = false)
    {
        Assert.SkipWhen(Script is null, "needs Azurite in artifacts/azurite; tools/test puts it there");
        Assert.SkipWhen(Commands.Find("node") is null, "needs node; tools/test installs it");
        var server = new AzuriteServer { IsFavoured = isFavoured };
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

    public string ConnectionStringWith(string key) => $"DefaultEndpointsProtocol=http;AccountName={Account};AccountKey={key};BlobEndpoint={Endpoint};";

    public async Task StartAsync() => _process = await ServerProcess.StartAsync(
        _directory.Combine("azurite.log"),
        [
            .. IsFavoured ? (string[])["nice", "-n", "-10"] : [],
            Commands.Find("node")!, Script!, "--silent", "--disableTelemetry", "--skipApiVersionCheck",
            "--blobHost", "127.0.0.1", "--blobPort", $"{Port}", "--location", _directory.Combine("data"),
        ],
        () => ServerProcess.ListensAsync(Port),
        environment: new Dictionary<string, string> { ["AZURITE_ACCOUNTS"] = $"{Account}:{Key}" });

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

    private static string? FindScript()
    {
        for (var directory = new DirectoryInfo(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
        {
            var script = Path.Combine(directory.FullName, "azurite", "node_modules", "azurite", "dist", "src", "blob", "main.js");
            if (directory.Name == "artifacts" && File.Exists(script))
            {
                return script;
            }
        }

        return null;
    }
}
