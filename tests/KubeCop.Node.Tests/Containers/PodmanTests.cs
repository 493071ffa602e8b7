using System.Diagnostics;
using KubeCop.Core.Workloads;
using KubeCop.Sensor;
using KubeCop.Sensor.Containers;
using KubeCop.Sensor.Containers.Runtimes;
using KubeCop.Testing;
using KubeCop.Testing.Containers;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace KubeCop.Node.Tests.Containers;

/// <summary>A container of the real podman whose storage is at no usual place, so that only its service can tell of it.</summary>
public sealed class PodmanTests
{
    private readonly List<string> _warnings = [];

    [RealContainersFact]
    public async Task Resolve_PodmansStorageIsElsewhere_ItsServiceTellsNameImageAndDigest()
    {
        Assert.SkipWhen(Commands.Find("podman") is null, "needs podman; tools/test installs it");
        using var files = new TestDirectory();
        string[] podman =
        [
            "--root", files.Combine("root"), "--runroot", files.Combine("run"), "--cgroup-manager", "cgroupfs", "--storage-driver", "vfs", "--runtime", "runc",
            "--events-backend", "none",
        ];
        var archive = files.Combine("image.tar");
        await BusyboxImage.WriteArchiveAsync(archive);
        var loaded = await Commands.RunAsync("podman", [.. podman, "load", "--input", archive]);
        var image = loaded.Split(':', 2)[1].Trim().Split('\n')[0];
        var name = $"kubecop-test-{Guid.NewGuid():N}";

        // Its defaults ask for more open files than a machine that is itself a container may have. Output: the id.
        var id = (await Commands.RunAsync(
            "podman",
            [
                .. podman, "run", "--detach", "--name", name, "--cgroup-parent", $"/{name}", "--network", "host", "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024", "--log-driver", "none",
                "--volume", $"{files.Path}:/data:ro", image, "/bin/sleep", "1000",
            ])).Trim();
        var socket = files.Combine("podman.sock");
        using var service = Process.Start(Commands.Find("podman")!, [.. podman, "system", "service", "--time", "0", $"unix://{socket}"]);
        try
        {
            await Wait.UntilAsync(() => File.Exists(socket), static exists => exists, "podman's socket");
            var options = new ContainersOptions();
            options.RuntimeSockets.Add(socket);
            using var services = new ServiceCollection()
                .AddSingleton(Options.Create(new NodeOptions { Name = "node", DataDirectory = files.Combine("data"), HostRoot = "/" }))
                .AddLogging()
                .AddSingleton<ILogger<RuntimeSockets>>(new WarningLog<RuntimeSockets>(_warnings))
                .AddContainers()
                .AddSingleton(Options.Create(options))
                .BuildServiceProvider();
            var tree = services.GetRequiredService<CgroupTree>();
            var cgroup = tree.List(out _).First(cgroup => cgroup.Path.Contains(id, StringComparison.Ordinal) && !cgroup.Path.Contains("conmon", StringComparison.Ordinal));

            var container = services.GetRequiredService<ContainerResolver>().Resolve(cgroup.Id, cgroup.Path, ContainerOrigin.Attached, TimeProvider.System.GetUtcNow());

            Assert.NotNull(container);
            Assert.Equal((id, name, "podman", image), (container.Id, container.Name, container.Runtime, container.Image));
            Assert.StartsWith("sha256:", container.ImageDigest, StringComparison.Ordinal);
            Assert.Equal(new WorkloadKey("podman", "Container", name), container.Workload);
            Assert.Equal(["/bin/sleep", "1000"], container.Command);
            Assert.Equal([new VolumeMount { Path = "/data", Source = files.Path, Type = "bind", ReadOnly = true }], container.Volumes);
            var status = Assert.Single(services.GetRequiredService<RuntimeSockets>().Status);
            Assert.Equal(("podman", RuntimeSocketState.Available), (status.Runtime, status.State));
            Assert.Empty(_warnings);
        }
        finally
        {
            service.Kill();
            await service.WaitForExitAsync(CancellationToken.None);
            await Commands.RunAsync("podman", [.. podman, "rm", "--force", "--time", "0", name]);

            // Its monitor ends a little later.
            await Wait.UntilAsync(
                () => Commands.TryRunAsync("find", "/sys/fs/cgroup", "-depth", "-type", "d", "-path", $"*/{name}*", "-delete"),
                static result => result.ExitCode == 0,
                "end of podman's cgroups");
        }
    }
}
