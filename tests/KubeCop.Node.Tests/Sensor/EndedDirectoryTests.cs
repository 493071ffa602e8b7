using KubeCop.Core.Events;

namespace KubeCop.Node.Tests.Sensor;

/// <summary>Directories whose new files end in the kernel, on the real one.</summary>
[Collection(nameof(KernelSide))]
public sealed class EndedDirectoryTests : IDisposable
{
    private readonly WatchedCgroup _cgroup;
    private readonly string _root = Directory.CreateTempSubdirectory("kubecop-test-").FullName;
    private readonly string _ended;
    private readonly string _other;

    public EndedDirectoryTests(KernelSide kernel)
    {
        _cgroup = new WatchedCgroup(kernel.Programs);
        _ended = Directory.CreateDirectory($"{_root}/ended/below").Parent!.FullName;
        _other = Directory.CreateDirectory($"{_root}/other").FullName;
    }

    public void Dispose()
    {
        _cgroup.Dispose();
        Directory.Delete(_root, recursive: true);
    }

    [Fact]
    public void NewFiles_InAnEndedDirectory_EndInTheKernelAndAreCounted()
    {
        const int Files = 50;
        EndWritesIn(_ended);
        var before = _cgroup.Programs.RepeatsOf(EventKind.Open);

        _cgroup.Run($"for i in $(seq {Files}); do : > {_ended}/$i; done");

        Assert.Empty(Opened(_ended));
        Assert.True(_cgroup.Programs.RepeatsOf(EventKind.Open) >= before + Files, "they were not counted");
    }

    [Fact]
    public void NewFiles_OpenedOtherwiseOrElsewhere_AreReported()
    {
        EndWritesIn(_ended);

        _cgroup.Run($": > {_ended}/new; : < {_ended}/new; : >> {_ended}/new; : > {_ended}/below/new; : > {_other}/new; : > {_root}/new");

        Assert.Equal(
            [$"{_ended}/new O_RDONLY", $"{_ended}/new O_WRONLY O_CREAT O_APPEND", $"{_ended}/below/new {Write}", $"{_other}/new {Write}", $"{_root}/new {Write}"],
            Opened(_root).Select(static one => $"{one.Path} {FlagsOf(one)}"));
    }

    [Fact]
    public void NewFile_OfAnotherContainer_IsReported()
    {
        EndWritesIn(_ended);
        using var other = new WatchedCgroup(_cgroup.Programs);

        other.Run($": > {_ended}/new");

        Assert.Single(other.Events, one => one.Path == $"{_ended}/new");
    }

    [Fact]
    public void NewFile_AfterEverythingIsForgotten_IsReported()
    {
        EndWritesIn(_ended);

        _cgroup.Programs.ForgetAll(_cgroup.Id);
        _cgroup.Run($": > {_ended}/new");

        Assert.Single(Opened(_ended));
    }

    [Fact]
    public void NewFile_AfterItsDirectoryWasRenamed_IsReported()
    {
        EndWritesIn(_ended);

        _cgroup.Run($"mv {_ended} {_root}/renamed; : > {_root}/renamed/new; mv {_root}/renamed {_ended}; : > {_ended}/another");

        Assert.Equal([$"{_root}/renamed/new"], Opened(_root).Where(static one => FlagsOf(one) == Write).Select(static one => one.Path));
    }

    [Fact]
    public void NewFile_MountedIntoAnEndedDirectory_IsReported()
    {
        EndWritesIn(_ended);

        _cgroup.Run($": > {_ended}/place; unshare --mount sh -c 'mount --bind {_other} {_ended}/below; : > {_ended}/below/new; mount --bind {_other}/new {_ended}/place; : > {_ended}/place'");

        Assert.Equal([$"{_ended}/below/new", $"{_ended}/place"], Opened(_ended).Where(static one => FlagsOf(one) == Write).Select(static one => one.Path));
    }

    [Fact]
    public void KnownFile_ThatLedToAnAlert_IsReportedInAnEndedDirectoryToo()
    {
        var first = EndWritesIn(_ended);
        _cgroup.Programs.ReportRepeats(_cgroup.Id, first.Sighting, each: true);

        _cgroup.Run($": > {first.Path}; : > {first.Path}; : > {_ended}/new");

        Assert.Equal([first.Path, first.Path], Opened(_ended).Select(static one => one.Path));
    }

    /// <summary>Far more than the container's memory holds: a directory does not give way to its files.</summary>
    [Fact]
    public void EndedDirectory_OutlivesThousandsOfOtherNewFiles()
    {
        const int Rounds = 10;
        const int Files = 500;
        EndWritesIn(_ended);

        // In rounds that fit into the container's share of the ring: what is lost is not remembered.
        var reported = 0;
        for (var round = 0; round < Rounds; round++)
        {
            _cgroup.Run($"cd {_other}; for i in $(seq {Files}); do : > {round}-$i; done");
            reported += Opened(_other).Count();
        }

        Assert.Equal(Rounds * Files, reported);
        _cgroup.Run($": > {_ended}/new");
        Assert.Empty(Opened(_ended));
    }

    [Fact]
    public void Open_WhoseDirectorySaysNothing_NamesNone()
    {
        Directory.CreateDirectory(Deep);

        _cgroup.Run(
            $": < /proc/self/status; : < /; perl -e 'open(F, \"+>\", \"{_other}/gone\"); unlink(\"{_other}/gone\"); open(G, \"<\", \"/proc/self/fd/\" . fileno(F)) or die;'; "
            + $": > {Deep}/new");

        Assert.Equal(0ul, Assert.Single(_cgroup.Events, static one => one.Path.EndsWith("/status", StringComparison.Ordinal)).Directory);
        Assert.Equal(0ul, Assert.Single(_cgroup.Events, static one => one is { Kind: EventKind.Open, Path: "/" }).Directory);
        Assert.Equal(0ul, Assert.Single(_cgroup.Events, static one => one.Kind == EventKind.Open && one.Flags.HasFlag(EventFlags.FileDeleted)).Directory);
        Assert.Equal(0ul, Assert.Single(_cgroup.Events, one => one.Path == $"{Deep}/new").Directory);
    }

    private const string Write = "O_WRONLY O_CREAT O_TRUNC";

    private string Deep => $"{_other}/1/2/3/4/5/6/7/8/9/10/11/12";

    private static string FlagsOf(in SensorEvent open) => string.Join(' ', OpenFlags.Names(OpenFlags.ToSet(open.Value)));

    private IEnumerable<SensorEvent> Opened(string directory) =>
        _cgroup.Events.Where(one => one.Kind == EventKind.Open && one.Path.StartsWith($"{directory}/", StringComparison.Ordinal));

    /// <summary>Has one file opened for writing, and others like it ended.</summary>
    /// <returns>The open.</returns>
    private SensorEvent EndWritesIn(string directory)
    {
        _cgroup.Run($": > {directory}/first");
        var first = Assert.Single(Opened(directory));
        Assert.NotEqual(0ul, first.Directory);
        _cgroup.Programs.EndOpensIn(_cgroup.Id, first.Directory);
        return first;
    }
}
