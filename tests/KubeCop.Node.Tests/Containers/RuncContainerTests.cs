using System.Diagnostics;
using System.Text.Json.Nodes;
using KubeCop.Core.Workloads;
using KubeCop.Sensor.Containers;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace KubeCop.Node.Tests.Containers;

/// <summary>Containers of the real runc, in the real cgroup hierarchy.</summary>
public sealed class RuncContainerTests : IDisposable
{
    private readonly string _id = $"kubecop-test.{Guid.NewGuid():N}"[..30];
    private readonly string _bundle = Directory.CreateTempSubdirectory("kubecop-runc-").FullName;
    private bool _runs;

    public void Dispose()
    {
        if (_runs)
        {
            Run("runc", "delete", "--force", _id);
        }

        Directory.Delete(_bundle, recursive: true);
    }

    [Fact]
    public void Resolve_RunningContainer_IsFoundWithIdCommandAndProcesses()
    {
        StartContainer(cgroupsPath: null);
        using var services = Services();
        var tree = services.GetRequiredService<CgroupTree>();
        var resolver = services.GetRequiredService<ContainerResolver>();

        var cgroup = Assert.Single(tree.List(out _), cgroup => cgroup.Path.EndsWith($"/{_id}", StringComparison.Ordinal));
        var container = resolver.Resolve(cgroup.Id, cgroup.Path, ContainerOrigin.Attached, TimeProvider.System.GetUtcNow());

        Assert.NotNull(container);
        Assert.Equal((_id, "runc", cgroup.Id, cgroup.Path), (container.Id, container.Runtime, container.CgroupId, container.CgroupPath));
        Assert.Equal(new WorkloadKey("default", "Container", _id), container.Workload);
        Assert.Equal(["/bin/sh", "-c", "sleep 300; true"], container.Command);
        Assert.Equal(["/data"], container.Mounts);

        var init = Assert.Single(tree.Processes(cgroup.Path), pid => File.ReadAllText($"/proc/{pid}/comm").Trim() == "sh");
        var processes = services.GetRequiredService<ProcessSnapshot>().Take(cgroup.Path, out var omitted);
        Assert.Equal(0, omitted);
        Assert.Equal(init, processes[0].Process.Key.Pid);
        Assert.Equal(container.Command, processes[0].Exec!.Arguments);
        Assert.Equal("/bin/busybox", processes[0].Executable);
        Assert.Equal("/", processes[0].Exec!.WorkingDirectory);

        // runc notes the start of its init in the ticks we use too.
        var state = JsonNode.Parse(File.ReadAllText($"/run/runc/{_id}/state.json"))!;
        Assert.Equal(ProcessStartTime.FromTicks((long)state["init_process_start"]!), processes[0].Process.Key.StartTime);
    }

    [Fact]
    public void Resolve_CgroupOfAnotherName_IsFoundAndForgottenWithItsContainer()
    {
        using var services = Services();
        var resolver = services.GetRequiredService<ContainerResolver>();
        var path = $"/{_id}-parent/leaf";
        Assert.Equal(Verdict.Unknown, resolver.Classify(path).Verdict);

        StartContainer(path);
        Assert.Equal(_id, resolver.Classify($"{path}/below").Container?.Id);

        Run("runc", "delete", "--force", _id);
        _runs = false;
        Assert.Equal(Verdict.Unknown, resolver.Classify(path).Verdict);
        foreach (var directory in Directory.GetDirectories("/sys/fs/cgroup", $"{_id}-parent").Concat(Directory.GetDirectories("/sys/fs/cgroup", "*")
            .SelectMany(hierarchy => Directory.GetDirectories(hierarchy, $"{_id}-parent"))))
        {
            Directory.Delete(directory);
        }
    }

    private static void Run(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true, RedirectStandardInput = true })!;
        process.StandardInput.Close();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"{program} {string.Join(' ', arguments)} exited with {process.ExitCode}.");
    }

    private ServiceProvider Services() => new ServiceCollection()
        .AddSingleton(Options.Create(new NodeOptions { Name = "node", DataDirectory = $"{_bundle}/data", HostRoot = "/" }))
        .AddLogging()
        .AddContainers()
        .BuildServiceProvider();

    private void StartContainer(string? cgroupsPath)
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "needs root, to run containers");
        Assert.SkipUnless(File.Exists("/usr/sbin/runc") || File.Exists("/usr/bin/runc"), "needs runc");
        Assert.SkipUnless(File.Exists("/bin/busybox"), "needs busybox-static");

        Directory.CreateDirectory($"{_bundle}/rootfs/bin");
        Directory.CreateDirectory($"{_bundle}/data");
        File.Copy("/bin/busybox", $"{_bundle}/rootfs/bin/busybox");
        File.CreateSymbolicLink($"{_bundle}/rootfs/bin/sh", "busybox");
        File.CreateSymbolicLink($"{_bundle}/rootfs/bin/sleep", "busybox");
        Run("runc", "spec", "--bundle", _bundle);
        var spec = JsonNode.Parse(File.ReadAllText($"{_bundle}/config.json"))!;
        spec["process"]!["terminal"] = false;
        spec["process"]!["args"] = new JsonArray("/bin/sh", "-c", "sleep 300; true");
        spec["process"]!.AsObject().Remove("rlimits");
        spec["mounts"]!.AsArray().Add(new JsonObject
        {
            ["destination"] = "/data",
            ["type"] = "bind",
            ["source"] = $"{_bundle}/data",
            ["options"] = new JsonArray("bind", "ro"),
        });
        if (cgroupsPath is not null)
        {
            spec["linux"]!["cgroupsPath"] = cgroupsPath;
        }

        File.WriteAllText($"{_bundle}/config.json", spec.ToJsonString());
        Run("sh", "-c", $"runc run --detach --bundle {_bundle} {_id} >/dev/null 2>&1 </dev/null");
        _runs = true;
    }
}
