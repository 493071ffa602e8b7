using KubeCop.Core.Rules.Matching;

namespace KubeCop.Tests.Core.Rules;

public sealed class PathTests
{
    [Theory]
    [InlineData("/run", "/run", true)]
    [InlineData("/run", "/run/x", true)]
    [InlineData("/run/", "/run/x", true)]
    [InlineData("/run", "/runner/x", false)]
    [InlineData("/run", "/ru", false)]
    [InlineData("/run", "run/x", false)]
    [InlineData("/run", "/a/run/x", false)]
    [InlineData("/", "/anything", true)]
    [InlineData("/", "(unreachable)/anything", false)]
    public void PathPrefix_Path_CoversAtBoundaries(string prefix, string path, bool covered) => Assert.Equal(covered, new PathPrefix(prefix).Covers(path));

    [Theory]
    [InlineData("")]
    [InlineData("tmp")]
    [InlineData("/tmp/../etc")]
    [InlineData("/./tmp")]
    public void PathPrefix_NotAbsoluteOrNotPlain_Throws(string prefix) =>
        Assert.Contains($"'{prefix}'", Assert.Throws<ArgumentException>(() => new PathPrefix(prefix)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("/data/", "/data/x", true)]
    [InlineData("/data", "/database", false)]
    [InlineData("/", "/etc/shadow", false)]
    [InlineData("", "/etc/shadow", false)]
    public void PathPrefix_UncheckedPrefix_NeverCoversEverything(string prefix, string path, bool covered) =>
        Assert.Equal(covered, PathPrefix.CoversUnchecked(prefix, path));

    [Theory]
    [InlineData("/srv/id", true)]
    [InlineData("/srv/id.pub", true)]
    [InlineData("id/config", true)]
    [InlineData("/my-id/id", true)]
    [InlineData("/srv/id.pub.bak", false)]
    [InlineData("/srv/my-id", false)]
    [InlineData("/", false)]
    [InlineData("", false)]
    public void PathNames_Path_CoverWholeNames(string path, bool cover) => Assert.Equal(cover, new PathNames(["id", "id.pub"]).Cover(path));

    [Theory]
    [InlineData("/etc/shadow", true)]
    [InlineData("/etc/shadow/x", false)]
    [InlineData("/keys/a", true)]
    [InlineData("/srv/me/.kube/config", true)]
    [InlineData("/.kube/config", true)]
    [InlineData("/srv/me/x.kube/config", false)]
    [InlineData("/srv/me/.kube/config/x", false)]
    [InlineData("/srv/me/.gnupg/keys/a", true)]
    [InlineData("/srv/me/.gnupg", false)]
    [InlineData("", false)]
    public void FileSet_Path_CoversFilesAndBelowDirectories(string path, bool covers) =>
        Assert.Equal(covers, new FileSet(["/etc/shadow", "/keys/", "~/.kube/config", "~/.gnupg/"]).Covers(path));

    [Theory]
    [InlineData("/proc/self/exe", "/proc/self")]
    [InlineData("/proc/self", "/proc/self")]
    [InlineData("/proc/thread-self/fd/3", "/proc/thread-self")]
    [InlineData("/proc/123/root/bin/sh", "/proc/<pid>")]
    [InlineData("/dev/fd/3", "/dev/fd")]
    [InlineData("/proc/selfie/x", null)]
    [InlineData("/proc/12a/x", null)]
    [InlineData("/proc//x", null)]
    [InlineData("/proc/sys/x", null)]
    [InlineData("/process/1", null)]
    [InlineData("/dev/fdx/3", null)]
    public void ProcessPath_Path_HasPrefix(string path, string? prefix) => Assert.Equal(prefix, ProcessPath.PrefixOf(path));

    [Theory]
    [InlineData("/proc/self/exe", true)]
    [InlineData("/proc/thread-self/exe", true)]
    [InlineData("/proc/77/exe", true)]
    [InlineData("/proc/self/fd/exe", false)]
    [InlineData("/proc/self/cwd/exe", false)]
    [InlineData("/proc/self/exec", false)]
    [InlineData("/proc/self", false)]
    [InlineData("/proc/sys/exe", false)]
    [InlineData("/dev/fd/exe", false)]
    [InlineData("/a/proc/self/exe", false)]
    public void ProcessPath_Executable_IsTheLinkToIt(string path, bool isExecutable) => Assert.Equal(isExecutable, ProcessPath.IsExecutable(path));
}
