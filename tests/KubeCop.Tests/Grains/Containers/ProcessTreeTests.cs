using KubeCop.Core.Alerts;
using KubeCop.Core.Events;
using KubeCop.Grains.Containers;
using KubeCop.Tests.Core;

namespace KubeCop.Tests.Grains.Containers;

public sealed class ProcessTreeTests
{
    private readonly BootClock _clock = new();

    [Fact]
    public void Describe_Open_TellsWhatTheProcessRuns()
    {
        var tree = new ProcessTree();
        Apply(tree, Sample.Exec("/bin/sh", "/bin/busybox", args: ["sh", "-c", "x"]));
        var process = tree.Describe(Sample.Open("/etc/passwd"), _clock);
        Assert.Equal(("/bin/busybox", "/work", 10u, 1u), (process.Executable, process.WorkingDirectory, process.Pid, process.ParentPid));
        Assert.Equal(["sh", "-c", "x"], process.Arguments);
    }

    [Fact]
    public void Describe_RefusedExec_TellsWhatTheProcessRunsOn()
    {
        var tree = new ProcessTree();
        var refused = Sample.Refused(Sample.Exec("/dev/shm/x", "", args: []));
        Apply(tree, Sample.Exec("/bin/sh", "/bin/busybox", args: ["sh", "-c", "x"]), refused);
        foreach (var process in (AlertProcess[])[tree.Describe(refused, _clock), tree.Describe(Sample.Open("/x"), _clock)])
        {
            Assert.Equal("/bin/busybox", process.Executable);
            Assert.Equal(["sh", "-c", "x"], process.Arguments);
        }
    }

    [Fact]
    public void Describe_ForkedChild_RunsItsParentsProgram()
    {
        var tree = new ProcessTree();
        Apply(tree, Sample.Exec("/bin/sh"), Sample.Fork(11, 10));
        Assert.Equal("/bin/sh", tree.Describe(Sample.Open("/x", pid: 11), _clock).Executable);
    }

    [Fact]
    public void Ancestors_DoubleForked_AreItsCreators()
    {
        var tree = new ProcessTree();
        Apply(tree, Sample.Exec("/init", pid: 1), Sample.Fork(2, 1), Sample.Exec("/daemon", pid: 2), Sample.Fork(3, 2), Sample.Exit(2));

        // The kernel now says that 1 is the parent: it adopted 3.
        var process = tree.Describe(Sample.Open("/x", pid: 3), _clock);
        Assert.Equal(1u, process.ParentPid);
        Assert.Equal([(2u, "/daemon"), (1u, "/init")], process.Ancestors.Select(static ancestor => (ancestor.Pid, ancestor.Executable)));
    }

    [Fact]
    public void Ancestors_RuntimesInit_IsNone()
    {
        var tree = new ProcessTree();
        Apply(tree, Sample.Fork(2, 1, EventFlags.Setup), Sample.Fork(3, 2, EventFlags.Setup), Sample.Exec("/app", pid: 3), Sample.Fork(4, 3));
        Assert.Equal([3u], tree.Describe(Sample.Open("/x", pid: 4), _clock).Ancestors.Select(static ancestor => ancestor.Pid));
    }

    [Fact]
    public void Describe_UnknownProcess_IsEmptyNotNull()
    {
        var process = new ProcessTree().Describe(Sample.Open("/x"), _clock);
        Assert.Equal(("", "", 0, 0), (process.Executable, process.WorkingDirectory, process.Arguments.Count, process.Ancestors.Count));
    }

    [Fact]
    public void Exit_ManyProcesses_KeepsTheLastOnes()
    {
        var tree = new ProcessTree(maxLive: 100, maxEnded: 3);
        Apply(tree, Sample.Exec("/init", pid: 1));
        for (uint pid = 2; pid < 12; pid++)
        {
            Apply(tree, Sample.Fork(pid, 1), Sample.Exit(pid), Sample.Exit(pid));
        }

        Assert.Equal((1, 7L, 0L), (tree.Count, tree.EndedForgotten, tree.Dropped));
    }

    [Fact]
    public void Fork_MoreThanFit_ForgetsTheOldestButTheFirst()
    {
        var tree = new ProcessTree(maxLive: 8);
        Apply(tree, Sample.Exec("/init", pid: 2));
        for (uint pid = 3; pid < 100; pid++)
        {
            Apply(tree, Sample.Fork(pid, 2));
        }

        Assert.InRange(tree.Count, 6, 8);
        Assert.Equal(98, tree.Count + tree.Dropped);
        Assert.Equal("/init", Assert.Single(tree.Describe(Sample.Open("/x", pid: 99), _clock).Ancestors).Executable);
    }

    [Fact]
    public void Describe_ParentForgotten_NamesItAndEndsThere()
    {
        var tree = new ProcessTree(maxLive: 8);
        Apply(tree, Sample.Exec("/init", pid: 2), Sample.Fork(3, 2), Sample.Fork(4, 3));
        for (uint pid = 100; pid < 108; pid++)
        {
            Apply(tree, Sample.Fork(pid, 2));
        }

        var late = Sample.Fork(5, 3);
        late.ParentComm = "sh";

        Assert.Equal([new AncestorProcess(3, "sh", "")], tree.Describe(late, _clock).Ancestors);
    }

    [Fact]
    public void Fork_RootsOnly_StayBounded()
    {
        var tree = new ProcessTree(maxLive: 8);
        for (uint pid = 100; pid < 200; pid++)
        {
            Apply(tree, Sample.Fork(pid, 1));
        }

        Assert.Equal(8, tree.Count);
    }

    [Fact]
    public void Ancestors_DeepChain_EndAt64()
    {
        var tree = new ProcessTree();
        for (uint pid = 2; pid < 500; pid++)
        {
            Apply(tree, Sample.Fork(pid, pid - 1));
        }

        Assert.Equal(64, tree.Describe(Sample.Open("/x", pid: 499), _clock).Ancestors.Count);
    }

    private static void Apply(ProcessTree tree, params SensorEvent[] events)
    {
        foreach (var sensorEvent in events)
        {
            tree.Apply(sensorEvent);
        }
    }
}

internal sealed class BootClock : IKernelClock
{
    public DateTimeOffset ToUtc(long bootNanoseconds) => Sample.Boot.AddTicks(bootNanoseconds / 100);
}
