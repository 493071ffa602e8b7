using System.Diagnostics;
using KubeCop.Core.Events;
using KubeCop.Sensor;
using KubeCop.Sensor.Bpf;
using KubeCop.Sensor.Containers;
using KubeCop.Sensor.Decoding;

namespace KubeCop.Node.Tests.Sensor;

/// <summary>Each event kind on the real kernel, field by field.</summary>
[Collection(nameof(KernelSide))]
public sealed class KernelProgramsTests(KernelSide kernel) : IDisposable
{
    private readonly WatchedCgroup _cgroup = new(kernel.Programs);
    private readonly string _directory = Directory.CreateTempSubdirectory("kubecop-test-").FullName;

    [Fact]
    public void Load_OnThisKernel_AttachesEveryHook() => Assert.All(_cgroup.Programs.Hooks, hook => Assert.True(hook.Attached, $"{hook.Name}: {hook.Detail}"));

    [Fact]
    public void Load_OnThisKernel_ChoosesTheBestProgramOfEachHook()
    {
        var kernel = Environment.OSVersion.Version;

        Assert.Equal(kernel >= new Version(6, 2) ? "sys_exit" : "sys_exit_probe", ProgramOf(_cgroup.Programs, "sys_exit"));
        Assert.Equal(kernel >= new Version(6, 14) ? "cap_capable" : "cap_capable_exit", ProgramOf(_cgroup.Programs, "cap_capable"));
    }

    /// <summary>The second choice may be refused as well, as where functions cannot be traced.</summary>
    [Fact]
    [Trait("Speed", "Slow")]
    public void Load_WithoutTheBestPrograms_TakesTheNextAndKeepsAllOthers()
    {
        using var programs = KernelPrograms.Load(new SensorOptions(), CgroupTree.Open("/").MountPoint, "sys_exit", "cap_capable");

        Assert.Equal(("sys_exit_probe", "cap_capable_exit"), (ProgramOf(programs, "sys_exit"), ProgramOf(programs, "cap_capable")));
        Assert.All(programs.Hooks, static hook => Assert.True(hook.Attached || (hook.Name == "cap_capable" && hook.Detail.Length > 0), $"{hook.Name}: {hook.Detail}"));
    }

    [Fact]
    public void Exec_Program_TellsPathsArgumentsAndParent()
    {
        var before = KernelClock.Now();

        var exec = Assert.Single(_cgroup.Run($"cd {_directory}; /bin/busybox echo 'a b' ''; :"), static one => one is { Kind: EventKind.Exec, Path: "/bin/busybox" });

        Assert.Equal("/bin/busybox", exec.Exec!.Filename);
        Assert.Equal(Resolve("/bin/busybox"), exec.Executable);
        Assert.Equal(_directory, exec.Exec.WorkingDirectory);
        Assert.Equal(["/bin/busybox", "echo", "a b", ""], exec.Exec.Arguments);
        Assert.Equal("busybox", exec.Process.Comm);
        Assert.Equal("sh", exec.ParentComm);
        Assert.Equal((0u, 0u), (exec.Process.Uid, exec.Process.Gid));
        Assert.InRange(exec.Timestamp, before, KernelClock.Now());
        Assert.True(exec.Process.Parent.Pid > 0 && exec.Process.Parent.StartTime <= exec.Process.Key.StartTime);
        Assert.Equal(EventFlags.None, exec.Flags & ~EventFlags.FileUpperLayer);
    }

    [Fact]
    public void Exec_RelativePath_IsMadeAbsolute()
    {
        var exec = Assert.Single(_cgroup.Run("cd /bin; ./busybox true; :"), static one => one is { Kind: EventKind.Exec, Exec.Filename: "./busybox" });

        Assert.Equal($"{Resolve("/bin")}/busybox", exec.Path);
    }

    [Fact]
    public void Exec_Script_NamesScriptAndInterpreter()
    {
        var script = Path.Combine(_directory, "script");
        File.WriteAllText(script, "#!/bin/busybox sh\n:\n");
        File.SetUnixFileMode(script, UnixFileMode.UserRead | UnixFileMode.UserExecute);

        var exec = Assert.Single(_cgroup.Run($"{script} x; :"), one => one is { Kind: EventKind.Exec } && one.Path == script);

        Assert.Equal(Resolve("/bin/busybox"), exec.Executable);
        Assert.Equal(["/bin/busybox", "sh", script, "x"], exec.Exec!.Arguments);
    }

    [Fact]
    public void Exec_TenThousandArguments_IsCutAndMarked()
    {
        var exec = _cgroup.Run("/bin/busybox true $(/bin/busybox seq 10000); :").Single(static one => one is { Kind: EventKind.Exec } && one.Exec!.Arguments is [_, "true", ..]);

        Assert.True(exec.Flags.HasFlag(EventFlags.ArgumentsTruncated));
        Assert.Equal(["/bin/busybox", "true", "1", "2"], exec.Exec!.Arguments.Take(4));
        Assert.InRange(exec.Exec.Arguments.Count, 3000, 9999);
    }

    [Fact]
    public void Exec_InvalidUtf8Argument_IsKeptApart()
    {
        var exec = _cgroup.Run("/bin/busybox true \"$(printf '\\377\\033[31m')\"; :").Single(static one => one is { Kind: EventKind.Exec } && one.Exec!.Arguments is [_, "true", ..]);

        Assert.Equal("\\xff\u001b[31m", exec.Exec!.Arguments[2]);
    }

    [Fact]
    public void Exec_OtherUser_TellsCredentials()
    {
        var exec = _cgroup.Run("setpriv --reuid 65534 --regid 65534 --clear-groups /bin/busybox true; :").Last(static one => one.Kind == EventKind.Exec);

        Assert.Equal((65534u, 65534u), (exec.Process.Uid, exec.Process.Gid));
    }

    [Fact]
    public void Exec_DeletedFile_IsMarked()
    {
        var exec = _cgroup.Run($"cp /bin/busybox {_directory}/gone; exec 3<{_directory}/gone; rm {_directory}/gone; /proc/self/fd/3 true; :")
            .Last(static one => one.Kind == EventKind.Exec);

        Assert.Equal(EventFlags.FileDeleted, exec.Flags & (EventFlags.FileDeleted | EventFlags.FileInMemory));
        Assert.Equal("/proc/self/fd/3", exec.Path);
        Assert.Equal($"{_directory}/gone", exec.Executable);
    }

    [Fact]
    public void Exec_MemoryFile_IsMarked()
    {
        using var file = MemoryFile.Of("/bin/busybox");

        var exec = Assert.Single(_cgroup.Run($"{file.Path} true; :"), one => one is { Kind: EventKind.Exec } && one.Path == file.Path);

        Assert.Equal(EventFlags.FileDeleted | EventFlags.FileInMemory, exec.Flags & (EventFlags.FileDeleted | EventFlags.FileInMemory));
    }

    [Fact]
    public void Exec_FileOfUpperLayer_IsToldFromFileOfLowerLayer()
    {
        Directory.CreateDirectory($"{_directory}/lower");
        File.Copy("/bin/busybox", $"{_directory}/lower/image");
        using var overlay = OverlayMount.Over($"{_directory}/lower");

        _cgroup.Run($"cp {overlay.Path}/image {overlay.Path}/new; {overlay.Path}/image true; {overlay.Path}/new true; :");

        var image = Assert.Single(_cgroup.Events, one => one.Kind == EventKind.Exec && one.Path == $"{overlay.Path}/image");
        var dropped = Assert.Single(_cgroup.Events, one => one.Kind == EventKind.Exec && one.Path == $"{overlay.Path}/new");
        Assert.False(image.Flags.HasFlag(EventFlags.FileUpperLayer), "a file of the lower layer was marked");
        Assert.True(dropped.Flags.HasFlag(EventFlags.FileUpperLayer), "a file of the upper layer was not marked");
    }

    [Fact]
    public void ForkAndExit_OfProcesses_AreExact()
    {
        _cgroup.Run("for i in 1 2 3 4 5; do (exit 3); done; :");

        var forks = _cgroup.Events.Where(static one => one.Kind == EventKind.Fork).Select(static one => one.Process.Key).ToHashSet();
        var exits = _cgroup.Events.Where(static one => one is { Kind: EventKind.Exit, Value: 3 << 8 }).Select(static one => one.Process.Key).ToHashSet();
        Assert.Equal(5, exits.Count);
        Assert.Subset(forks, exits);
    }

    [Theory]
    [InlineData("cat {0}", "O_RDONLY")]
    [InlineData("echo x > {0}", "O_WRONLY,O_CREAT,O_TRUNC")]
    [InlineData("echo x >> {0}", "O_WRONLY,O_CREAT,O_APPEND")]
    [InlineData(": <> {0}", "O_RDWR,O_CREAT")]
    public void Open_File_TellsPathAndFlags(string command, string flags)
    {
        var file = $"{_directory}/file";
        File.WriteAllText(file, "");

        _cgroup.Run(string.Format(System.Globalization.CultureInfo.InvariantCulture, command, file));

        var open = Assert.Single(_cgroup.Events, one => one.Kind == EventKind.Open && one.Path == file);
        Assert.Equal(flags.Split(','), OpenFlags.Names(OpenFlags.ToSet(open.Value)).Except(["O_LARGEFILE", "O_CLOEXEC"]));
    }

    [Fact]
    public void Open_ThroughSymlinkAndDots_TellsTheFileItself()
    {
        File.WriteAllText($"{_directory}/real", "");
        File.CreateSymbolicLink($"{_directory}/link", "real");

        _cgroup.Run($": < {_directory}/../{Path.GetFileName(_directory)}/link");

        Assert.Contains(_cgroup.Events, one => one.Kind == EventKind.Open && one.Path == $"{_directory}/real");
    }

    [Fact]
    public void Open_HundredComponentsAndNearlyPathMax_IsWhole()
    {
        var path = _directory;
        for (var depth = 0; depth < 90; depth++)
        {
            path += "/" + new string((char)('a' + (depth % 26)), 40);
        }

        Directory.CreateDirectory(path);
        File.WriteAllText($"{path}/file", "");

        _cgroup.Run($": < {path}/file");

        var open = Assert.Single(_cgroup.Events, static one => one.Kind == EventKind.Open && one.Path.EndsWith("/file", StringComparison.Ordinal));
        Assert.Equal($"{path}/file", open.Path);
        Assert.Equal(EventFlags.None, open.Flags & (EventFlags.PathTruncated | EventFlags.PathUnreachable));
    }

    [Fact]
    public void Open_MoreComponentsThanAreCarried_IsMarked()
    {
        var path = _directory + string.Concat(Enumerable.Repeat("/d", 200));
        Directory.CreateDirectory(path);
        File.WriteAllText($"{path}/file", "");

        _cgroup.Run($": < {path}/file");

        var open = Assert.Single(_cgroup.Events, static one => one.Kind == EventKind.Open && one.Path.EndsWith("/d/file", StringComparison.Ordinal));
        Assert.True(open.Flags.HasFlag(EventFlags.PathTruncated));
    }

    [Fact]
    public void Open_ThatFails_IsNotReported()
    {
        _cgroup.Run($"cat {_directory}/missing; :");

        Assert.DoesNotContain(_cgroup.Events, static one => one.Path.EndsWith("/missing", StringComparison.Ordinal));
    }

    [Fact]
    public void SetUp_OfProcessWhoseCgroupIsGivenUp_EndsWithTheProcess()
    {
        using var process = Process.Start("sleep", "infinity");
        _cgroup.Enter(process.Id);
        Assert.True(_cgroup.Programs.IsInSetup(process.Id), "a process that enters is in set-up");

        _cgroup.Programs.Ignore(_cgroup.Id);
        process.Kill();
        process.WaitForExit();

        Assert.False(_cgroup.Programs.IsInSetup(process.Id), "the next process with this pid would be taken for a runtime's");
    }

    [Fact]
    public void Cgroup_WatchedAfterItsRemoval_LeavesNoEntry()
    {
        Directory.Delete(CgroupTree.Open("/").MountPoint + _cgroup.Path);

        _cgroup.Programs.Watch(_cgroup.Id, _cgroup.Id);

        Assert.False(_cgroup.Programs.Knows(_cgroup.Id), "the entry would stay for good");
    }

    [Fact]
    public void Cgroup_AtRest_TellsExecsOnly()
    {
        _cgroup.Programs.Rest(_cgroup.Id);

        _cgroup.RunToEnd("/bin/busybox cat /etc/hostname; :");

        _cgroup.ReadUntil(() => _cgroup.Events.Any(static one => one.Path == "/bin/busybox"), "the exec");
        Assert.All(_cgroup.Events, static one => Assert.Equal(EventKind.Exec, one.Kind));
    }

    [Fact]
    public void Cgroup_MadeSinceTheHooksAreThere_IsKnown()
    {
        const ulong Root = 1;

        Assert.True(_cgroup.Programs.Knows(_cgroup.Id), "a container that starts while the sensor does would be taken for one that ran before");
        Assert.False(_cgroup.Programs.Knows(Root), "a cgroup that was there before is taken for a new one");
    }

    [Fact]
    public void Cgroup_Life_IsReported()
    {
        _cgroup.Run(":");
        _cgroup.ReadUntil(() => _cgroup.CgroupRecords.Contains((RecordKind.CgroupEmpty, _cgroup.Path)), "the end of the cgroup's last process");
        Assert.Equal(RecordKind.CgroupCreated, _cgroup.CgroupRecords[0].Kind);
        Assert.Contains((RecordKind.CgroupPopulated, _cgroup.Path), _cgroup.CgroupRecords);
        Assert.Equal(Environment.CurrentDirectory, _cgroup.Maker?.WorkingDirectory);

        Directory.Delete(CgroupTree.Open("/").MountPoint + _cgroup.Path);

        _cgroup.ReadUntil(() => _cgroup.CgroupRecords.Contains((RecordKind.CgroupRemoved, _cgroup.Path)), "the removal of the cgroup");
    }

    public void Dispose()
    {
        _cgroup.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    private static string ProgramOf(KernelPrograms programs, string hook) => programs.Hooks.Single(one => one.Name == hook).Program;

    private static string Resolve(string path)
    {
        using var readlink = Process.Start(new ProcessStartInfo("readlink", ["-f", path]) { RedirectStandardOutput = true })!;
        return readlink.StandardOutput.ReadToEnd().Trim();
    }
}
