using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using KubeCop.Core.Workloads;
using Microsoft.Extensions.Logging;

namespace KubeCop.Sensor.Containers;

/// <summary>A container this node watched.</summary>
internal sealed record InventoryEntry
{
    public required string Id { get; init; }
    public required string Name { get; init; }
    public required string Runtime { get; init; }
    public required WorkloadKey Workload { get; init; }
    public required string Revision { get; init; }
    public required ulong CgroupId { get; init; }
    public required string CgroupPath { get; init; }

    /// <summary>Where its bundle is, as this process sees it, when only its start told of that; else empty.</summary>
    public string BundlePath { get; init; } = "";

    /// <summary>Attached when its beginning was never seen; else it is continued after a restart.</summary>
    public required ContainerOrigin Origin { get; init; }

    public required DateTimeOffset SeenAt { get; init; }
}

/// <param name="BootId">Boot of the machine in which the entries are valid: cgroup ids are reused after another.</param>
internal sealed record InventoryContent(
    [property: JsonRequired] int Version,
    [property: JsonRequired] string BootId,
    [property: JsonRequired] IReadOnlyList<InventoryEntry> Containers)
{
    public const int CurrentVersion = 1;
}

/// <summary>The file <c>inventory.json</c>: replaced atomically and durably; one that is not understood is set aside, never overwritten.</summary>
internal sealed partial class InventoryFile(string path, TimeProvider time, ILogger logger)
{
    // 10 000 containers take some 5 MB.
    private const int MaxBytes = 64 * 1024 * 1024;

    /// <returns>Null when there is none that can be used.</returns>
    /// <exception cref="SensorException">It cannot be read or set aside.</exception>
    public InventoryContent? Load()
    {
        try
        {
            if (HostFile.Read(path, MaxBytes) is not { } json)
            {
                return null;
            }

            try
            {
                var content = JsonSerializer.Deserialize(json, InventoryJson.Default.InventoryContent);
                if (content is { Version: InventoryContent.CurrentVersion, BootId: not null, Containers: { } containers } && containers.All(IsWhole))
                {
                    return content;
                }

                SetAside(content is { Version: not InventoryContent.CurrentVersion } ? $"It has version {content.Version}, not 1." : "It has empty entries.");
            }
            catch (JsonException e)
            {
                SetAside(e.Message);
            }

            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new SensorException(
                $"The container inventory '{path}' cannot be read: {e.Message}", "Make it readable and writable, or move it away.", e);
        }
    }

    /// <summary>When the file was last written or touched; null when there is none.</summary>
    public DateTimeOffset? Touched => File.Exists(path) ? new DateTimeOffset(File.GetLastWriteTimeUtc(path)) : null;

    /// <exception cref="IOException">Not written; the file is as it was.</exception>
    public void Save(InventoryContent content)
    {
        var temporary = $"{path}.new";
        using (var stream = new FileStream(
            temporary,
            new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite }))
        {
            JsonSerializer.Serialize(stream, content, InventoryJson.Default.InventoryContent);
            stream.Flush(flushToDisk: true);
        }

        File.Move(temporary, path, overwrite: true);
        LibC.SyncDirectory(Path.GetDirectoryName(path)!);
        Touch();
    }

    public void Touch() => File.SetLastWriteTimeUtc(path, time.GetUtcNow().UtcDateTime);

    private static bool IsWhole(InventoryEntry? entry) =>
        entry is { Id: not null, Name: not null, Runtime: not null, Workload: { Namespace: not null, Kind: not null, Name: not null }, Revision: not null, CgroupPath: not null, BundlePath: not null };

    private void SetAside(string problem)
    {
        var aside = $"{path}.bad-{time.GetUtcNow().ToString("yyyyMMdd'T'HHmmss.fff'Z'", CultureInfo.InvariantCulture)}";
        File.Move(path, aside, overwrite: false);
        LogErrorSetAside(path, aside, problem);
    }

    [LoggerMessage(
        Level = LogLevel.Error,
        Message = "The container inventory {Path} is torn or not ours and was set aside as {Aside}. Containers now running count as first seen while running. {Problem}")]
    private partial void LogErrorSetAside(string path, string aside, string problem);
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UseStringEnumConverter = true, WriteIndented = true)]
[JsonSerializable(typeof(InventoryContent))]
internal sealed partial class InventoryJson : JsonSerializerContext;
