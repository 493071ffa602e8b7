using System.Text.Json;
using System.Text.Json.Serialization;

namespace KubeCop.Sensor.Containers;

/// <summary>What is looked at of a bundle's <c>config.json</c> (OCI runtime specification).</summary>
internal sealed record OciSpec(
    string? OciVersion = null,
    OciProcess? Process = null,
    Dictionary<string, string?>? Annotations = null,
    OciMount[]? Mounts = null,
    OciLinux? Linux = null)
{
    /// <summary>Larger files are not read. Real ones have some ten KiB; args can add up to 2 MiB.</summary>
    public const int MaxBytes = 4 * 1024 * 1024;

    /// <returns>Null when the bundle has none.</returns>
    /// <exception cref="IOException">Unreadable or too large.</exception>
    /// <exception cref="JsonException">Not a container's config.</exception>
    public static OciSpec? Read(string bundlePath) =>
        HostFile.Read($"{bundlePath}/config.json", MaxBytes) is { } json ? JsonSerializer.Deserialize(json, RuntimeJson.Default.OciSpec) : null;
}

internal sealed record OciProcess(string?[]? Args = null);

internal sealed record OciMount(string? Destination = null, string? Type = null, string? Source = null, string?[]? Options = null)
{
    [JsonIgnore]
    public bool IsBind => Type == "bind" || Options?.Any(option => option is "bind" or "rbind") == true;

    [JsonIgnore]
    public bool IsReadOnly => Options?.Contains("ro") == true;
}

internal sealed record OciLinux(string? CgroupsPath = null);

/// <summary>runc's <c>state.json</c>: where a container's cgroups are, and its bundle in the labels.</summary>
internal sealed record RuncState([property: JsonPropertyName("cgroup_paths")] Dictionary<string, string?>? CgroupPaths = null, RuncConfig? Config = null)
{
    private const string BundleLabel = "bundle=";

    [JsonIgnore]
    public string? Bundle => Config?.Labels?.FirstOrDefault(label => label?.StartsWith(BundleLabel, StringComparison.Ordinal) == true)?[BundleLabel.Length..];
}

internal sealed record RuncConfig(string?[]? Labels = null);

/// <summary>crun's <c>status</c>.</summary>
internal sealed record CrunStatus([property: JsonPropertyName("cgroup-path")] string? CgroupPath = null, string? Bundle = null);

/// <summary>docker's <c>config.v2.json</c>.</summary>
internal sealed record DockerContainer(string? Name = null, string? Image = null, string? Driver = null, DockerConfig? Config = null);

internal sealed record DockerConfig(string? Image = null, Dictionary<string, string?>? Labels = null)
{
    /// <summary>The compose service it is a container of; empty when it is none's.</summary>
    [JsonIgnore]
    public string ComposeService => Label("com.docker.compose.project").Length > 0 ? Label("com.docker.compose.service") : "";

    /// <summary>The workload that is: <c>project.service</c>.</summary>
    [JsonIgnore]
    public string ComposeWorkload => ComposeService is { Length: > 0 } service ? $"{Label("com.docker.compose.project")}.{service}" : "";

    private string Label(string key) => Labels?.GetValueOrDefault(key) ?? "";
}

/// <summary>docker's <c>repositories.json</c>: repository → reference → image id.</summary>
internal sealed record DockerRepositories(Dictionary<string, Dictionary<string, string?>?>? Repositories = null);

/// <summary>An entry of <c>containers.json</c> of containers/storage, which podman uses.</summary>
internal sealed record StoredContainer(string? Id = null, string?[]? Names = null, string? Image = null, string? Metadata = null);

/// <summary>What podman keeps in <see cref="StoredContainer.Metadata"/>, as JSON in a string.</summary>
internal sealed record StoredMetadata(
    [property: JsonPropertyName("image-name")] string? ImageName = null,
    [property: JsonPropertyName("image-id")] string? ImageId = null,
    string? Name = null);

[JsonSourceGenerationOptions(PropertyNameCaseInsensitive = true)]
[JsonSerializable(typeof(OciSpec))]
[JsonSerializable(typeof(RuncState))]
[JsonSerializable(typeof(CrunStatus))]
[JsonSerializable(typeof(DockerContainer))]
[JsonSerializable(typeof(DockerRepositories))]
[JsonSerializable(typeof(StoredContainer[]))]
[JsonSerializable(typeof(StoredMetadata))]
[JsonSerializable(typeof(Dictionary<string, string?>))]
internal sealed partial class RuntimeJson : JsonSerializerContext;
