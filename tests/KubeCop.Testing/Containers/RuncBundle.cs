using System.Text.Json.Nodes;

namespace KubeCop.Testing.Containers;

/// <summary>A bundle of busybox for plain runc, and the containers that run from it.</summary>
public sealed class RuncBundle : IAsyncDisposable
{
    private readonly List<string> _started = [];

    private RuncBundle(string path) => Path = path;

    public string Path { get; }

    /// <param name="cgroupsPath">Null to leave the cgroup's place to runc.</param>
    /// <param name="args">The command.</param>
    public static Task<RuncBundle> MakeAsync(string? cgroupsPath, params string[] args) => MakeAsync(cgroupsPath, static _ => { }, args);

    /// <param name="cgroupsPath">Null to leave the cgroup's place to runc.</param>
    /// <param name="configure">Changes the runtime's configuration (config.json) before it is written.</param>
    /// <param name="args">The command.</param>
    public static async Task<RuncBundle> MakeAsync(string? cgroupsPath, Action<JsonNode> configure, params string[] args)
    {
        var path = Directory.CreateTempSubdirectory("kubecop-runc-").FullName;
        Directory.CreateDirectory($"{path}/rootfs/bin");
        Directory.CreateDirectory($"{path}/data");
        File.Copy("/bin/busybox", $"{path}/rootfs/bin/busybox");
        File.Copy(System.IO.Path.Combine(AppContext.BaseDirectory, "Programs", "behaviour"), $"{path}/rootfs/bin/behaviour");
        File.Copy(BusyboxImage.Load, $"{path}/rootfs/bin/load");
        foreach (var applet in (string[])["sh", "sleep", "true", "cat"])
        {
            File.CreateSymbolicLink($"{path}/rootfs/bin/{applet}", "busybox");
        }

        await Commands.RunAsync("runc", "spec", "--bundle", path);
        var spec = JsonNode.Parse(await File.ReadAllTextAsync($"{path}/config.json"))!;
        spec["process"]!["terminal"] = false;
        spec["process"]!["args"] = new JsonArray([.. args.Select(static arg => JsonValue.Create(arg))]);
        spec["process"]!.AsObject().Remove("rlimits");
        spec["mounts"]!.AsArray().Add(new JsonObject
        {
            ["destination"] = "/data",
            ["type"] = "bind",
            ["source"] = $"{path}/data",
            ["options"] = new JsonArray("bind", "ro"),
        });
        if (cgroupsPath is not null)
        {
            spec["linux"]!["cgroupsPath"] = cgroupsPath;
        }

        configure(spec);
        await File.WriteAllTextAsync($"{path}/config.json", spec.ToJsonString());
        return new RuncBundle(path);
    }

    /// <summary>A name no other container has.</summary>
    public static string NewId() => $"kubecop-test.{Guid.NewGuid():N}"[..30];

    /// <summary>Starts a container and leaves it running.</summary>
    public async Task StartAsync(string id)
    {
        await Commands.RunAsync("sh", "-c", $"runc run --detach --bundle {Path} {id} >/dev/null 2>&1 </dev/null");
        _started.Add(id);
    }

    /// <summary>Runs a container to its end.</summary>
    /// <exception cref="InvalidOperationException">It ended otherwise than expected.</exception>
    public Task RunToEndAsync(string id, int expectedExitCode = 0) =>
        Commands.RunAsync("sh", "-c", $"runc run --bundle {Path} {id} </dev/null; code=$?; [ $code = {expectedExitCode} ] || exit $((code + 1))");

    public async Task DeleteAsync(string id)
    {
        await Commands.RunAsync("runc", "delete", "--force", id);
        _started.Remove(id);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var id in _started.ToList())
        {
            await DeleteAsync(id);
        }

        Directory.Delete(Path, recursive: true);
    }
}
