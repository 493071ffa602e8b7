using KubeCop.Core.Profiles;

namespace KubeCop.Tests.Core.Profiles;

public sealed class SensitivePathsTests
{
    [Theory]
    [InlineData("/etc/shadow", true)]
    [InlineData("/etc/ssl/private/key", true)]
    [InlineData("/etcetera/x", false)]
    [InlineData("/root/.profile", true)]
    [InlineData("/lib64/x", true)]
    [InlineData("/libs/x", false)]
    [InlineData("/run/secrets/kubernetes.io/serviceaccount/token", true)]
    [InlineData("/run/docker.sock", true)]
    [InlineData("/run/app/x", false)]
    [InlineData("/dev/sda", true)]
    [InlineData("/dev/shm/x", false)]
    [InlineData("/x", true)]
    [InlineData("/", true)]
    [InlineData("/srv/app/.ssh/id_rsa", true)]
    [InlineData("/srv/app/.ssh/keys/id_rsa", true)]
    [InlineData("/srv/app/.sshx/id", false)]
    [InlineData("/tmp/x", false)]
    [InlineData("/tmp/.ssh", false)]
    public void Covers_FilesOfSensitiveDirectories(string path, bool expected) => Assert.Equal(expected, SensitivePaths.Covers(path));
}
