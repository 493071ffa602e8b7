using System.Formats.Tar;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace KubeCop.Testing.Containers;

/// <summary>
/// The image of the tests: the statically linked busybox with its applets as symlinks, <c>load</c> (load.c), <c>attack</c> (tools/simulator), and
/// a few files. Made here, because no registry is needed then.
/// </summary>
public static class BusyboxImage
{
    public const string Name = "docker.io/library/kubecop-test:1";

    /// <summary>The same with a command that does nothing for long: what holds a pod's namespaces.</summary>
    public const string SandboxName = "docker.io/library/kubecop-test-sandbox:1";

    /// <summary>The program of load.c, as it was built for the tests.</summary>
    public static string Load { get; } = Path.Combine(AppContext.BaseDirectory, "Programs", "load");

    /// <summary>The attack simulator, as it is shipped beside the program.</summary>
    public static string Attack { get; } = Path.Combine(AppContext.BaseDirectory, "attack");

    private const UnixFileMode Executable =
        UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupRead | UnixFileMode.GroupExecute
        | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;

    private const UnixFileMode ReadOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    private static readonly string[] Folders = ["bin", "data", "dev", "etc", "proc", "root", "run", "sys", "tmp", "var"];

    private static readonly (string Path, string Content)[] Files =
    [
        ("etc/passwd", "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n"),
        ("etc/group", "root:x:0:\nnogroup:x:65534:\n"),
        ("etc/hostname", "kubecop-test\n"),
        ("data/greeting", "hello\n"),
    ];

    /// <summary>Writes the image as an OCI archive, as <c>ctr images import</c> takes it.</summary>
    /// <param name="name"><see cref="Name"/> or <see cref="SandboxName"/>.</param>
    public static async Task WriteArchiveAsync(string path, string name = Name)
    {
        var layer = await LayerAsync();
        var config = Json(new
        {
            architecture = "amd64",
            os = "linux",
            config = new { Env = new[] { "PATH=/bin" }, Cmd = name == SandboxName ? new[] { "/bin/sleep", "1000000" } : ["/bin/sh"] },
            rootfs = new { type = "layers", diff_ids = new[] { Digest(layer) } },
        });
        var manifest = Json(new
        {
            schemaVersion = 2,
            mediaType = "application/vnd.oci.image.manifest.v1+json",
            config = new { mediaType = "application/vnd.oci.image.config.v1+json", digest = Digest(config), size = config.Length },
            layers = new[] { new { mediaType = "application/vnd.oci.image.layer.v1.tar", digest = Digest(layer), size = layer.Length } },
        });
        var index = Json(new
        {
            schemaVersion = 2,
            manifests = new[]
            {
                new
                {
                    mediaType = "application/vnd.oci.image.manifest.v1+json",
                    digest = Digest(manifest),
                    size = manifest.Length,
                    annotations = new Dictionary<string, string> { ["io.containerd.image.name"] = name },
                },
            },
        });

        await using var file = File.Create(path);
        await using var archive = new TarWriter(file);
        await AddAsync(archive, "oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}"u8.ToArray(), ReadOnly);
        await AddAsync(archive, "index.json", index, ReadOnly);
        foreach (var blob in new[] { config, manifest, layer })
        {
            await AddAsync(archive, $"blobs/sha256/{Digest(blob)["sha256:".Length..]}", blob, ReadOnly);
        }
    }

    /// <summary>Lays the image's files out in a directory, for runtimes that know no images.</summary>
    public static async Task ExtractAsync(string directory)
    {
        using var layer = new MemoryStream(await LayerAsync());
        await TarFile.ExtractToDirectoryAsync(layer, Directory.CreateDirectory(directory).FullName, overwriteFiles: false);
    }

    private static async Task<byte[]> LayerAsync()
    {
        var busybox = Commands.Find("busybox") ?? throw new FileNotFoundException("busybox is not installed.");
        var applets = (await Commands.RunAsync(busybox, "--list")).Split('\n', StringSplitOptions.RemoveEmptyEntries);

        using var content = new MemoryStream();
        await using (var layer = new TarWriter(content, leaveOpen: true))
        {
            foreach (var folder in Folders)
            {
                await layer.WriteEntryAsync(new PaxTarEntry(TarEntryType.Directory, $"{folder}/") { Mode = Executable });
            }

            await AddAsync(layer, "bin/busybox", await File.ReadAllBytesAsync(busybox), Executable);
            await AddAsync(layer, "bin/load", await File.ReadAllBytesAsync(Load), Executable);
            await AddAsync(layer, "bin/attack", await File.ReadAllBytesAsync(Attack), Executable);
            foreach (var applet in applets.Where(static applet => applet != "busybox"))
            {
                await layer.WriteEntryAsync(new PaxTarEntry(TarEntryType.SymbolicLink, $"bin/{applet}") { LinkName = "busybox", Mode = Executable });
            }

            foreach (var (name, text) in Files)
            {
                await AddAsync(layer, name, Encoding.UTF8.GetBytes(text), ReadOnly);
            }
        }

        return content.ToArray();
    }

    private static async Task AddAsync(TarWriter archive, string name, byte[] content, UnixFileMode mode)
    {
        using var data = new MemoryStream(content);
        await archive.WriteEntryAsync(new PaxTarEntry(TarEntryType.RegularFile, name) { DataStream = data, Mode = mode });
    }

    private static byte[] Json<T>(T value) => JsonSerializer.SerializeToUtf8Bytes(value);

    private static string Digest(byte[] content) => $"sha256:{Convert.ToHexStringLower(SHA256.HashData(content))}";
}
