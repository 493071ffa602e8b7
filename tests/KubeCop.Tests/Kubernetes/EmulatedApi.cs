using KubeCop.Kubernetes.Api;
using KubeCop.Testing.Kubernetes;

namespace KubeCop.Tests.Kubernetes;

/// <summary>An API server and KubeCop's client of it.</summary>
internal sealed class EmulatedApi : IAsyncDisposable
{
    private readonly k8s.Kubernetes _client;

    private EmulatedApi(ApiServer server, string? token, TimeSpan timeout)
    {
        Server = server;
        _client = new k8s.Kubernetes(server.ClientConfiguration(token));
        Client = new ApiClient(_client, timeout, TimeProvider.System);
    }

    public ApiServer Server { get; }

    public ApiClient Client { get; }

    public static async Task<EmulatedApi> StartAsync(ApiServerOptions? options = null, Func<ApiServer, string>? token = null, TimeSpan? timeout = null)
    {
        var server = await ApiServer.StartAsync(options);
        return new EmulatedApi(server, token?.Invoke(server), timeout ?? TimeSpan.FromSeconds(30));
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await Server.DisposeAsync();
    }
}
