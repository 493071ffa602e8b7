using System.Formats.Tar;
using System.Text;

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
        string[] command = name == SandboxName ? ["/bin/sleep", "1000000"] : ["/bin/sh"];
        await OciArchive.WriteAsync(path, name, "/bin", command, [() => new MemoryStream(layer, writable: false)]);
    }

    /// <summary>Lays the image's files out in a directory, for runtimes that know no images.</summary>
    public static async Task ExtractAsync(string directory)
    {
        using var layer = new MemoryStream(await LayerAsync());
        await TarFile.ExtractToDirectoryAsync(layer, Directory.CreateDirectory(directory).FullName, overwriteFiles: false);
    }

    /// <summary>A layer with nothing but <c>attack</c>.</summary>
    internal static async Task<byte[]> AttackLayerAsync()
    {
        using var content = new MemoryStream();
        await using (var layer = new TarWriter(content, leaveOpen: true))
        {
            await OciArchive.AddAsync(layer, "usr/bin/attack", await File.ReadAllBytesAsync(Attack), OciArchive.Executable);
        }

        return content.ToArray();
    }

    internal static async Task<byte[]> LayerAsync()
    {
        var busybox = Commands.Find("busybox") ?? throw new FileNotFoundException("busybox is not installed.");
        var applets = (await Commands.RunAsync(busybox, "--list")).Split('\n', StringSplitOptions.RemoveEmptyEntries);

        using var content = new MemoryStream();
        await using (var layer = new TarWriter(content, leaveOpen: true))
        {
            foreach (var folder in Folders)
            {
                await layer.WriteEntryAsync(new PaxTarEntry(TarEntryType.Directory, $"{folder}/") { Mode = OciArchive.Executable });
            }

            await OciArchive.AddAsync(layer, "bin/busybox", await File.ReadAllBytesAsync(busybox), OciArchive.Executable);
            await OciArchive.AddAsync(layer, "bin/load", await File.ReadAllBytesAsync(Load), OciArchive.Executable);
            await OciArchive.AddAsync(layer, "bin/attack", await File.ReadAllBytesAsync(Attack), OciArchive.Executable);
            foreach (var applet in applets.Where(static applet => applet != "busybox"))
            {
                await layer.WriteEntryAsync(new PaxTarEntry(TarEntryType.SymbolicLink, $"bin/{applet}") { LinkName = "busybox", Mode = OciArchive.Executable });
            }

            foreach (var (name, text) in Files)
            {
                await OciArchive.AddAsync(layer, name, Encoding.UTF8.GetBytes(text), OciArchive.ReadOnly);
            }
        }

        return content.ToArray();
    }
}
