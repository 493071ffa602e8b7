using KubeCop.Testing.Kubernetes;

namespace KubeCop.Tests.Kubernetes.Emulator;

/// <summary>Tests that have an API server and somebody who may ask it anything.</summary>
public abstract class EmulatorTests : IAsyncLifetime
{
    private protected ApiServer _server = null!;
    private protected ApiClient _client = null!;

    /// <summary>Of the server.</summary>
    private protected virtual ApiServerOptions Options => new();

    public virtual async ValueTask InitializeAsync()
    {
        _server = await ApiServer.StartAsync(Options);
        _client = new ApiClient(_server);
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await _server.DisposeAsync();
    }
}
