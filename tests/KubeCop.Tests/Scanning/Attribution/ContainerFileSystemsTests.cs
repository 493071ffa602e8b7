using System.Text;
using KubeCop.Core.Workloads;
using KubeCop.Scanning.Attribution;
using KubeCop.Scanning.Walking;
using KubeCop.Testing;
using KubeCop.Tests.Core;
using KubeCop.Tests.Scanning.Walking;

namespace KubeCop.Tests.Scanning.Attribution;

/// <summary>With real overlays, laid out as containerd and docker do.</summary>
public sealed class ContainerFileSystemsTests : IDisposable
{
    private readonly Tree _tree = new();
    private readonly List<OverlayContainer> _containers = [];

    public void Dispose()
    {
        _containers.ForEach(static container => container.Dispose());
        _tree.Dispose();
    }

    [Fact]
    public async Task Containers_OfContainerd_ShareTheLayersOfTheirImage()
    {
        SkipWithoutOverlays();
        _tree.Write("snapshots/1/fs/bin/tool");
        _tree.Write("snapshots/2/fs/opt/tool");
        await StartContainerdAsync("one", "10", "2/fs:1/fs");
        await StartContainerdAsync("two", "11", "2/fs:1/fs", """mkdir "$root/tmp"; echo x > "$root/tmp/dropped" """);

        var systems = Read();

        Assert.Empty(systems.Unreadable);
        Assert.Equal(
            [
                $"ImageLayer {_tree.Combine("snapshots/1/fs")}", $"ImageLayer {_tree.Combine("snapshots/2/fs")}",
                $"UpperLayer {_tree.Combine("snapshots/10/fs")}", $"UpperLayer {_tree.Combine("snapshots/11/fs")}",
            ],
            RootsIn(systems).Order(StringComparer.Ordinal));
        Assert.Equal(["one ImageLayer /bin/tool", "two ImageLayer /bin/tool"], Sees(systems, "snapshots/1/fs/bin/tool"));
        Assert.Equal(["one ImageLayer /opt/tool", "two ImageLayer /opt/tool"], Sees(systems, "snapshots/2/fs/opt/tool"));
        Assert.Equal(["two Upper /tmp/dropped"], Sees(systems, "snapshots/11/fs/tmp/dropped"));
        Assert.Empty(Sees(systems, "snapshots/1/fsx"));
        Assert.Empty(systems.Sees("/etc/passwd"u8));
    }

    [Fact]
    public async Task Containers_OfDocker_AreFoundThroughItsLinks()
    {
        SkipWithoutOverlays();
        var image = new string('a', 64);
        var own = new string('b', 64);
        _tree.Write($"overlay2/{image}/diff/usr/tool");
        Directory.CreateDirectory(_tree.Combine($"overlay2/{own}/diff"));
        Directory.CreateDirectory(_tree.Combine($"overlay2/{own}/work"));
        Directory.CreateDirectory(_tree.Combine("overlay2/l"));
        File.CreateSymbolicLink(_tree.Combine("overlay2/l/ABC"), $"../{image}/diff");
        AddBusybox($"overlay2/{image}/diff");
        await StartAsync("web", _tree.Combine("overlay2"), $"lowerdir={_tree.Combine("overlay2/l/ABC")},{Own($"overlay2/{own}", "diff")}");

        var systems = Read();

        Assert.Equal(["web ImageLayer /usr/tool"], Sees(systems, $"overlay2/{image}/diff/usr/tool"));
        Assert.Contains($"UpperLayer {_tree.Combine($"overlay2/{own}/diff")}", RootsIn(systems));
    }

    [Fact]
    public async Task File_ThatAContainerReplacedOrDeleted_IsHiddenFromIt()
    {
        SkipWithoutOverlays();
        _tree.Write("snapshots/1/fs/kept", "image");
        _tree.Write("snapshots/1/fs/replaced", "image");
        _tree.Write("snapshots/1/fs/deleted", "image");
        await StartContainerdAsync("one", "10", "1/fs", """echo the longer content of mine > "$root/replaced"; rm "$root/deleted"; chmod 700 "$root/kept" """);
        await StartContainerdAsync("two", "11", "1/fs");

        var systems = Read();

        Assert.Equal(["one ImageLayer /kept", "two ImageLayer /kept"], Sees(systems, "snapshots/1/fs/kept"));
        Assert.Equal(["one ImageLayer /replaced hidden", "two ImageLayer /replaced"], Sees(systems, "snapshots/1/fs/replaced"));
        Assert.Equal(["one ImageLayer /deleted hidden", "two ImageLayer /deleted"], Sees(systems, "snapshots/1/fs/deleted"));
        Assert.Equal(["one Upper /replaced"], Sees(systems, "snapshots/10/fs/replaced"));
        Assert.Equal(_tree.Combine("snapshots/10/fs/replaced"), HostPath(systems, "one", "/replaced"));
        Assert.Equal(_tree.Combine("snapshots/1/fs/replaced"), HostPath(systems, "two", "/replaced"));
        Assert.Null(HostPath(systems, "one", "/deleted"));
        Assert.Null(HostPath(systems, "three", "/kept"));
    }

    [Fact]
    public async Task Volume_OfTwoContainers_IsThereOnce()
    {
        SkipWithoutOverlays();
        var volume = _tree.Combine("pods/1/volumes/data");
        _tree.Write("pods/1/volumes/data/a/file");
        Directory.CreateDirectory(_tree.Combine("snapshots/1/fs"));
        var mount = $"""mkdir -p "$root/data"; mount --bind '{volume}' "$root/data" """;
        await StartContainerdAsync("one", "10", "1/fs", mount);
        await StartContainerdAsync("two", "11", "1/fs", mount.Replace("/data\"", "/mnt\"", StringComparison.Ordinal));

        var systems = Read();

        Assert.Single(RootsIn(systems), $"Volume {volume}");
        Assert.Equal(["one Volume /data/a/file", "two Volume /mnt/a/file"], Sees(systems, "pods/1/volumes/data/a/file"));
        Assert.Equal(_tree.Combine("pods/1/volumes/data/a/file"), HostPath(systems, "two", "/mnt/a/file"));
    }

    [Fact]
    public async Task Memory_ThatOnlyAContainerHas_IsWalkedThroughItsProcess()
    {
        SkipWithoutOverlays();
        Directory.CreateDirectory(_tree.Combine("snapshots/1/fs"));
        var container = await StartContainerdAsync(
            "one", "10", "1/fs", """mkdir -p "$root/dev/shm"; mount -t tmpfs tmpfs "$root/dev/shm"; echo x > "$root/dev/shm/dropped" """);

        var systems = Read();
        var root = Assert.Single(systems.Roots(), static root => root.ContainerId == "one");
        using var walk = Begin(systems, root);

        Assert.True(walk.MoveNext());
        using var file = walk.Open();
        Assert.Equal("/dev/shm/dropped", Encoding.UTF8.GetString(file!.Path));
        Assert.False(walk.MoveNext());
        Assert.Equal(["one Volume /dev/shm/dropped"], systems.Sees(root, file.Path).Select(Show));

        // Its process has ended: whoever gets its number is not walked.
        container.Dispose();
        _containers.Clear();
        using var late = Begin(systems, root);
        Assert.False(late.MoveNext());
        Assert.NotNull(late.Problem);
    }

    [Fact]
    public async Task Layers_ThatCannotBeReached_AreWalkedAsTheContainerSeesThem()
    {
        SkipWithoutOverlays();
        _tree.Write("snapshots/1/fs/bin/tool");
        await StartContainerdAsync("one", "10", "1/fs");
        await StartContainerdAsync("two", "11", "1/fs");

        // Somebody moved the image's layer; what is mounted stays.
        Directory.Move(_tree.Combine("snapshots/1"), _tree.Combine("moved"));
        var systems = Read();

        var root = Assert.Single(systems.Roots(), static root => root.Kind == ScanRootKind.Merged);
        using var walk = Begin(systems, root);
        Assert.Contains("bin/tool", Tree.Rest(walk));
        Assert.Equal(["one Merged /bin/tool", "two Merged /bin/tool"], systems.Sees(root, "/bin/tool"u8).Select(Show).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Walk_OfTheHost_PassesOverMergedFileSystemsOfContainers()
    {
        SkipWithoutOverlays();
        _tree.Write("snapshots/1/fs/tool");
        AddBusybox("snapshots/1/fs");
        foreach (var part in (string[])["fs", "work"])
        {
            Directory.CreateDirectory(_tree.Combine($"snapshots/10/{part}"));
        }

        // As containerd has it: in the host's mount namespace too.
        var options = $"lowerdir={_tree.Combine("snapshots/1/fs")},{Own("snapshots/10", "fs")}";
        await _tree.MountAsync("task/rootfs", "-t", "overlay", "-o", options, "overlay");
        await StartAsync("one", _tree.Path, "", $"mount --bind '{_tree.Combine("task/rootfs")}' \"$root\"");

        var systems = Read();
        var walked = _tree.Walk(new TreeWalkOptions { WalkedElsewhere = systems.MergedDevices });

        Assert.Single(walked, static path => path.EndsWith("/tool", StringComparison.Ordinal));
        Assert.Equal(["one ImageLayer /tool"], Sees(systems, "snapshots/1/fs/tool"));
        Assert.Equal(1, _tree.Passed[PassReason.WalkedElsewhere]);
    }

    [Fact]
    public void Containers_WithoutProcesses_AreTold()
    {
        var systems = ContainerFileSystems.Read(
            new Running(
                [new RunningContainer(Sample.Container with { Id = "one" }, []), new RunningContainer(Sample.Container with { Id = "two" }, [int.MaxValue])]),
            new HostRoot("/"));

        Assert.Contains("hostPID", systems.Unreadable["one"], StringComparison.Ordinal);
        Assert.Contains("ended", systems.Unreadable["two"], StringComparison.Ordinal);
        Assert.Empty(systems.Roots());
    }

    private static void SkipWithoutOverlays() => Assert.SkipWhen(OverlayContainer.Missing is not null, OverlayContainer.Missing ?? "");

    private static string Show(Sighting sighting) =>
        $"{sighting.Container.Id} {sighting.Place} {Encoding.UTF8.GetString(sighting.Path)}{(sighting.IsHidden ? " hidden" : "")}";

    private static string? HostPath(ContainerFileSystems systems, string container, string path) =>
        systems.HostPathOf(container, Encoding.UTF8.GetBytes(path)) is { } found ? Encoding.UTF8.GetString(found) : null;

    private ContainerFileSystems Read() =>
        ContainerFileSystems.Read(new Running([.. _containers.Select(static container => container.Running)]), new HostRoot("/"));

    private IEnumerable<string> Sees(ContainerFileSystems systems, string name) =>
        systems.Sees(Encoding.UTF8.GetBytes(_tree.Combine(name))).Select(Show).Order(StringComparer.Ordinal);

    private IEnumerable<string> RootsIn(ContainerFileSystems systems) => systems.Roots()
        .Select(static root => $"{root.Kind} {Encoding.UTF8.GetString(root.Path)}")
        .Where(root => root.Contains($" {_tree.Path}/", StringComparison.Ordinal));

    private TreeWalk Begin(ContainerFileSystems systems, ScanRoot root) =>
        new(root, new TreeWalkOptions { WalkedElsewhere = systems.MergedDevices }, _tree.Links, _tree.Passed, TimeProvider.System);

    private void AddBusybox(string layer)
    {
        Directory.CreateDirectory(_tree.Combine($"{layer}/bin"));
        var busybox = _tree.Combine($"{layer}/bin/busybox");
        if (!File.Exists(busybox))
        {
            // Written once: the containers before run from it.
            File.Copy(Commands.Find("busybox")!, busybox);
        }
    }

    private string Own(string directory, string upper) => $"upperdir={_tree.Combine($"{directory}/{upper}")},workdir={_tree.Combine($"{directory}/work")}";

    /// <summary>A snapshot of containerd's with layers below it, mounted from the directory of snapshots.</summary>
    private Task<OverlayContainer> StartContainerdAsync(string id, string snapshot, string lower, string mounts = ":")
    {
        AddBusybox("snapshots/1/fs");
        Directory.CreateDirectory(_tree.Combine($"snapshots/{snapshot}/fs"));
        Directory.CreateDirectory(_tree.Combine($"snapshots/{snapshot}/work"));
        return StartAsync(id, _tree.Combine("snapshots"), $"lowerdir={lower},{Own($"snapshots/{snapshot}", "fs")}", mounts);
    }

    private async Task<OverlayContainer> StartAsync(string id, string directory, string options, string mounts = ":")
    {
        var container = await OverlayContainer.StartAsync(id, directory, _tree.Combine($"merged/{id}"), options, mounts);
        _containers.Add(container);
        return container;
    }

    private sealed class Running(IReadOnlyList<RunningContainer> containers) : IRunningContainers
    {
        public IReadOnlyList<RunningContainer> List() => containers;
    }
}
