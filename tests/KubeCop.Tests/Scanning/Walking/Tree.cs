using System.Runtime.InteropServices;
using System.Text;
using KubeCop.Scanning.Walking;
using KubeCop.Testing;

namespace KubeCop.Tests.Scanning.Walking;

/// <summary>A real tree in a temporary directory; names are text with a character for each byte (Latin-1).</summary>
internal sealed partial class Tree : IDisposable
{
    private readonly TestDirectory _directory = new();
    private readonly Stack<string> _mounts = new();

    public string Path => _directory.Path;

    public PassedOver Passed { get; } = new();

    public LinkedFiles Links { get; } = new();

    /// <summary>Why this user cannot mount or make devices; null when it can.</summary>
    public static string? MissingForMounts => System.Environment.IsPrivilegedProcess ? null : "needs root, to mount file systems and to make devices";

    public string Combine(string name) => _directory.Combine(name);

    public string Write(string name, string content = "content")
    {
        var path = Combine(name);
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(path)!);
        File.WriteAllText(path, content);
        return path;
    }

    /// <summary>Runs a shell in the tree.</summary>
    public Task RunAsync(string script) => Commands.RunAsync("sh", "-ec", $"cd '{Path}'; {script}");

    /// <summary>Mounts something in the tree until the end of the test.</summary>
    public async Task MountAsync(string target, params string[] arguments)
    {
        Directory.CreateDirectory(Combine(target));
        await Commands.RunAsync("mount", [.. arguments, Combine(target)]);
        _mounts.Push(Combine(target));
    }

    public TreeWalk Begin(TreeWalkOptions? options = null, string root = "", ReadOnlySpan<byte> after = default) => new(
        new ScanRoot(new HostRoot("/"), ScanRootKind.HostPath, Encoding.UTF8.GetBytes(Combine(root))),
        options ?? TreeWalkOptions.Default, Links, Passed, TimeProvider.System, after);

    /// <summary>Walks to the end.</summary>
    /// <returns>What the walk handed out, by <see cref="TreeWalk.Position"/>.</returns>
    public List<string> Walk(TreeWalkOptions? options = null, string root = "", string after = "")
    {
        using var walk = Begin(options, root, Encoding.Latin1.GetBytes(after));
        return Rest(walk);
    }

    public static List<string> Rest(TreeWalk walk)
    {
        var files = new List<string>();
        while (walk.MoveNext())
        {
            files.Add(Encoding.Latin1.GetString(walk.Position));
        }

        return files;
    }

    /// <summary>Does something with the rights of a user who owns nothing; on this thread.</summary>
    public static T AsNobody<T>(Func<T> work)
    {
        const uint Nobody = 65534;
        var before = SetFileSystemUser(Nobody);
        try
        {
            return work();
        }
        finally
        {
            _ = SetFileSystemUser((uint)before);
        }
    }

    public void Dispose()
    {
        while (_mounts.TryPop(out var mount))
        {
            Commands.RunAsync("umount", "-l", mount).GetAwaiter().GetResult();
        }

        // Deeper than .NET can delete.
        Commands.RunAsync("rm", "-rf", Path).GetAwaiter().GetResult();
        _directory.Dispose();
    }

    // setfsuid(2) is of the calling thread alone, and takes away root's right to read everything.
    [LibraryImport("libc", EntryPoint = "setfsuid")]
    private static partial int SetFileSystemUser(uint user);
}
