using System.Diagnostics;
using KubeCop.Core.Events;
using KubeCop.Testing;

namespace KubeCop.Node.Tests.Sensor;

/// <summary>What the kernel tells of processes that run in a container already.</summary>
[Collection(nameof(KernelSide))]
public sealed class RunningTasksTests(KernelSide kernel) : IAsyncDisposable
{
    private readonly WatchedCgroup _cgroup = new(kernel.Programs);
    private readonly string _directory = Directory.CreateTempSubdirectory("kubecop-test-").FullName;
    private readonly List<Process> _started = [];

    public async ValueTask DisposeAsync()
    {
        foreach (var process in _started)
        {
            process.Kill(entireProcessTree: true);
            process.WaitForExit();
            process.Dispose();
        }

        await Wait.UntilAsync(Pids, static pids => pids.Length == 0, "end of the cgroup's processes");
        _cgroup.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    [Fact]
    public async Task ReadRunning_ProcessAndItsChild_DescribesBothParentFirst()
    {
        var shell = await StartAsync("cd /tmp; /bin/busybox sleep 300 </dev/null | /bin/busybox cat & wait", () => Runs("/bin/busybox\0sleep") && Runs("/bin/busybox\0cat"));

        var processes = Read();

        var sleep = Assert.Single(processes, static one => one.Exec!.Arguments is [_, "sleep", "300"]);
        var parent = processes[0];
        Assert.Equal((uint)shell.Id, parent.Process.Key.Pid);
        Assert.Equal(EventFlags.Snapshot, sleep.Flags);
        Assert.EndsWith("/bin/busybox", sleep.Executable, StringComparison.Ordinal);
        Assert.Equal((sleep.Executable, "/tmp"), (sleep.Path, sleep.Exec!.WorkingDirectory));
        var cat = Assert.Single(processes, static one => one.Exec!.Arguments is [_, "cat"]);
        Assert.StartsWith("pipe:[", cat.Exec!.Streams[0], StringComparison.Ordinal);
        Assert.Equal(["other", cat.Exec.Streams[0]], sleep.Exec.Streams.Take(2));
        Assert.Equal(("busybox", parent.Process.Comm, 0u), (sleep.Process.Comm, sleep.ParentComm, sleep.Process.Uid));
        Assert.Equal(processes.OrderBy(static one => one.Process.Key.StartTime), processes);
        var forks = _cgroup.Events.Where(static one => one.Kind == EventKind.Fork).Select(static one => one.Process.Key).ToList();
        // The shell was not born here: it moved in by itself.
        Assert.All(processes.Skip(1), one => Assert.True(forks.Contains(one.Process.Key), $"{one.Process} has another key than in its fork: {string.Join(", ", forks)}"));
    }

    [Fact]
    public async Task ReadRunning_OfACgroupThatIsNoContainer_IsEmpty()
    {
        await StartAsync("/bin/busybox sleep 300; :", () => Runs("/bin/busybox\0sleep"));
        _cgroup.Programs.Rest(_cgroup.Id);
        Assert.Empty(_cgroup.Programs.ReadRunning());
    }

    [Fact]
    public async Task ReadRunning_DeletedProgramAndLongArguments_AreMarked()
    {
        File.Copy("/bin/busybox", $"{_directory}/busybox");
        await StartAsync($"{_directory}/busybox sh -c 'rm {_directory}/busybox; read x' $(seq 1 9999); :", () => !File.Exists($"{_directory}/busybox"));

        var process = Assert.Single(Read(), one => one.Flags.HasFlag(EventFlags.FileDeleted));

        Assert.Equal(EventFlags.Snapshot | EventFlags.FileDeleted | EventFlags.ArgumentsTruncated, process.Flags);
        Assert.Equal($"{_directory}/busybox", process.Executable);
        Assert.Equal([$"{_directory}/busybox", "sh", "-c", $"rm {_directory}/busybox; read x", "1", "2"], process.Exec!.Arguments.Take(6));
        Assert.InRange(process.Exec.Arguments.Count, 3000, 9999);
    }

    [Fact]
    public async Task ReadRunning_OtherUser_TellsCredentials()
    {
        await StartAsync("setpriv --reuid 65534 --regid 65533 --clear-groups /bin/busybox sleep 300; :", () => Runs("/bin/busybox\0sleep"));

        var process = Assert.Single(Read(), static one => one.Exec!.Arguments is [_, "sleep", "300"]);

        Assert.Equal((65534u, 65533u), (process.Process.Uid, process.Process.Gid));
    }

    private List<SensorEvent> Read()
    {
        _cgroup.Programs.Watch(_cgroup.Id, _cgroup.Id);
        _cgroup.ReadUntil(() => _cgroup.Programs.Rings.Available == 0, "the end of the ring");
        var entered = _cgroup.Events.ToList();
        _cgroup.Events.Clear();
        foreach (var record in _cgroup.Programs.ReadRunning())
        {
            _cgroup.Consume(record);
        }

        var processes = _cgroup.Events.ToList();
        _cgroup.Events.Clear();
        _cgroup.Events.AddRange(entered);
        return processes;
    }

    private async Task<Process> StartAsync(string script, Func<bool> hasStarted)
    {
        var start = new ProcessStartInfo("/bin/sh") { ArgumentList = { "-c", $"echo $$ > {_cgroup.Directory}/cgroup.procs; {script}" }, RedirectStandardInput = true };
        var process = Process.Start(start)!;
        _started.Add(process);
        await Wait.UntilAsync(hasStarted, static started => started, $"processes of: {script}");
        return process;
    }

    private string[] Pids() => File.ReadAllLines($"{_cgroup.Directory}/cgroup.procs");

    /// <summary>Whether a process of the cgroup has arguments that begin so.</summary>
    private bool Runs(string arguments) =>
        Pids().Any(pid => File.Exists($"/proc/{pid}/cmdline") && File.ReadAllText($"/proc/{pid}/cmdline").StartsWith(arguments, StringComparison.Ordinal));
}
