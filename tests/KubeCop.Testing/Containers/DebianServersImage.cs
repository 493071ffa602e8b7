namespace KubeCop.Testing.Containers;

/// <summary>
/// An image with nginx, redis and postgresql as Debian ships them (debian-servers.sh), and <c>attack</c> (tools/simulator).
/// </summary>
public static class DebianServersImage
{
    public const string Name = "docker.io/library/kubecop-test-servers:1";

    /// <summary>Why there is none, in words; null when there is.</summary>
    public static string? Missing { get; } =
        Machine.MissingForContainers ?? (File.Exists(Layer) ? null : $"needs {Layer}: packages of nginx, redis and postgresql; tools/test fetches them on Debian and Ubuntu");

    // artifacts/bin/PROJECT/release/
    private static string Layer => Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "../../../images/debian-servers.tar"));

    public static async Task WriteArchiveAsync(string path)
    {
        var attack = await BusyboxImage.AttackLayerAsync();
        await OciArchive.WriteAsync(path, Name, "/usr/sbin:/usr/bin", ["/bin/sh"], [() => File.OpenRead(Layer), () => new MemoryStream(attack, writable: false)]);
    }
}
