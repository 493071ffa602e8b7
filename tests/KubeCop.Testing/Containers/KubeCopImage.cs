using System.Formats.Tar;
using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace KubeCop.Testing.Containers;

/// <summary>The product's own image, as <c>tools/image</c> made it.</summary>
public static class KubeCopImage
{
    private static readonly string FileName =
        $"kubecop-{(RuntimeInformation.OSArchitecture == Architecture.Arm64 ? "arm64" : "amd64")}.tar";

    /// <summary>Why there is none, in words; null when there is.</summary>
    public static string? Missing { get; } = Machine.MissingForContainers ?? (File.Exists(Archive) ? null : $"needs {Archive}; tools/image makes it");

    // artifacts/bin/PROJECT/release/
    public static string Archive => Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "../../../images", FileName));

    /// <summary>What is in it, as CycloneDX.</summary>
    public static string Contents => $"{Archive}.cdx.json";

    /// <summary>What it is called.</summary>
    public static async Task<string> GetNameAsync()
    {
        var index = JsonNode.Parse(await ReadBlobAsync("index.json"))!;
        return index["manifests"]![0]!["annotations"]!["io.containerd.image.name"]!.GetValue<string>();
    }

    /// <summary>Everything in its layers: path, kind and mode.</summary>
    public static async Task<IReadOnlyList<TarEntry>> ListAsync()
    {
        var index = JsonNode.Parse(await ReadBlobAsync("index.json"))!;
        var manifest = JsonNode.Parse(await ReadBlobAsync(BlobOf(index["manifests"]![0]!)))!;
        var entries = new List<TarEntry>();
        foreach (var layer in manifest["layers"]!.AsArray())
        {
            await using var content = new GZipStream(new MemoryStream(await ReadBlobAsync(BlobOf(layer!))), CompressionMode.Decompress);
            await using var reader = new TarReader(content);
            while (await reader.GetNextEntryAsync() is { } entry)
            {
                entries.Add(entry);
            }
        }

        return entries;
    }

    /// <summary>Bytes of its layers as they are sent.</summary>
    public static async Task<long> GetCompressedSizeAsync()
    {
        var index = JsonNode.Parse(await ReadBlobAsync("index.json"))!;
        var manifest = JsonNode.Parse(await ReadBlobAsync(BlobOf(index["manifests"]![0]!)))!;
        return manifest["layers"]!.AsArray().Sum(static layer => layer!["size"]!.GetValue<long>());
    }

    private static string BlobOf(JsonNode descriptor) => $"blobs/{descriptor["digest"]!.GetValue<string>().Replace(':', '/')}";

    private static async Task<byte[]> ReadBlobAsync(string name)
    {
        await using var file = File.OpenRead(Archive);
        await using var reader = new TarReader(file);
        while (await reader.GetNextEntryAsync() is { } entry)
        {
            if (entry.Name == name)
            {
                using var content = new MemoryStream();
                await entry.DataStream!.CopyToAsync(content);
                return content.ToArray();
            }
        }

        throw new JsonException($"{Archive} has no {name}.");
    }
}
