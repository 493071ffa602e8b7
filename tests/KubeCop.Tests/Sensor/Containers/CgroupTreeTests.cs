using KubeCop.Sensor;
using KubeCop.Sensor.Containers;

namespace KubeCop.Tests.Sensor.Containers;

public sealed class CgroupTreeTests : IDisposable
{
    private readonly Scratch _host = new();

    public void Dispose() => _host.Dispose();

    [Fact]
    public void FindMount_HybridHost_IsTheV2Mount() =>
        Assert.Equal("/sys/fs/cgroup/unified", CgroupTree.FindMount(
            """
            31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
            32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu
            41 31 0:38 / /sys/fs/cgroup/unified rw,relatime shared:9 master:1 - cgroup2 cgroup2 rw

            """,
            "",
            _ => true));

    [Fact]
    public void FindMount_OurOwnNamespacedMountBesideTheHosts_IsTheOneThatShowsEverything() =>
        Assert.Equal("/hostfs/sys fs/cgroup", CgroupTree.FindMount(
            """
            41 31 0:38 / /cg rw,relatime - cgroup2 cgroup2 rw
            42 31 0:38 /../.. /hostfs/sys\040fs/cgroup rw,relatime - cgroup2 cgroup2 rw
            """,
            "",
            mount => mount.StartsWith("/hostfs", StringComparison.Ordinal)));

    [Fact]
    public void FindMount_UnderAnotherRoot_IgnoresMountsElsewhere()
    {
        const string MountInfo = "41 31 0:38 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n42 31 0:38 / /hostile/cgroup rw - cgroup2 cgroup2 rw\n";
        Assert.Null(CgroupTree.FindMount(MountInfo, "/host", _ => true));
        Assert.Equal("/host/cg", CgroupTree.FindMount($"{MountInfo}43 31 0:38 / /host/cg rw - cgroup2 cgroup2 rw", "/host", _ => true));
    }

    [Fact]
    public void Open_WithoutHierarchy_SaysWhatToMount()
    {
        var error = Assert.Throws<SensorException>(() => CgroupTree.Open(_host.Path));
        Assert.Contains($"{_host.Path}/sys/fs/cgroup", error.Remedy, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_HierarchyUnderAnotherRoot_IsKnownByTheHostsName()
    {
        _host.Write("sys/fs/cgroup/unified/cgroup.controllers", "");
        var tree = CgroupTree.Open(_host.Path + "/");
        Assert.Equal($"{_host.Path}/sys/fs/cgroup/unified", tree.MountPoint);
        Assert.Equal("/sys/fs/cgroup/unified", tree.HostMountPoint);
    }

    [Fact]
    public void List_Tree_GivesOuterBeforeInnerWithInodes()
    {
        _host.Make("a/b/c").Make("a/.hidden").Make("d");
        var tree = new CgroupTree(_host.Path, "/sys/fs/cgroup");

        var cgroups = tree.List(out var complete);

        Assert.True(complete);
        Assert.Equal(["/", "/a", "/d", "/a/.hidden", "/a/b", "/a/b/c"], cgroups.Select(cgroup => cgroup.Path).OrderBy(Depth).ThenBy(path => path, StringComparer.Ordinal));
        Assert.Equal(cgroups.Select(cgroup => cgroup.Path).OrderBy(Depth).Select(Depth), cgroups.Select(cgroup => Depth(cgroup.Path)));
        Assert.Equal(cgroups.Count, cgroups.Select(cgroup => cgroup.Id).Distinct().Count());
        Assert.Equal(cgroups.Single(cgroup => cgroup.Path == "/a/b").Id, tree.IdOf("/a/b"));
        Assert.Null(tree.IdOf("/none"));

        static int Depth(string path) => path == "/" ? 0 : path.Count(c => c == '/');
    }

    [Fact]
    public void OwnPath_InACgroupNamespace_IsFoundByOurPid()
    {
        _host.Write("cgroup.procs", "").Write("a/cgroup.procs", "1\n0\n").Write("a/b/cgroup.procs", $"7\n{Environment.ProcessId}\n");
        Assert.Equal("/a/b", new CgroupTree(_host.Path, "/sys/fs/cgroup").OwnPath);
    }

    [Fact]
    public void Open_ThisMachine_ListsItsCgroupsAndFindsOurOwn()
    {
        Assert.SkipUnless(Directory.Exists("/sys/fs/cgroup"), "needs cgroups");
        var tree = CgroupTree.Open("/");

        var own = tree.OwnPath;

        Assert.NotNull(own);
        Assert.Contains(tree.List(out _), cgroup => cgroup.Path == own && cgroup.Id == tree.IdOf(own));
    }
}
