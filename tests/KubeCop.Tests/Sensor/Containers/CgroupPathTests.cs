using KubeCop.Sensor.Containers;

namespace KubeCop.Tests.Sensor.Containers;

public class CgroupPathTests
{
    private const string A = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    private const string B = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    private const string Uid = "0f7c1b5e-8c0d-4b0e-9a52-1f2e3d4c5b6a";
    private const string SystemdUid = "0f7c1b5e_8c0d_4b0e_9a52_1f2e3d4c5b6a";
    private const string StaticUid = "8f2d1ee48f2d1ee48f2d1ee48f2d1ee4";
    private const string PodSlice = $"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{SystemdUid}.slice";

    /// <summary>Path, then runtime and pod uid; the container's own cgroup is the whole path.</summary>
    public static TheoryData<string, string, string?> Containers => new()
    {
        { $"{PodSlice}/cri-containerd-{A}.scope", "containerd", Uid },
        { $"/kubepods.slice/kubepods-pod{SystemdUid}.slice/cri-containerd-{A}.scope", "containerd", Uid },
        { $"/kubepods/besteffort/pod{Uid}/{A}", "containerd", Uid },
        { $"/kubepods/pod{StaticUid}/{A}", "containerd", StaticUid },
        { $"/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-besteffort.slice/kubelet-kubepods-besteffort-pod{SystemdUid}.slice/cri-containerd-{A}.scope", "containerd", Uid },
        { $"/system.slice/containerd.service/kubepods-burstable-pod{SystemdUid}.slice:cri-containerd:{A}", "containerd", Uid },
        { $"{PodSlice}/crio-{A}.scope", "cri-o", Uid },
        { $"/kubepods/burstable/pod{Uid}/crio-{A}", "cri-o", Uid },
        { $"{PodSlice}/docker-{A}.scope", "docker", Uid },
        { $"/system.slice/docker-{A}.scope", "docker", null },
        { $"/custom.slice/docker-{A}.scope", "docker", null },
        { $"/docker/{A}", "docker", null },
        { $"/machine.slice/libpod-{A}.scope", "podman", null },
        { $"/libpod_parent/libpod-{A}", "podman", null },
        { $"/system.slice/web.service/libpod-payload-{A}", "podman", null },
        { $"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{A}.scope", "podman", null },
    };

    public static TheoryData<string> Others =>
    [
        "/", "", "/init.scope", "/system.slice", "/system.slice/ssh.service", "/user.slice/user-0.slice/session-4.scope",
        "/user.slice/user-1000.slice/user@1000.service/app.slice/app.scope",
        "/kubepods.slice", PodSlice, $"/kubepods/besteffort/pod{Uid}",
        $"{PodSlice}/crio-conmon-{A}.scope", $"/machine.slice/libpod-conmon-{A}.scope", "/docker", "/docker/buildkit/x1x2x3",

        // Not an id of a runtime: too short, too long, capitals, a line end after it.
        $"/docker/{A[..63]}", $"/docker/{A}a", $"/docker/{A.ToUpperInvariant()}", $"/docker/{A}\n", $"/system.slice/docker-{A}.scope\n",
        $"/system.slice/docker-{A}.scope.d", $"/system.slice/xdocker-{A}.scope", $"/system.slice/docker-{A}.service",

        // A bare id means nothing elsewhere, nor does a pod's name outside the kubelet's tree.
        $"/{A}", $"/backup/{A}", $"/backup/pod{Uid}/{A}",
    ];

    [Theory]
    [MemberData(nameof(Containers))]
    public void Parse_CgroupOfARuntime_IsThatContainer(string path, string runtime, string? podUid) =>
        Assert.Equal(new CgroupContainer(A, runtime, podUid, path), CgroupPath.Parse(path, "/system.slice/kubecop.service"));

    [Theory]
    [MemberData(nameof(Containers))]
    public void Parse_CgroupBelowAContainer_IsTheSameContainer(string path, string runtime, string? podUid)
    {
        var expected = new CgroupContainer(A, runtime, podUid, path);
        Assert.Equal(expected, CgroupPath.Parse($"{path}/container", null));
        Assert.Equal(expected, CgroupPath.Parse($"{path}/init.scope/deeper", null));
        Assert.Equal(expected, CgroupPath.Parse($"{path}/docker-{B}.scope", null));
        Assert.Equal(expected, CgroupPath.Parse($"{path}/kubepods/pod11111111-1111-1111-1111-111111111111/{B}/docker/{B}", null));
    }

    [Theory]
    [MemberData(nameof(Others))]
    public void Parse_AnythingElse_IsNoContainer(string path) => Assert.Null(CgroupPath.Parse(path, null));

    [Fact]
    public void Parse_ContainerThatHoldsUs_IsTheMachine()
    {
        var machine = $"/system.slice/docker-{B}.scope";
        var own = $"{machine}/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod{SystemdUid}.slice/cri-containerd-{A}.scope";
        var other = $"{machine}/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod{StaticUid}.slice/cri-containerd-{B}.scope";

        Assert.Equal(new CgroupContainer(B, "containerd", StaticUid, other), CgroupPath.Parse($"{other}/x/docker-{A}.scope", own));
        Assert.Equal(own, CgroupPath.Parse(own, own)?.RootPath);
        Assert.Equal(own, CgroupPath.Parse($"{own}/below", $"{own}/sensor")?.RootPath);
        Assert.Null(CgroupPath.Parse($"{machine}/system.slice/containerd.service", own));

        // Its neighbour with a name that begins like it does not hold us.
        Assert.Equal(A, CgroupPath.Parse($"/docker/{A}", $"/docker/{A}x")?.Id);
    }

    [Fact]
    public void Parse_NameThatOnlyTheRuntimeKnows_IsFoundByItsStateAndTheOutermostWins()
    {
        var path = $"/demo/my.box/docker/{A}";
        Assert.Equal(new CgroupContainer("my.box", "containerd", null, "/demo/my.box"), CgroupPath.Parse(path, null, ByState));

        // We run in it, beside the inner one: a machine again.
        Assert.Equal(A, CgroupPath.Parse(path, "/demo/my.box/kubelet", ByState)?.Id);
        Assert.Equal("my.box", CgroupPath.Parse("/demo/my.box/kubelet", "/demo/my.box/kubelet", ByState)?.Id);

        static CgroupContainer? ByState(string path) => path == "/demo/my.box" ? new CgroupContainer("my.box", "containerd", null, path) : null;
    }

    [Theory]
    [InlineData("/demo/my.box", "/demo/my.box")]
    [InlineData("/a/b/", "/a/b")]
    [InlineData("/", null)]
    [InlineData("relative/a", null)]
    [InlineData("kubepods-besteffort-podx.slice:cri-containerd:abc", "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-podx.slice/cri-containerd-abc.scope")]
    [InlineData("system.slice:docker:abc", "/system.slice/docker-abc.scope")]
    [InlineData(":runc:abc", "/system.slice/runc-abc.scope")]
    [InlineData("-.slice:runc:abc", "/runc-abc.scope")]
    [InlineData("a.slice:x:b.slice", "/a.slice/b.slice")]
    public void FromSpec_CgroupsPath_IsThePathTheRuntimeMakes(string cgroupsPath, string? expected) =>
        Assert.Equal(expected, CgroupPath.FromSpec(cgroupsPath));

    [Theory]
    [InlineData("/", true)]
    [InlineData("/init.scope", true)]
    [InlineData("/system.slice/ssh.service", true)]
    [InlineData("/user.slice/user-0.slice/session-c2.scope", true)]
    [InlineData("/kubepods/besteffort/pod0f7c1b5e-8c0d-4b0e-9a52-1f2e3d4c5b6a", true)]
    [InlineData("/machine.slice/libpod-conmon-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.scope", true)]
    [InlineData("/demo/my.box", false)]
    [InlineData("/box", false)]
    [InlineData("/system.slice/runc-box.scope", false)]
    public void IsNeverContainer_Path_SaysWhatCanStillBecomeOne(string path, bool expected) => Assert.Equal(expected, CgroupPath.IsNeverContainer(path));
}
