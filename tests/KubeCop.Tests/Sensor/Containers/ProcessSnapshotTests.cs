using System.Diagnostics;
using KubeCop.Core.Events;
using KubeCop.Core.Workloads;
using KubeCop.Sensor.Containers;
using KubeCop.Testing;
using Microsoft.Extensions.Options;

namespace KubeCop.Tests.Sensor.Containers;

public sealed class ProcessSnapshotTests : IDisposable
{
    private readonly Scratch _host = new();

    public void Dispose() => _host.Dispose();

    [Fact]
    public async Task Take_RealProcessAndItsChild_DescribesBothParentFirst()
    {
        using var child = await StartAsync("sleep", "300");
        try
        {
            _host.Write("box/cgroup.procs", $"{child.Id}\n").Write("box/nested/cgroup.procs", $"{Environment.ProcessId}\n");

            var events = Snapshot("/").Take("/box", out var omitted);

            Assert.Equal(0, omitted);
            Assert.Equal([(uint)Environment.ProcessId, (uint)child.Id], events.Select(process => process.Process.Key.Pid));
            var (parent, sleep) = (events[0], events[1]);
            Assert.Equal(parent.Process.Key, sleep.Process.Parent);
            Assert.Equal((EventKind.Exec, EventFlags.Snapshot), (sleep.Kind, sleep.Flags));
            Assert.Equal(("sleep", parent.Process.Comm), (sleep.Process.Comm, sleep.ParentComm));
            Assert.Equal(["sleep", "300"], sleep.Exec!.Arguments);
            Assert.Equal("/", sleep.Exec.WorkingDirectory);
            Assert.Equal(new FileInfo($"/proc/{child.Id}/exe").LinkTarget, sleep.Executable);
            Assert.Equal(Environment.IsPrivilegedProcess, sleep.Process.Uid == 0);
            Assert.InRange(sleep.Process.Key.StartTime, parent.Process.Key.StartTime, Stopwatch.GetTimestamp() + TimeSpan.FromDays(1).Ticks * 100);
        }
        finally
        {
            child.Kill();
        }
    }

    [Fact]
    public void Take_ProcessesThatAreGoneOrDead_AreLeftOut()
    {
        // pid_max is at most 4194304.
        _host.Write("cgroup/box/cgroup.procs", "4194305\n4194306\n");
        WriteProcess(4194306, "Z", 1, 5, "gone", "x");
        Assert.Empty(Snapshot(_host.Path, $"{_host.Path}/cgroup").Take("/box", out _));
    }

    [Fact]
    public void Take_HostileNamesAndArguments_AreTakenAsTheyAre()
    {
        _host.Write("cgroup/box/cgroup.procs", "11\n10\n12\n");
        WriteProcess(10, "S", 1, 500, "a) S 1 (b", "one\0\0three\n\u001b[31m\0");
        WriteProcess(11, "S", 12, 500, "child", new string('x', 20_000));
        WriteProcess(12, "S", 10, 500, "mid", "");

        var events = Snapshot(_host.Path, $"{_host.Path}/cgroup").Take("/box", out _);

        Assert.Equal([10u, 12u, 11u], events.Select(process => process.Process.Key.Pid));
        Assert.Equal("a) S 1 (b", events[0].Process.Comm);
        Assert.Equal(["one", "", "three\n\u001b[31m"], events[0].Exec!.Arguments);
        Assert.Equal(new ProcessKey(10, 5_000_000_000), events[0].Process.Key);
        Assert.Equal(default, events[0].Process.Parent);
        Assert.Equal((1001u, 2001u), (events[0].Process.Uid, events[0].Process.Gid));
        Assert.Equal(EventFlags.Snapshot | EventFlags.ArgumentsTruncated, events[2].Flags);
        Assert.Equal(16_384, Assert.Single(events[2].Exec!.Arguments).Length);
        Assert.Empty(events[1].Exec!.Arguments);
    }

    [Fact]
    public void Take_ParentsInACircle_Ends()
    {
        _host.Write("cgroup/box/cgroup.procs", "10\n11\n");
        WriteProcess(10, "S", 11, 500, "a", "a");
        WriteProcess(11, "S", 10, 500, "b", "b");
        Assert.Equal(2, Snapshot(_host.Path, $"{_host.Path}/cgroup").Take("/box", out _).Count);
    }

    [Theory]
    [InlineData("/usr/bin/x (deleted)", "/usr/bin/x", EventFlags.FileDeleted)]
    [InlineData("/memfd:x (deleted)", "/memfd:x", EventFlags.FileDeleted | EventFlags.FileInMemory)]
    [InlineData("/bin/busybox", "/bin/busybox", EventFlags.None)]
    public void Take_Executable_IsMarkedAsTheKernelSays(string link, string executable, EventFlags flags)
    {
        _host.Write("cgroup/box/cgroup.procs", "10\n");
        WriteProcess(10, "S", 1, 500, "x", "x");
        File.CreateSymbolicLink($"{_host.Path}/proc/10/exe", link);
        var process = Assert.Single(Snapshot(_host.Path, $"{_host.Path}/cgroup").Take("/box", out _));
        Assert.Equal((executable, flags | EventFlags.Snapshot), (process.Executable, process.Flags));
    }

    [Fact]
    public void Take_MoreProcessesThanTheLimit_SaysHowMany()
    {
        _host.Write("cgroup/box/cgroup.procs", string.Join('\n', Enumerable.Range(5_000_000, ProcessSnapshot.MaxProcesses + 3)));
        Snapshot(_host.Path, $"{_host.Path}/cgroup").Take("/box", out var omitted);
        Assert.Equal(3, omitted);
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(9_999_999, 0)]
    [InlineData(1_638_491_234_567, 163849)]
    [InlineData(1_638_499_999_999, 163849)]
    public void Round_KernelsStartTime_IsThatOfProc(long nanoseconds, long ticks) =>
        Assert.Equal(ProcessStartTime.FromTicks(ticks), ProcessStartTime.Round(nanoseconds));

    // Start returns while the exec is still under way: its arguments are there a moment later.
    private static async Task<Process> StartAsync(string name, string argument)
    {
        var process = Process.Start(new ProcessStartInfo(name, [argument]) { WorkingDirectory = "/" })!;
        await Wait.UntilAsync(() => File.ReadAllText($"/proc/{process.Id}/cmdline"), text => text.EndsWith($"{argument}\0", StringComparison.Ordinal), $"arguments of {name}");
        return process;
    }

    private ProcessSnapshot Snapshot(string hostRoot, string? cgroups = null) =>
        new(new CgroupTree(cgroups ?? _host.Path, "/sys/fs/cgroup"), Options.Create(new NodeOptions { HostRoot = hostRoot }));

    private void WriteProcess(int pid, string state, int parent, long ticks, string comm, string arguments) =>
        _host.Write($"proc/{pid}/stat", $"{pid} ({comm}) {state} {parent} 0 0 0 -1 4194560 597 0 0 0 1 0 0 0 20 0 1 0 {ticks} 2322432 332\n")
            .Write($"proc/{pid}/status", $"Name:\tx\nUmask:\t0022\nUid:\t1000\t1001\t1002\t1003\nGid:\t2000\t2001\t2002\t2003\n")
            .Write($"proc/{pid}/cmdline", arguments);
}
