using KubeCop.Scanning.Attribution;

namespace KubeCop.Tests.Scanning.Attribution;

public sealed class MountTableTests
{
    private const string Host = """
        22 27 0:21 / /proc rw - proc proc rw
        27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,discard
        30 27 8:16 / /var/lib/containerd rw master:2 shared:3 - xfs /dev/sdb rw
        31 27 0:40 /@data /data rw - btrfs /dev/sdc rw,subvol=/@data
        32 27 254:0 /srv/files /mnt/my\040files rw - ext4 /dev/vda rw
        33 27 0:41 / /run rw - tmpfs tmpfs rw
        34 27 0:42 / /run rw - tmpfs tmpfs rw
        nonsense
        35 27 0:43 / /cut rw
        """;

    private readonly MountTable _table = MountTable.Parse(Host);

    [Theory]
    [InlineData("/etc/passwd", "254:0", "/etc/passwd")]
    [InlineData("/var/lib/containerd/x", "8:16", "/x")]
    [InlineData("/var/lib/containerd", "8:16", "/")]
    [InlineData("/var/lib/containerdx", "254:0", "/var/lib/containerdx")]
    [InlineData("/data/a", "0:40", "/@data/a")]
    [InlineData("/mnt/my files/a", "254:0", "/srv/files/a")]
    [InlineData("/run/a", "0:42", "/a")]
    [InlineData("/", "254:0", "/")]
    public void Place_OfAPath_IsThatOfTheTopmostMount(string path, string device, string place) =>
        Assert.Equal(new FilePlace(device, place), _table.PlaceOf(path));

    [Theory]
    [InlineData("254:0", "/srv/files/a", "/srv/files/a")]
    [InlineData("8:16", "/x", "/var/lib/containerd/x")]
    [InlineData("0:40", "/@data", "/data")]
    [InlineData("0:40", "/@other", null)]
    [InlineData("0:41", "/a", null)] // another file system is mounted over it
    [InlineData("254:0", "/run/a", null)] // the same
    [InlineData("9:9", "/", null)]
    public void Path_OfAPlace_LeadsThere(string device, string place, string? path) => Assert.Equal(path, _table.PathOf(new FilePlace(device, place)));

    [Fact]
    public void Table_OfAPod_ShowsTheHostsPartOnly()
    {
        var table = MountTable.Parse(
            """
            1 0 0:50 / / rw - overlay overlay rw,lowerdir=/a
            2 1 254:0 / /host rw - ext4 /dev/vda rw
            3 2 8:16 / /host/var/lib/containerd rw - xfs /dev/sdb rw
            4 1 254:0 /etc/hosts /hostile rw - ext4 /dev/vda rw
            """,
            "/host");

        Assert.Equal(["/", "/var/lib/containerd"], table.Mounts.Select(static mount => mount.MountPoint));
        Assert.Equal(new FilePlace("254:0", "/etc"), table.PlaceOf("/etc"));
    }

    [Fact]
    public void Layers_OfDocker_AreItsDirectories()
    {
        var layers = OverlayLayers.Parse(
            "rw,lowerdir=/var/lib/docker/overlay2/l/ABC:/var/lib/docker/overlay2/l/DEF,"
            + "upperdir=/var/lib/docker/overlay2/1234/diff,workdir=/var/lib/docker/overlay2/1234/work,nouserxattr");

        Assert.NotNull(layers);
        Assert.Equal(["/var/lib/docker/overlay2/l/ABC", "/var/lib/docker/overlay2/l/DEF"], layers.Lower);
        Assert.Equal("/var/lib/docker/overlay2/1234/diff", layers.Upper);
        Assert.Equal("/var/lib/docker/overlay2", layers.Bases().First());
    }

    [Fact]
    public void Layers_WithRelativePaths_StartWhereTheUpperOneIs()
    {
        var layers = OverlayLayers.Parse("rw,lowerdir=12/fs:11/fs,upperdir=/x/snapshots/13/fs,workdir=/x/snapshots/13/work");

        Assert.Equal(["12/fs", "11/fs"], layers!.Lower);
        Assert.Equal("/x/snapshots", layers.Bases().First());
    }

    [Fact]
    public void Layers_WithSpecialCharacters_AreUnescaped()
    {
        // What the kernel shows of: lowerdir=/a\:b:/c d:/e\,f::/data, since it writes backslash, space and comma as octal numbers.
        var layers = OverlayLayers.Parse(@"ro,lowerdir=/a\134:b:/c\040d:/e\134\054f::/data");

        Assert.Equal(["/a:b", "/c d", "/e,f", "/data"], layers!.Lower);
        Assert.Null(layers.Upper);
    }

    [Fact]
    public void Layers_OfTheNewMountInterface_AreListedOneByOne() =>
        Assert.Equal(["/a", "/b"], OverlayLayers.Parse("rw,lowerdir+=/a,lowerdir+=/b,upperdir=/u,workdir=/w")!.Lower);

    [Theory]
    [InlineData("rw")]
    [InlineData("rw,lowerdir=")]
    [InlineData("rw,lowerdir=/a:/b,upperdir=/cut/o")]
    public void Layers_OfOptionsThatAreCutOff_AreUnknown(string options) => Assert.Null(OverlayLayers.Parse(options));
}
