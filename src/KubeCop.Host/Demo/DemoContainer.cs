using System.Text.Json;
using KubeCop.Host.Http;

namespace KubeCop.Host.Demo;

/// <summary>
/// A throw-away container made with runc: an image of busybox and the attack simulator under an overlay, everything of it (and of the demo's
/// silo) on a tmpfs that goes away with one unmount.
/// </summary>
internal sealed class DemoContainer : IAsyncDisposable
{
    private static readonly string Simulator = Path.Combine(AppContext.BaseDirectory, "attack");

    private readonly string _work;
    private readonly string _log;

    private DemoContainer(string id, string work)
    {
        Id = id;
        _work = work;
        _log = $"{work}/runc.log";
    }

    public string Id { get; }

    /// <summary>For the demo's silo; goes away with the container.</summary>
    public string DataDirectory => $"{_work}/data";

    private string Bundle => $"{_work}/bundle";

    /// <exception cref="ToolException">A program is missing.</exception>
    public static void RequireTools()
    {
        (string Program, string Package)[] needed = [("runc", "runc"), ("busybox", "busybox-static"), ("mount", "mount")];
        foreach (var (program, package) in needed)
        {
            if (!Tool.IsInstalled(program))
            {
                throw new ToolException($"The demo needs {program}, which is not installed: apt-get install {package}.");
            }
        }

        if (!File.Exists(Simulator))
        {
            throw new ToolException($"The demo needs the attack simulator, which belongs beside the program: {Simulator}.");
        }
    }

    /// <summary>Takes away what a demo that was killed left behind.</summary>
    /// <returns>How many there were.</returns>
    public static async Task<int> RemoveStaleAsync()
    {
        var names = Directories("/run/runc").Concat(Directories(Path.GetTempPath())).Distinct().Where(DemoName.IsStale).ToList();
        foreach (var name in names)
        {
            await new DemoContainer(name, WorkOf(name)).DisposeAsync();
        }

        return names.Count;

        static IEnumerable<string> Directories(string parent) =>
            Directory.Exists(parent) ? Directory.EnumerateDirectories(parent, DemoName.Prefix + "*").Select(static path => Path.GetFileName(path)) : [];
    }

    /// <summary>Everything but the container itself, which <see cref="StartAsync"/> starts.</summary>
    public static async Task<DemoContainer> PrepareAsync()
    {
        var name = DemoName.OfThisProcess();
        var container = new DemoContainer(name, WorkOf(name));
        try
        {
            Directory.CreateDirectory(container._work);
            await Tool.RunAsync("mount", "-t", "tmpfs", "-o", "mode=700,size=256m", DemoName.Prefix + "tmpfs", container._work);
            await container.MakeImageAsync();
            return container;
        }
        catch
        {
            await container.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts the container with its command; returns when it runs.</summary>
    public async Task StartAsync(params string[] command)
    {
        await File.WriteAllTextAsync($"{Bundle}/config.json", Config(command));

        // A detached container keeps runc's standard streams; through a shell they are nobody's.
        var (code, _, _) = await Tool.TryRunAsync(
            "/bin/sh", "-c", "exec runc --log \"$0\" run --detach --bundle \"$1\" \"$2\" </dev/null >/dev/null 2>&1", _log, Bundle, Id);
        if (code != 0)
        {
            throw new ToolException($"runc could not start the container: {(File.Exists(_log) ? (await File.ReadAllTextAsync(_log)).Trim() : $"exit code {code}")}");
        }
    }

    /// <summary>Runs a command in the container, as somebody would who got in.</summary>
    public Task ExecAsync(params string[] command) => Tool.TryRunAsync("runc", ["--log", _log, "exec", Id, .. command]);

    public async ValueTask DisposeAsync()
    {
        // Each on its own: what one finds missing must not keep the next from its work.
        await Tool.TryRunAsync("runc", "delete", "--force", Id);
        await Tool.TryRunAsync("umount", "--lazy", $"{Bundle}/rootfs");
        await Tool.TryRunAsync("umount", "--lazy", _work);
        if (Directory.Exists(_work))
        {
            Directory.Delete(_work);
        }
    }

    private static string WorkOf(string name) => Path.Combine(Path.GetTempPath(), name);

    private async Task MakeImageAsync()
    {
        foreach (var directory in new[] { "image/bin", "image/dev", "image/etc", "image/proc", "image/run", "upper", "overlay", "bundle/rootfs" })
        {
            Directory.CreateDirectory($"{_work}/{directory}");
        }

        var busybox = new[] { "/usr/bin/busybox", "/bin/busybox" }.First(File.Exists);
        File.Copy(busybox, $"{_work}/image/bin/busybox");
        File.CreateSymbolicLink($"{_work}/image/bin/sh", "busybox");
        File.Copy(Simulator, $"{_work}/image/bin/attack");
        await Tool.RunAsync(
            "mount", "-t", "overlay", "-o", $"lowerdir={_work}/image,upperdir={_work}/upper,workdir={_work}/overlay", DemoName.Prefix + "overlay", $"{Bundle}/rootfs");
    }

    private static string Config(string[] command) => $$"""
        {
          "ociVersion": "1.0.2",
          "process": {
            "user": { "uid": 0, "gid": 0 },
            "args": [{{string.Join(", ", command.Select(static argument => JsonSerializer.Serialize(argument, ApiJson.Default.String)))}}],
            "env": ["PATH=/bin"],
            "cwd": "/",
            "noNewPrivileges": true
          },
          "root": { "path": "rootfs" },
          "hostname": "kubecop-demo",
          "mounts": [
            { "destination": "/proc", "type": "proc", "source": "proc" },
            { "destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755", "size=1m"] },
            { "destination": "/dev/shm", "type": "tmpfs", "source": "shm", "options": ["nosuid", "nodev", "mode=1777", "size=16m"] }
          ],
          "linux": { "namespaces": [{ "type": "pid" }, { "type": "mount" }, { "type": "ipc" }, { "type": "uts" }, { "type": "network" }] }
        }
        """;
}
