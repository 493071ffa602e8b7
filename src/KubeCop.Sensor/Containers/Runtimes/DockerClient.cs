using System.Net;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using KubeCop.Core.Workloads;

namespace KubeCop.Sensor.Containers.Runtimes;

/// <summary>
/// Asks docker's HTTP API, which podman serves too. Paths carry no API version: daemons answer with their newest, and drop old ones.
/// What is read has been the same since version 1.24.
/// </summary>
internal sealed class DockerClient : IRuntimeClient
{
    private const int MaxMounts = 1024;

    private readonly HttpClient _http;

    public DockerClient(string socketPath) => _http = new HttpClient(UnixSocket.Handler(socketPath))
    {
        BaseAddress = new Uri("http://localhost/"),
        MaxResponseContentBufferSize = UnixSocket.MaxAnswer,
        Timeout = Timeout.InfiniteTimeSpan,
    };

    public async Task<RuntimeVersion> GetVersionAsync(CancellationToken cancellationToken)
    {
        var version = await GetAsync("version", DockerJson.Default.DockerVersion, cancellationToken);
        if (version is not { Version.Length: > 0 })
        {
            throw new RuntimeSocketException("its answer is not docker's", unreachable: false);
        }

        var isPodman = version.Components?.Any(static component => component?.Name?.Contains("Podman", StringComparison.OrdinalIgnoreCase) == true) == true;
        return new RuntimeVersion(isPodman ? "podman" : "docker", version.Version);
    }

    public async Task<RuntimeFacts?> DescribeAsync(string id, CancellationToken cancellationToken)
    {
        var container = await GetAsync($"containers/{Uri.EscapeDataString(id)}/json", DockerJson.Default.DockerDetails, cancellationToken);
        if (container?.Id != id)
        {
            return null;
        }

        var imageId = container.Image is { Length: 64 } hash ? $"sha256:{hash}" : container.Image ?? "";
        var reference = container.Config?.Image is { } name && !ImageReference.IsId(name) ? name : "";
        var image = imageId.Length > 0 && ImageReference.DigestIn(reference).Length == 0
            ? await GetAsync($"images/{Uri.EscapeDataString(imageId)}/json", DockerJson.Default.DockerImage, cancellationToken)
            : null;
        return new RuntimeFacts
        {
            Name = container.Config?.ComposeService is { Length: > 0 } service ? service : container.Name?.TrimStart('/') ?? "",
            Workload = container.Config?.ComposeWorkload ?? "",
            Image = reference.Length > 0 ? reference : container.ImageName ?? "",
            ImageDigest = ImageReference.Digest(reference, [.. (image?.RepoDigests ?? []).OfType<string>(), reference], imageId),
            Mounts =
            [
                .. (container.Mounts ?? []).OfType<DockerMount>().Where(static mount => mount is { Destination.Length: > 0, Type: "bind" or "volume" })
                    .Take(MaxMounts)
                    .Select(static mount => new VolumeMount
                    {
                        Path = mount.Destination!,
                        Source = mount.Source ?? "",
                        Type = mount.Type!,
                        Volume = mount.Name ?? "",
                        ReadOnly = !mount.Rw,
                    }),
            ],
        };
    }

    public void Dispose() => _http.Dispose();

    private async Task<T?> GetAsync<T>(string path, JsonTypeInfo<T> type, CancellationToken cancellationToken)
        where T : class
    {
        try
        {
            using var answer = await _http.GetAsync(path, cancellationToken);
            if (answer.StatusCode == HttpStatusCode.NotFound)
            {
                return null;
            }

            return answer.StatusCode == HttpStatusCode.OK
                ? JsonSerializer.Deserialize(await answer.Content.ReadAsByteArrayAsync(cancellationToken), type)
                : throw new RuntimeSocketException($"it answered {(int)answer.StatusCode}", unreachable: false);
        }
        catch (Exception exception) when (exception is HttpRequestException or IOException or OperationCanceledException or JsonException)
        {
            throw UnixSocket.Explain(exception);
        }
    }
}

internal sealed record DockerVersion(string? Version = null, DockerComponent?[]? Components = null);

internal sealed record DockerComponent(string? Name = null);

/// <summary>What <c>/containers/{id}/json</c> answers; <see cref="ImageName"/> is podman's addition.</summary>
internal sealed record DockerDetails(
    string? Id = null, string? Name = null, string? Image = null, string? ImageName = null, DockerConfig? Config = null, DockerMount?[]? Mounts = null);

internal sealed record DockerMount(
    string? Type = null, string? Name = null, string? Source = null, string? Destination = null, [property: JsonPropertyName("RW")] bool Rw = false);

internal sealed record DockerImage(string?[]? RepoDigests = null);

[JsonSourceGenerationOptions(PropertyNameCaseInsensitive = true)]
[JsonSerializable(typeof(DockerVersion))]
[JsonSerializable(typeof(DockerDetails))]
[JsonSerializable(typeof(DockerImage))]
internal sealed partial class DockerJson : JsonSerializerContext;
