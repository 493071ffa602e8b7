using System.Diagnostics;

namespace KubeCop.Testing.Storage;

/// <summary>A real file system of a few KiB (tmpfs), to be filled up. Needs root.</summary>
public sealed class SmallDisk : IDisposable
{
    private readonly TemporaryDirectory _mountPoint = new();

    private SmallDisk()
    {
    }

    public string Path => _mountPoint.Path;

    /// <returns>Null where the user may not mount: the test is then to be skipped.</returns>
    public static SmallDisk? TryMount(int kibibytes)
    {
        var disk = new SmallDisk();
        if (Run("mount", "-t", "tmpfs", "-o", $"size={kibibytes}k,mode=0700", "kubecop-test", disk.Path))
        {
            return disk;
        }

        disk._mountPoint.Dispose();
        return null;
    }

    public void RemountReadOnly() => Xunit.Assert.True(Run("mount", "-o", "remount,ro", Path), $"{Path} cannot be made read-only.");

    /// <summary>Leaves not a single free block.</summary>
    /// <returns>The file that takes the space; deleting it frees it again.</returns>
    public string Fill()
    {
        var filler = System.IO.Path.Combine(Path, "filler");
        using var file = new FileStream(filler, FileMode.Create, FileAccess.Write, FileShare.Read, bufferSize: 0);
        try
        {
            while (true)
            {
                file.Write(new byte[4096]);
            }
        }
        catch (IOException)
        {
            return filler;
        }
    }

    public void Dispose()
    {
        Run("umount", "-l", Path);
        _mountPoint.Dispose();
    }

    private static bool Run(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
        process.StandardError.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0;
    }
}
