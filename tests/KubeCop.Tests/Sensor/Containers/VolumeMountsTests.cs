using KubeCop.Sensor.Containers;

namespace KubeCop.Tests.Sensor.Containers;

public sealed class VolumeMountsTests
{
    private const string Uid = "0f7c1b5e-8c0d-4b0e-9a52-1f2e3d4c5b6a";

    [Theory]
    [InlineData($"/var/lib/kubelet/pods/{Uid}/volumes/kubernetes.io~configmap/settings", Uid, "configmap", "settings")]
    [InlineData($"/var/lib/kubelet/pods/{Uid}/volumes/kubernetes.io~csi/pvc-1/mount", Uid, "csi", "pvc-1")]
    [InlineData($"/data/kubelet/pods/{Uid}/volumes/kubernetes.io~empty-dir/cache", Uid, "empty-dir", "cache")]
    [InlineData($"/var/lib/kubelet/pods/{Uid}/volume-subpaths/settings/web/0", Uid, "volume", "settings")]
    [InlineData("/var/lib/kubelet/pods/11111111-8c0d-4b0e-9a52-1f2e3d4c5b6a/volumes/kubernetes.io~secret/token", Uid, "host-path", "")]
    [InlineData("/etc", Uid, "host-path", "")]
    [InlineData("sha256:22", Uid, "image", "")]
    [InlineData("/var/lib/docker/volumes/data/_data", null, "volume", "data")]
    [InlineData("/var/lib/docker/volumes/data", null, "bind", "")]
    [InlineData("", "", "bind", "")]
    public void Of_Source_TellsTypeAndName(string source, string? podUid, string type, string volume)
    {
        var mount = VolumeMounts.Of("/x", source, readOnly: true, podUid);

        Assert.Equal(("/x", source, type, volume, true), (mount.Path, mount.Source, mount.Type, mount.Volume, mount.ReadOnly));
    }
}
