using KubeCop.Testing;
using KubeCop.Testing.Containers;

namespace KubeCop.Node.Tests;

/// <summary>What the other tests take for granted of the containers they run.</summary>
public sealed class ContainerdFixtureTests(ContainerdFixture containerd)
{
    [RealContainersFact]
    public async Task Container_Runs_InItsOwnCgroupOnAnOverlay()
    {
        await using var container = await containerd.RunAsync("/bin/sleep", "1000");

        var pid = await container.GetPidAsync();

        Assert.Contains($"/{container.Namespace}/{container.Id}", await File.ReadAllTextAsync($"/proc/{pid}/cgroup"));
        Assert.Contains(" / / rw,relatime - overlay ", await File.ReadAllTextAsync($"/proc/{pid}/mountinfo"));
        Assert.True(
            File.Exists($"{containerd.HostRoot}/run/containerd/io.containerd.runtime.v2.task/{container.Namespace}/{container.Id}/config.json"),
            "The bundle is not where HostRoot shows it.");
        Assert.Equal("uid=0(root) gid=0(root) groups=0(root)\n", await container.ExecAsync("id"));
    }

    [RealContainersFact]
    public async Task Guard_ItsInputEnds_NothingIsLeft()
    {
        var other = new ContainerdFixture();
        await other.InitializeAsync();
        var container = await other.RunAsync("/bin/sleep", "1000");
        var pid = await container.GetPidAsync();

        // The test run's death closes the same pipe.
        await other.DisposeAsync();

        await Wait.UntilAsync(() => Directory.Exists($"/proc/{pid}"), static runs => !runs, "end of the container's process");
        var twoLevels = new EnumerationOptions { RecurseSubdirectories = true, MaxRecursionDepth = 1 };
        Assert.Empty(Directory.EnumerateDirectories("/sys/fs/cgroup", other.Namespace, twoLevels));
        Assert.DoesNotContain(other.Namespace, await Commands.RunAsync("ps", "-eo", "args"), StringComparison.Ordinal);
    }
}
