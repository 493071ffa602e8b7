using Grpc.Core;
using Grpc.Net.Client;
using KubeCop.Core.Workloads;
using KubeCop.Sensor.Containers.Runtimes.Cri;

namespace KubeCop.Sensor.Containers.Runtimes;

/// <summary>Asks over the Container Runtime Interface, as the kubelet does; only what changes nothing.</summary>
internal sealed class CriClient : IRuntimeClient
{
    private const int MaxMounts = 1024;

    private readonly GrpcChannel _channel;
    private readonly RuntimeService.RuntimeServiceClient _runtime;
    private readonly ImageService.ImageServiceClient _images;

    public CriClient(string socketPath)
    {
        _channel = GrpcChannel.ForAddress("http://localhost", new GrpcChannelOptions
        {
            HttpHandler = UnixSocket.Handler(socketPath),
            DisposeHttpClient = true,
            MaxReceiveMessageSize = UnixSocket.MaxAnswer,
            MaxRetryAttempts = null,
        });
        _runtime = new RuntimeService.RuntimeServiceClient(_channel);
        _images = new ImageService.ImageServiceClient(_channel);
    }

    public Task<RuntimeVersion> GetVersionAsync(CancellationToken cancellationToken) => ExplainedAsync(async () =>
    {
        var answer = await _runtime.VersionAsync(new VersionRequest { Version = "v1" }, cancellationToken: cancellationToken);
        return new RuntimeVersion(answer.RuntimeName, answer.RuntimeVersion);
    });

    public Task<RuntimeFacts?> DescribeAsync(string id, CancellationToken cancellationToken) => ExplainedAsync(async () =>
    {
        var list = await _runtime.ListContainersAsync(
            new ListContainersRequest { Filter = new ContainerFilter { Id = id } }, cancellationToken: cancellationToken);
        if (list.Containers.FirstOrDefault(container => container.Id == id) is not { } container)
        {
            return await SandboxAsync(id, cancellationToken) is { } found && found.Id == id ? new RuntimeFacts { IsSandbox = true } : null;
        }

        var sandboxAnswer = SandboxAsync(container.PodSandboxId, cancellationToken);
        var statusAnswer = FoundAsync(_runtime.ContainerStatusAsync(new ContainerStatusRequest { ContainerId = id }, cancellationToken: cancellationToken));
        var imageAnswer = FoundAsync(_images.ImageStatusAsync(
            new ImageStatusRequest { Image = new ImageSpec { Image = container.ImageId.Length > 0 ? container.ImageId : container.ImageRef } },
            cancellationToken: cancellationToken));
        var status = (await statusAnswer)?.Status;
        var image = (await imageAnswer)?.Image;
        var sandbox = await sandboxAnswer;
        string[] references =
        [
            container.Image?.UserSpecifiedImage ?? "", status?.Image?.Image ?? "", container.Image?.Image ?? "", image?.RepoTags.FirstOrDefault() ?? "",
        ];
        var reference = references.FirstOrDefault(static reference => reference.Length > 0 && !ImageReference.IsId(reference)) ?? "";
        return new RuntimeFacts
        {
            Name = container.Metadata?.Name ?? "",
            Attempt = (int)Math.Min(container.Metadata?.Attempt ?? 0, int.MaxValue),
            Type = ContainerMetadata.TypeOf(container.Annotations.GetValueOrDefault(ContainerMetadata.TypeAnnotation)),
            Image = reference,
            ImageDigest = ImageReference.Digest(reference, [.. image?.RepoDigests ?? [], status?.ImageRef ?? ""], image?.Id ?? container.ImageRef),
            Pod = sandbox?.Metadata is { Name.Length: > 0, Namespace.Length: > 0 } pod
                ? new PodDescription
                {
                    Name = pod.Name,
                    Namespace = pod.Namespace,
                    Uid = pod.Uid,
                    Labels = PodLabels.Of(sandbox.Labels.Select(static label => KeyValuePair.Create(label.Key, (string?)label.Value))),
                }
                : null,
            Mounts =
            [
                .. (status?.Mounts ?? []).Take(MaxMounts).Select(mount =>
                    VolumeMounts.Of(mount.ContainerPath, mount.Image?.Image ?? mount.HostPath, mount.Readonly, sandbox?.Metadata?.Uid)),
            ],
        };
    });

    public void Dispose() => _channel.Dispose();

    private static async Task<T> ExplainedAsync<T>(Func<Task<T>> ask)
    {
        try
        {
            return await ask();
        }
        catch (Exception exception) when (exception is RpcException or HttpRequestException or IOException or OperationCanceledException)
        {
            throw exception switch
            {
                RpcException { StatusCode: StatusCode.Cancelled or StatusCode.DeadlineExceeded } =>
                    new RuntimeSocketException("it did not answer in time", unreachable: false, exception),
                RpcException { Status: { DebugException: { } cause } } => UnixSocket.Explain(cause),
                RpcException { Status: var status } =>
                    new RuntimeSocketException($"it answered {status.StatusCode}: {status.Detail}", unreachable: false, exception),
                _ => UnixSocket.Explain(exception),
            };
        }
    }

    /// <returns>Null when what was asked for is gone, which is no failure of the runtime.</returns>
    private static async Task<T?> FoundAsync<T>(AsyncUnaryCall<T> call)
        where T : class
    {
        using (call)
        {
            try
            {
                return await call;
            }
            catch (RpcException e) when (e.StatusCode == StatusCode.NotFound)
            {
                return null;
            }
        }
    }

    private async Task<PodSandboxStatus?> SandboxAsync(string id, CancellationToken cancellationToken) =>
        (await FoundAsync(_runtime.PodSandboxStatusAsync(new PodSandboxStatusRequest { PodSandboxId = id }, cancellationToken: cancellationToken)))?.Status;
}
