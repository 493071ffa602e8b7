using KubeCop.Core.Workloads;
using KubeCop.Sensor.Containers;
using KubeCop.Testing;
using KubeCop.Testing.Containers;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace KubeCop.Node.Tests.Containers;

/// <summary>Containers of the real runc, in the real cgroup hierarchy.</summary>
public sealed class RuncContainerTests
{
    private static readonly string[] Command = ["/bin/sh", "-c", "sleep 300; true"];

    private readonly string _id = RuncBundle.NewId();

    [RealContainersFact]
    public async Task Resolve_RunningContainer_IsFoundWithIdAndCommand()
    {
        await using var bundle = await RuncBundle.MakeAsync(null, Command);
        await bundle.StartAsync(_id);
        using var services = Services(bundle);
        var tree = services.GetRequiredService<CgroupTree>();
        var resolver = services.GetRequiredService<ContainerResolver>();

        var cgroup = Assert.Single(tree.List(out _), cgroup => cgroup.Path.EndsWith($"/{_id}", StringComparison.Ordinal));
        var container = resolver.Resolve(cgroup.Id, cgroup.Path, ContainerOrigin.Attached, TimeProvider.System.GetUtcNow());

        Assert.NotNull(container);
        Assert.Equal((_id, "runc", cgroup.Id, cgroup.Path), (container.Id, container.Runtime, container.CgroupId, container.CgroupPath));
        Assert.Equal(new WorkloadKey("default", "Container", _id), container.Workload);
        Assert.Equal(Command, container.Command);
        Assert.Equal(["/data"], container.Mounts);
    }

    [RealContainersFact]
    public async Task Resolve_CgroupOfAnotherName_IsFoundAndForgottenWithItsContainer()
    {
        var path = $"/{_id}-parent/leaf";
        await using var bundle = await RuncBundle.MakeAsync(path, Command);
        using var services = Services(bundle);
        var resolver = services.GetRequiredService<ContainerResolver>();
        Assert.Equal(Verdict.Unknown, resolver.Classify(path).Verdict);

        await bundle.StartAsync(_id);
        Assert.Equal(_id, resolver.Classify($"{path}/below").Container?.Id);

        await bundle.DeleteAsync(_id);
        Assert.Equal(Verdict.Unknown, resolver.Classify(path).Verdict);
        foreach (var directory in Directory.GetDirectories("/sys/fs/cgroup", $"{_id}-parent").Concat(Directory.GetDirectories("/sys/fs/cgroup", "*")
            .SelectMany(hierarchy => Directory.GetDirectories(hierarchy, $"{_id}-parent"))))
        {
            Directory.Delete(directory);
        }
    }

    private static ServiceProvider Services(RuncBundle bundle) => new ServiceCollection()
        .AddSingleton(Options.Create(new NodeOptions { Name = "node", DataDirectory = $"{bundle.Path}/data", HostRoot = "/" }))
        .AddLogging()
        .AddContainers()
        .BuildServiceProvider();
}
