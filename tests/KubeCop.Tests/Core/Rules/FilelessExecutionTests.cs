using KubeCop.Core.Events;
using KubeCop.Core.Rules;
using KubeCop.Core.Rules.Signatures;

namespace KubeCop.Tests.Core.Rules;

public sealed class FilelessExecutionTests
{
    private static readonly IRule Rule = FilelessExecution.Type.Create(RuleArguments.Default);

    [Theory]
    [InlineData("/proc/self/fd/3", "/memfd:x", EventFlags.FileInMemory | EventFlags.FileDeleted, "memory (memfd)")]
    [InlineData("/usr/bin/innocent", "/memfd:x", EventFlags.FileInMemory, "memory (memfd)")] // a link
    [InlineData("/srv/#1234", "/srv/#1234", EventFlags.FileDeleted, "a file that never had a name (O_TMPFILE)")]
    [InlineData("/proc/self/fd/3", "/srv/x", EventFlags.FileDeleted, "a deleted file, through a descriptor")]
    [InlineData("/proc/77/fd/3", "/srv/x", EventFlags.FileDeleted, "a deleted file, through a descriptor")]
    [InlineData("/proc/self/task/78/fd/3", "/srv/x", EventFlags.FileDeleted, "a deleted file, through a descriptor")]
    [InlineData("/dev/fd/3", "/srv/x", EventFlags.FileDeleted, "a deleted file, through a descriptor")]
    [InlineData("/dev/stdin", "/srv/x", EventFlags.FileDeleted, "a deleted file, through a descriptor")]
    [InlineData("/proc/self/fd/3", "/usr/bin/kubectl", EventFlags.None, null)] // R1000's
    [InlineData("/proc/self/exe", "/usr/bin/x", EventFlags.FileDeleted, null)] // upgraded under itself
    [InlineData("/usr/bin/x", "/usr/bin/x", EventFlags.FileDeleted, null)]
    [InlineData("/srv/#x", "/srv/#x", EventFlags.FileDeleted, null)]
    [InlineData("/srv/#1234", "/srv/#1234", EventFlags.None, null)]
    [InlineData("/proc/self/fdx/3", "/usr/bin/x", EventFlags.FileDeleted, null)]
    [InlineData("/proc/sys/fd/3", "/usr/bin/x", EventFlags.FileDeleted, null)]
    [InlineData("/dev/shm/x", "/dev/shm/x", EventFlags.None, null)]
    public void Exec_OfWhatHasNoName_Fires(string path, string executable, EventFlags flags, string? source)
    {
        var finding = Evaluate(Sample.Exec(path, executable, flags));
        Assert.Equal(source is not null, finding is not null);
        Assert.True(finding is null || finding.Message.EndsWith($"was started from {source}", StringComparison.Ordinal), finding?.Message);
    }

    [Fact]
    public void Exec_OfAScriptThroughADescriptor_Fires()
    {
        Assert.NotNull(Evaluate(Sample.Exec("/dev/fd/3", "/bin/sh", args: ["/bin/sh", "/dev/fd/3", "x"])));
        Assert.NotNull(Evaluate(Sample.Exec("/dev/fd/3", "/bin/sh", args: ["/bin/sh", "-e", "/dev/fd/3"])));
        // A shell of the disk that was given a descriptor, as by bash's <(…), and one that was itself started through one.
        Assert.Null(Evaluate(Sample.Exec("/bin/bash", args: ["bash", "/dev/fd/63"])));
        Assert.Null(Evaluate(Sample.Exec("/dev/fd/3", "/bin/sh", args: ["sh", "x"])));
    }

    [Fact]
    public void Exec_ThatIsRefused_SaysSo()
    {
        var refused = Evaluate(Sample.Refused(Sample.Exec("/proc/self/fd/3", "")));
        Assert.EndsWith("from a descriptor; it was refused (EACCES)", refused?.Message, StringComparison.Ordinal);
        Assert.NotEqual(Evaluate(Sample.Exec("/proc/self/fd/3", "", EventFlags.FileInMemory))!.Subject, refused!.Subject);
        Assert.Null(Evaluate(Sample.Refused(Sample.Exec("/proc/self/fd/3", ""), error: 2)));
    }

    private static Finding? Evaluate(SensorEvent sensorEvent) => Rule.Evaluate(sensorEvent, new RuleContext(Sample.Container, null));
}
