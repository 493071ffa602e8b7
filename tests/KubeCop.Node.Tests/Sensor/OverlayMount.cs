using System.Diagnostics;

namespace KubeCop.Node.Tests.Sensor;

/// <summary>An overlay file system with a tmpfs as its upper layer, as a container's root is.</summary>
internal sealed class OverlayMount : IDisposable
{
    private readonly string _upper = Directory.CreateTempSubdirectory("kubecop-upper-").FullName;

    private OverlayMount(string lower)
    {
        Path = Directory.CreateTempSubdirectory("kubecop-merged-").FullName;
        Mount("-t", "tmpfs", "tmpfs", _upper);
        Directory.CreateDirectory($"{_upper}/upper");
        Directory.CreateDirectory($"{_upper}/work");
        Mount("-t", "overlay", "overlay", "-o", $"lowerdir={lower},upperdir={_upper}/upper,workdir={_upper}/work", Path);
    }

    public string Path { get; }

    public static OverlayMount Over(string lower) => new(lower);

    public void Dispose()
    {
        Run("umount", Path);
        Run("umount", _upper);
        Directory.Delete(Path);
        Directory.Delete(_upper);
    }

    private static void Mount(params string[] arguments) => Run("mount", arguments);

    private static void Run(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
        var error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"{program} {string.Join(' ', arguments)}: {error}");
    }
}
