using System.Formats.Tar;
using System.Security.Cryptography;
using System.Text.Json;

namespace KubeCop.Testing.Containers;

/// <summary>An image as an OCI archive, as <c>ctr images import</c> takes it.</summary>
internal static class OciArchive
{
    public const UnixFileMode Executable =
        UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupRead | UnixFileMode.GroupExecute
        | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;

    public const UnixFileMode ReadOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    /// <param name="searchPath">PATH of its processes.</param>
    /// <param name="layers">Each a tar, lowest first; opened more than once.</param>
    public static async Task WriteAsync(string path, string name, string searchPath, IReadOnlyList<string> command, IReadOnlyList<Func<Stream>> layers)
    {
        var blobs = new List<(string Digest, long Size, Func<Stream> Open)>();
        foreach (var layer in layers)
        {
            await using var content = layer();
            blobs.Add((Digest(await SHA256.HashDataAsync(content)), content.Length, layer));
        }

        var layerBlobs = blobs.ToList();
        var config = AddJson(new
        {
            architecture = "amd64",
            os = "linux",
            config = new { Env = new[] { $"PATH={searchPath}" }, Cmd = command },
            rootfs = new { type = "layers", diff_ids = layerBlobs.Select(static layer => layer.Digest) },
        });
        var manifest = AddJson(new
        {
            schemaVersion = 2,
            mediaType = "application/vnd.oci.image.manifest.v1+json",
            config = new { mediaType = "application/vnd.oci.image.config.v1+json", digest = config.Digest, size = config.Size },
            layers = layerBlobs.Select(static layer => new { mediaType = "application/vnd.oci.image.layer.v1.tar", digest = layer.Digest, size = layer.Size }),
        });
        var index = JsonSerializer.SerializeToUtf8Bytes(new
        {
            schemaVersion = 2,
            manifests = new[]
            {
                new
                {
                    mediaType = "application/vnd.oci.image.manifest.v1+json",
                    digest = manifest.Digest,
                    size = manifest.Size,
                    annotations = new Dictionary<string, string> { ["io.containerd.image.name"] = name },
                },
            },
        });

        await using var file = File.Create(path);
        await using var archive = new TarWriter(file);
        await AddAsync(archive, "oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}"u8.ToArray(), ReadOnly);
        await AddAsync(archive, "index.json", index, ReadOnly);
        foreach (var blob in blobs)
        {
            await using var content = blob.Open();
            await AddAsync(archive, $"blobs/sha256/{blob.Digest["sha256:".Length..]}", content, ReadOnly);
        }

        (string Digest, long Size, Func<Stream> Open) AddJson<T>(T value)
        {
            var content = JsonSerializer.SerializeToUtf8Bytes(value);
            var blob = (Digest(SHA256.HashData(content)), content.Length, (Func<Stream>)(() => new MemoryStream(content)));
            blobs.Add(blob);
            return blob;
        }
    }

    /// <summary>Adds a file.</summary>
    public static async Task AddAsync(TarWriter archive, string name, byte[] content, UnixFileMode mode)
    {
        using var data = new MemoryStream(content);
        await AddAsync(archive, name, data, mode);
    }

    private static Task AddAsync(TarWriter archive, string name, Stream content, UnixFileMode mode) =>
        archive.WriteEntryAsync(new PaxTarEntry(TarEntryType.RegularFile, name) { DataStream = content, Mode = mode });

    private static string Digest(byte[] hash) => $"sha256:{Convert.ToHexStringLower(hash)}";
}
