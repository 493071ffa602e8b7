using KubeCop.Sensor.Decoding;

namespace KubeCop.Tests.Sensor.Decoding;

public sealed class ContainerPathTests
{
    [Theory]
    [InlineData("/bin/sh", "/tmp", "/bin/sh")]
    [InlineData("./kubectl", "/", "/kubectl")]
    [InlineData("kubectl", "/root", "/root/kubectl")]
    [InlineData("../run/x", "/tmp", "/run/x")]
    [InlineData("/tmp/../run/./x", "/", "/run/x")]
    [InlineData("/tmp//x/", "/", "/tmp/x")]
    [InlineData("../../../../x", "/a", "/x")]
    [InlineData("/a/...", "/", "/a/...")]
    [InlineData("", "/a/b", "/a/b")]
    public void MakeAbsolute_Path_IsCleanAndAbsolute(string path, string workingDirectory, string expected) =>
        Assert.Equal(expected, ContainerPath.MakeAbsolute(path, workingDirectory));

    [Fact]
    public void MakeAbsolute_CleanPath_IsTheSameString()
    {
        var path = "/usr/bin/env";

        Assert.Same(path, ContainerPath.MakeAbsolute(path, "/"));
    }
}
