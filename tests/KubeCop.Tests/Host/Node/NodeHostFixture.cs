using KubeCop.Exporters.Delivery;
using KubeCop.Host.Configuration;
using KubeCop.Host.Node;
using Microsoft.Extensions.DependencyInjection;

namespace KubeCop.Tests.Host.Node;

/// <summary>A whole node in the test's process, without a kernel: silo, storage, journal and endpoints are the real ones.</summary>
public sealed class NodeHostFixture : IAsyncLifetime
{
    public const string NodeName = "test-node";

    internal FakeSensor Sensor { get; } = new();

    internal NodeHost Node { get; private set; } = null!;

    public string DataDirectory { get; } = Directory.CreateTempSubdirectory("kubecop-node-").FullName;

    public HttpClient Http { get; private set; } = null!;

    internal IGrainFactory Grains => Node.Services.GetRequiredService<IGrainFactory>();

    internal AlertDispatcher Alerts => Node.Services.GetRequiredService<AlertDispatcher>();

    public async ValueTask InitializeAsync()
    {
        Sensor.ReadySource.SetResult();
        Node = await StartAsync(DataDirectory, Sensor);
        Http = new HttpClient { BaseAddress = new Uri($"http://{Node.Address}") };
    }

    public async ValueTask DisposeAsync()
    {
        Http?.Dispose();
        if (Node is not null)
        {
            await Node.DisposeAsync();
        }

        Directory.Delete(DataDirectory, recursive: true);
    }

    internal static Task<NodeHost> StartAsync(
        string dataDirectory, FakeSensor sensor, string http = "127.0.0.1:0", string? bindings = null, CancellationToken? stop = null, params KeyValuePair<string, string?>[] more) =>
        NodeHost.StartAsync(
            Settings.Load(
                [
                    new(Keys.DataDirectory, dataDirectory), new(Keys.HttpAddress, http), new(Keys.NodeName, NodeName), new(Keys.LearningPeriod, "1h"),
                    new(Keys.Bindings, bindings ?? ""), new("KubeCop:Http:AllowedHosts:0", "kubecop.monitoring.svc"), .. more,
                ],
                new Dictionary<string, string>(),
                "/there/is/no/file"),
            [],
            statusLine: null,
            stop ?? TestContext.Current.CancellationToken,
            sensor.AddTo);
}
