using System.Text;
using KubeCop.Scanning.Walking;

namespace KubeCop.Tests.Scanning.Walking;

public sealed class ScanRootTests
{
    private static readonly HostRoot Host = new("/");

    [Fact]
    public void Distinct_OfRootsWithinOthers_LeavesTheOuterOnes()
    {
        var container = new ContainerProcess(new ProcessStart(1, 1));
        ScanRoot[] roots =
        [
            new(Host, ScanRootKind.ImageLayer, "/var/lib/layers/1"u8), new(Host, ScanRootKind.HostPath, "/var/lib/"u8), new(Host, ScanRootKind.HostPath, "/var/lib"u8),
            new(Host, ScanRootKind.Volume, "/var/library"u8), new(container, "one", ScanRootKind.Merged, "/"u8), new(container, "one", ScanRootKind.Volume, "/dev/shm"u8),
        ];

        Assert.Equal(["/", "/var/lib", "/dev/shm", "/var/library"], ScanRoot.Distinct(roots).Select(static root => Encoding.UTF8.GetString(root.Path)));
    }

    [Fact]
    public void Distinct_WithTheWholeHost_LeavesWhatOnlyContainersHave()
    {
        ScanRoot[] roots =
        [
            new(Host, ScanRootKind.Volume, "/data"u8), new(Host, ScanRootKind.HostPath, "/"u8),
            new(new ContainerProcess(new ProcessStart(1, 1)), "one", ScanRootKind.Volume, "/tmp"u8),
        ];

        Assert.Equal(["HostPath:/", "Volume:one/tmp"], ScanRoot.Distinct(roots).Select(static root => root.Key));
    }

    [Fact]
    public void Key_OfAnyPath_IsPlainTextAndItsOwn()
    {
        var keys = new[] { "/a b", "/a%20b", "/a\nb", "/a\u00ffb", "/ab" }
            .Select(static path => new ScanRoot(Host, ScanRootKind.HostPath, Encoding.Latin1.GetBytes(path)).Key).ToList();

        Assert.Equal(["HostPath:/a%20b", "HostPath:/a%2520b", "HostPath:/a%0Ab", "HostPath:/a%FFb", "HostPath:/ab"], keys);
    }
}
