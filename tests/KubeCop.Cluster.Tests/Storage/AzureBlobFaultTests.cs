using System.Diagnostics;
using System.Net;
using System.Text;
using Azure.Storage.Blobs;
using Azure.Storage.Sas;
using KubeCop.Grains;
using KubeCop.Host.Silo;
using KubeCop.Storage;
using KubeCop.Storage.AzureBlob;
using KubeCop.Testing;
using KubeCop.Testing.Storage;
using Microsoft.Extensions.Logging.Abstractions;
using Orleans.Serialization.Configuration;
using Orleans.Storage;

namespace KubeCop.Cluster.Tests.Storage;

/// <summary>What can go wrong with a real store, and that what is said of it helps and shows no secret.</summary>
public sealed class AzureBlobFaultTests(StorageServers servers) : IAsyncDisposable
{
    private const string StateName = "workload";

    private static readonly GrainId Grain = GrainId.Create("workload", "shop/Deployment/web");

    private readonly string _container = $"faults-{Guid.NewGuid():N}";
    private readonly List<DetachedGrainStorage> _opened = [];

    public sealed record Sample(string Text)
    {
        public Sample()
            : this("")
        {
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var storage in _opened)
        {
            await storage.DisposeAsync();
        }
    }

    [Theory]
    [InlineData("kubecop-blob v2 zstd 0000000001 0000000000000000\nx", "later version", "Run that version")]
    [InlineData("kubecop-blob v1 brotli 0000000001 0000000000000000\nx", "damaged", "Restore")]
    [InlineData("kubecop-blob v1", "damaged", "Restore")]
    [InlineData("somebody's holiday picture", "not KubeCop's", "a container of its own")]
    [InlineData("", "not KubeCop's", "a container of its own")]
    public async Task Blob_ThatCannotBeTaken_IsRefusedAndLeftAlone(string content, string cause, string remedy)
    {
        var azurite = await servers.AzuriteAsync();
        var storage = await OpenAsync(Options(azurite));
        var blob = await BlobAsync(azurite, storage);
        await blob.UploadAsync(BinaryData.FromString(content), overwrite: true, TestContext.Current.CancellationToken);

        var error = await Assert.ThrowsAsync<StorageException>(() => ReadAsync(storage));
        Assert.Contains(cause, error.Cause, StringComparison.Ordinal);
        Assert.Contains($"{_container}/{blob.Name}", error.Cause, StringComparison.Ordinal);
        Assert.Contains(remedy, error.Remedy, StringComparison.Ordinal);

        await Assert.ThrowsAsync<InconsistentStateException>(() => WriteAsync(storage, "over it"));
        await Assert.ThrowsAsync<InconsistentStateException>(
            () => storage.ClearStateAsync(StateName, Grain, new GrainState<Sample>(), TestContext.Current.CancellationToken));
        Assert.Equal(content, await TextOfAsync(blob));
    }

    [Fact]
    public async Task Blob_WithOneBitChanged_IsRefused()
    {
        var azurite = await servers.AzuriteAsync();
        var storage = await OpenAsync(Options(azurite));
        var blob = await BlobAsync(azurite, storage);
        await WriteAsync(storage, "what was learned");
        var content = (await blob.DownloadContentAsync(TestContext.Current.CancellationToken)).Value.Content.ToArray();
        for (var bit = 0; bit < content.Length * 8; bit += 7)
        {
            var altered = content.ToArray();
            altered[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.True(StateBlob.Decode(altered, out _) != StateBlobCondition.Valid, $"A blob whose bit {bit} was changed was taken.");
        }

        content[^1] ^= 1;
        await blob.UploadAsync(BinaryData.FromBytes(content), overwrite: true, TestContext.Current.CancellationToken);
        Assert.Contains("damaged", (await Assert.ThrowsAsync<StorageException>(() => ReadAsync(storage))).Cause, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Server_Stopped_FailsClearlyWithinTheTimeoutAndWorksAfterwards()
    {
        await using var azurite = await AzuriteServer.StartNewAsync();
        var options = Options(azurite);
        (options.MaxRetries, options.RetryDelay, options.Timeout) = (1, TimeSpan.FromMilliseconds(50), TimeSpan.FromSeconds(5));
        var storage = await OpenAsync(options);
        var state = await WriteAsync(storage, "before");
        await azurite.StopAsync();

        var watch = Stopwatch.StartNew();
        var read = await Assert.ThrowsAsync<StorageException>(() => ReadAsync(storage));
        state.State = new Sample("during");
        var etag = state.ETag;
        var write = await Assert.ThrowsAsync<StorageException>(() => storage.WriteStateAsync(StateName, Grain, state, TestContext.Current.CancellationToken));
        Assert.True(watch.Elapsed < options.Timeout * 2, $"Two failures took {watch.Elapsed}.");
        Assert.Equal(etag, state.ETag);
        Assert.All([read, write], error =>
        {
            Assert.Contains("cannot be reached", error.Cause, StringComparison.Ordinal);
            Assert.Contains($"{AzuriteServer.Account} at http://127.0.0.1:{azurite.Port}", error.Cause, StringComparison.Ordinal);
            Assert.True(error.MayPass);
            NoSecret(error, azurite.Key);
        });

        await azurite.StartAsync();
        Assert.Equal("before", (await ReadAsync(storage)).State!.Text);
        await storage.WriteStateAsync(StateName, Grain, state, TestContext.Current.CancellationToken);
        Assert.Equal("during", (await ReadAsync(storage)).State!.Text);
    }

    /// <summary>A small store that is asked all at once answers none in time, and then all is sent again.</summary>
    [Fact]
    public async Task Requests_MoreThanMayRunAtATime_WaitForTheirTurn()
    {
        var port = ServerProcess.FreePort();
        using var server = new HttpListener { Prefixes = { $"http://127.0.0.1:{port}/" } };
        server.Start();
        var (held, most) = (0, 0);
        using var gate = new SemaphoreSlim(1);
        var serving = ServeAsync();
        var storage = await OpenAsync(new AzureBlobOptions
        {
            ConnectionString = $"AccountName=kubecoptest;AccountKey={Convert.ToBase64String(new byte[64])};BlobEndpoint=http://127.0.0.1:{port}/kubecoptest",
            Container = _container,
            MaxConcurrency = 3,
            AttemptTimeout = TimeSpan.FromMinutes(2),
            Timeout = TimeSpan.FromMinutes(2),
        });

        var reads = Enumerable.Range(0, 10).Select(number => storage.ReadStateAsync(
            StateName, GrainId.Create("workload", $"{number}"), new GrainState<Sample>(), TestContext.Current.CancellationToken)).ToList();
        await Wait.UntilAsync(() => Volatile.Read(ref held), static held => held == 3, "three requests that wait for their answer");
        gate.Release(1000);
        await Task.WhenAll(reads);

        Assert.Equal(3, most);
        server.Stop();
        await serving;

        async Task ServeAsync()
        {
            while (true)
            {
                try
                {
                    _ = AnswerAsync(await server.GetContextAsync());
                }
                catch (Exception exception) when (exception is HttpListenerException or ObjectDisposedException)
                {
                    return;
                }
            }
        }

        async Task AnswerAsync(HttpListenerContext context)
        {
            lock (server)
            {
                most = Math.Max(most, ++held);
            }

            // The first one looks for the container, before there are others.
            await gate.WaitAsync();
            lock (server)
            {
                held--;
            }

            (context.Response.StatusCode, context.Response.Headers["x-ms-error-code"]) = (404, "BlobNotFound");
            context.Response.Close();
        }
    }

    [Fact]
    public async Task Server_NotThereAtTheStart_IsUsedWhenItComes()
    {
        await using var azurite = await AzuriteServer.StartNewAsync();
        await azurite.StopAsync();
        var options = Options(azurite);
        (options.MaxRetries, options.RetryDelay) = (0, TimeSpan.FromMilliseconds(10));
        var storage = await OpenAsync(options);
        await Assert.ThrowsAsync<StorageException>(() => ReadAsync(storage));

        await azurite.StartAsync();
        await WriteAsync(storage, "at last");
        Assert.Equal("at last", (await ReadAsync(storage)).State!.Text);
    }

    [Fact]
    public async Task Container_DeletedMeanwhile_IsToldAndNotMadeAnewSilently()
    {
        var azurite = await servers.AzuriteAsync();
        var storage = await OpenAsync(Options(azurite));
        var state = await WriteAsync(storage, "gone");
        var container = new BlobContainerClient(azurite.ConnectionString, _container);
        await container.DeleteAsync(cancellationToken: TestContext.Current.CancellationToken);

        var read = await Assert.ThrowsAsync<StorageException>(() => ReadAsync(storage));
        var write = await Assert.ThrowsAsync<StorageException>(() => storage.WriteStateAsync(StateName, Grain, state, TestContext.Current.CancellationToken));
        Assert.All([read, write], error =>
        {
            Assert.Contains($"there is no container '{_container}'", error.Cause, StringComparison.Ordinal);
            Assert.Contains("make an empty one of that name", error.Remedy, StringComparison.Ordinal);
        });

        await container.CreateAsync(cancellationToken: TestContext.Current.CancellationToken);
        Assert.False((await ReadAsync(storage)).RecordExists);
        await WriteAsync(storage, "anew");
    }

    [Fact]
    public async Task Key_Wrong_KeepsTheSiloFromStarting()
    {
        var azurite = await servers.AzuriteAsync();
        var options = Options(azurite);
        options.ConnectionString = azurite.ConnectionStringWith(Convert.ToBase64String(new byte[64]));
        var error = await Assert.ThrowsAsync<StorageException>(() => OpenAsync(options));

        // Azurite's code for it is AuthorizationFailure, Azure's AuthenticationFailed.
        Assert.Contains("(403 Auth", error.Cause, StringComparison.Ordinal);
        Assert.Contains("Check the", error.Remedy, StringComparison.Ordinal);
        Assert.False(error.MayPass, error.Message);
        NoSecret(error, Convert.ToBase64String(new byte[64]));
    }

    [Fact]
    public async Task Signature_OfTheContainer_IsEnoughAndNeverShown()
    {
        var azurite = await servers.AzuriteAsync();
        await OpenAsync(Options(azurite));
        var container = new BlobContainerClient(azurite.ConnectionString, _container);
        var allowed = Signed(azurite, container, BlobContainerSasPermissions.Read | BlobContainerSasPermissions.Write | BlobContainerSasPermissions.Create | BlobContainerSasPermissions.Delete);
        var storage = await OpenAsync(new AzureBlobOptions { ServiceUri = allowed, Container = _container });
        await WriteAsync(storage, "signed");
        Assert.Equal("signed", (await ReadAsync(storage)).State!.Text);

        var readOnly = await OpenAsync(new AzureBlobOptions { ServiceUri = Signed(azurite, container, BlobContainerSasPermissions.Read), Container = _container });
        var state = await ReadAsync(readOnly);
        var error = await Assert.ThrowsAsync<StorageException>(() => readOnly.WriteStateAsync(StateName, Grain, state, TestContext.Current.CancellationToken));
        Assert.Contains("access is denied (403", error.Cause, StringComparison.Ordinal);
        Assert.Contains("Storage Blob Data Contributor", error.Remedy, StringComparison.Ordinal);
        NoSecret(error, "sig=");
    }

    [Fact]
    public async Task Canceled_IsACancellationAndNoFailure()
    {
        var storage = await OpenAsync(Options(await servers.AzuriteAsync()));
        using var canceled = new CancellationTokenSource();
        await canceled.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => storage.ReadStateAsync(StateName, Grain, new GrainState<Sample>(), canceled.Token));
    }

    private static string Signed(AzuriteServer azurite, BlobContainerClient container, BlobContainerSasPermissions permissions) =>
        $"{azurite.Endpoint}{container.GenerateSasUri(permissions, DateTimeOffset.UtcNow.AddHours(1)).Query}";

    private AzureBlobOptions Options(AzuriteServer azurite) => new() { ConnectionString = azurite.ConnectionString, Container = _container };

    private async Task<IGrainStorage> OpenAsync(AzureBlobOptions options)
    {
        var opened = await DetachedGrainStorage.OpenAsync(
            silo => silo.AddKubeCopAzureBlobStorage(GrainStorage.Name, options).Configure<TypeManifestOptions>(static types => types.AddAllowedType(typeof(Sample))),
            NullLoggerFactory.Instance,
            TestContext.Current.CancellationToken);
        _opened.Add(opened);
        return opened.Storage;
    }

    /// <summary>The blob that the state is in, by writing and clearing it.</summary>
    private async Task<BlobClient> BlobAsync(AzuriteServer azurite, IGrainStorage storage)
    {
        var state = await WriteAsync(storage, "to be found");
        var container = new BlobContainerClient(azurite.ConnectionString, _container);
        var names = new List<string>();
        await foreach (var item in container.GetBlobsAsync(cancellationToken: TestContext.Current.CancellationToken))
        {
            names.Add(item.Name);
        }

        await storage.ClearStateAsync(StateName, Grain, state, TestContext.Current.CancellationToken);
        return container.GetBlobClient(Assert.Single(names));
    }

    private static async Task<string> TextOfAsync(BlobClient blob) =>
        Encoding.UTF8.GetString((await blob.DownloadContentAsync(TestContext.Current.CancellationToken)).Value.Content);

    private static async Task<GrainState<Sample>> ReadAsync(IGrainStorage storage)
    {
        var state = new GrainState<Sample>();
        await storage.ReadStateAsync(StateName, Grain, state, TestContext.Current.CancellationToken);
        return state;
    }

    private static async Task<GrainState<Sample>> WriteAsync(IGrainStorage storage, string text)
    {
        var state = new GrainState<Sample> { State = new Sample(text) };
        await storage.WriteStateAsync(StateName, Grain, state, TestContext.Current.CancellationToken);
        return state;
    }

    private static void NoSecret(Exception error, string secret) => Assert.DoesNotContain(secret, error.ToString(), StringComparison.Ordinal);
}
