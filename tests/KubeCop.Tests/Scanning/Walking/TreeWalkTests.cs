using System.Net.Sockets;
using System.Text;
using KubeCop.Scanning.Walking;

namespace KubeCop.Tests.Scanning.Walking;

public sealed class TreeWalkTests : IDisposable
{
    private readonly Tree _tree = new();

    public void Dispose() => _tree.Dispose();

    [Fact]
    public void Walk_OfATree_HandsOutFilesInTheOrderOfTheirBytes()
    {
        foreach (var name in (string[])["b/2", "b/10", "a", "c/x/1", "b.txt", "B"])
        {
            _tree.Write(name);
        }

        Assert.Equal(["B", "a", "b/10", "b/2", "b.txt", "c/x/1"], _tree.Walk());
        Assert.Equal(0, _tree.Passed.Total);
    }

    [Fact]
    public void Walk_OfAFile_TellsWhatItIs()
    {
        var path = _tree.Write("file", "0123456789");
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.SetUser);
        File.SetLastWriteTimeUtc(path, new DateTime(2020, 1, 2, 3, 4, 5, DateTimeKind.Utc));
        using var walk = _tree.Begin();

        Assert.True(walk.MoveNext());
        var listed = walk.Identity;
        using var file = walk.Open();

        Assert.NotNull(file);
        Assert.Equal(path, Encoding.UTF8.GetString(file.Path));
        Assert.Equal(10, file.Identity.Size);
        Assert.Equal(listed, file.Identity);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.SetUser, file.Mode);
        Assert.Equal(1u, file.Links);
        Assert.Equal(new DateTimeOffset(2020, 1, 2, 3, 4, 5, TimeSpan.Zero), file.Modified);
        Assert.False(file.IsSettled, "a file that changed this very moment counts as settled");
        Assert.Equal(10, RandomAccess.GetLength(file.Handle));
        Assert.False(walk.MoveNext());
    }

    [Fact]
    public void Walk_AfterAPosition_GoesOnBehindIt()
    {
        foreach (var name in (string[])["a/1", "a/2", "b/c/1", "b/c/2", "b/d", "e"])
        {
            _tree.Write(name);
        }

        var all = _tree.Walk();

        for (var done = 0; done < all.Count; done++)
        {
            Assert.Equal(all[(done + 1)..], _tree.Walk(after: all[done]));
        }
    }

    [Fact]
    public void Walk_AfterAPositionThatIsGone_GoesOnWhereItWas()
    {
        foreach (var name in (string[])["a/1", "b/1", "b/3", "c/1"])
        {
            _tree.Write(name);
        }

        Assert.Equal(["b/3", "c/1"], _tree.Walk(after: "b/2"));
        Assert.Equal(["b/1", "b/3", "c/1"], _tree.Walk(after: "aa/x/y"));
        Assert.Equal(["b/3", "c/1"], _tree.Walk(after: "b/3/was/a/directory"));
        Assert.Empty(_tree.Walk(after: "d"));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(7)]
    [InlineData(1000)]
    public void Walk_OfALargeDirectory_ReadsItInPieces(int maxNames)
    {
        var names = Enumerable.Range(0, 100).Select(static i => $"{i * 37 % 100:00}").ToList();
        names.ForEach(name => _tree.Write(name));
        _tree.Write("50.d/inner");

        var walked = _tree.Walk(new TreeWalkOptions { MaxNames = maxNames });

        Assert.Equal(names.Append("50.d/inner").Order(StringComparer.Ordinal), walked);
        Assert.Equal(walked[31..], _tree.Walk(new TreeWalkOptions { MaxNames = maxNames }, after: walked[30]));
    }

    [Fact]
    public async Task Walk_OfStrangeNames_KeepsTheirBytes()
    {
        var longest = new string('n', 255);
        await _tree.RunAsync($$"""
            printf x > "$(printf 'a\nb')"; printf x > "$(printf 'b\377\376c')"; printf x > 'c: colon'; printf x > "$(printf 'd\033[31m')"; printf x > {{longest}}
            """);

        Assert.Equal(["a\nb", "b\u00ff\u00fec", "c: colon", "d\u001b[31m", longest], _tree.Walk());
        using var walk = _tree.Begin();
        while (walk.MoveNext())
        {
            using var file = walk.Open();
            Assert.NotNull(file);
            Assert.Equal(1, file.Identity.Size);
        }
    }

    [Fact]
    public void Walk_OfLinks_FollowsNone()
    {
        _tree.Write("inside/file");
        File.CreateSymbolicLink(_tree.Combine("out"), "/etc");
        File.CreateSymbolicLink(_tree.Combine("file"), "/etc/passwd");
        File.CreateSymbolicLink(_tree.Combine("inside/loop"), "..");
        File.CreateSymbolicLink(_tree.Combine("itself"), "itself");

        Assert.Equal(["inside/file"], _tree.Walk());
        Assert.Equal(4, _tree.Passed[PassReason.Link]);
    }

    [Fact]
    public async Task Walk_OfHardLinks_HandsOutEachFileOnceAScan()
    {
        _tree.Write("a/first");
        await _tree.RunAsync("ln a/first a/second; mkdir b; ln a/first b/third");

        Assert.Equal(["a/first"], _tree.Walk());
        Assert.Equal(2, _tree.Passed[PassReason.HardLink]);
        Assert.Empty(_tree.Walk(root: "b"));
    }

    [Fact]
    public async Task Walk_OfHardLinksBeyondTheBound_HandsOutAllNames()
    {
        _tree.Write("a");
        _tree.Write("b");
        await _tree.RunAsync("ln a a2; ln b b2");
        using var walk = new TreeWalk(
            new ScanRoot(new HostRoot("/"), ScanRootKind.HostPath, Encoding.UTF8.GetBytes(_tree.Path)),
            TreeWalkOptions.Default, new LinkedFiles(1), _tree.Passed, TimeProvider.System);

        Assert.Equal(["a", "b", "b2"], Tree.Rest(walk));
    }

    [Fact]
    public async Task Walk_OfWhatIsNoFile_CountsIt()
    {
        _tree.Write("file");
        await _tree.RunAsync("mkfifo fifo");
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Bind(new UnixDomainSocketEndPoint(_tree.Combine("socket")));

        Assert.Equal(["file"], _tree.Walk());
        Assert.Equal(2, _tree.Passed[PassReason.Special]);
    }

    [Fact]
    public async Task Walk_OfDevices_OpensNone()
    {
        Assert.SkipWhen(Tree.MissingForMounts is not null, Tree.MissingForMounts ?? "");
        await _tree.RunAsync("mknod null c 1 3; mknod disk b 7 200; mknod whiteout c 0 0");

        Assert.Empty(_tree.Walk());
        Assert.Equal(3, _tree.Passed[PassReason.Special]);
    }

    [Fact]
    public void Walk_OfASparseFile_TellsBothSizes()
    {
        const long FiveGigabytes = 5L * 1024 * 1024 * 1024;
        using (var made = new FileStream(_tree.Combine("sparse"), FileMode.CreateNew))
        {
            made.SetLength(FiveGigabytes);
        }

        _tree.Write("zero", "");
        using var walk = _tree.Begin();

        Assert.True(walk.MoveNext());
        using var sparse = walk.Open();
        Assert.Equal(FiveGigabytes, sparse!.Identity.Size);
        Assert.True(sparse.AllocatedBytes < FiveGigabytes / 100, $"{sparse.AllocatedBytes} bytes of a file of holes are on the disk");
        Assert.True(walk.MoveNext());
        using var zero = walk.Open();
        Assert.Equal(0, zero!.Identity.Size);
    }

    [Fact]
    public async Task Open_OfWhatWasReplacedSinceItWasListed_IsCounted()
    {
        foreach (var name in (string[])["1", "2", "3", "4", "5"])
        {
            _tree.Write(name);
        }

        using var walk = _tree.Begin();

        foreach (var swap in (string[])["rm 1; mkfifo 1", "ln -sf /etc/passwd 2", "rm 3", "rm 4; mkdir 4"])
        {
            Assert.True(walk.MoveNext());
            await _tree.RunAsync(swap);
            Assert.Null(walk.Open());
        }

        Assert.Equal(4, _tree.Passed[PassReason.Vanished]);

        // Another regular file is what is there now, under its own identity.
        Assert.True(walk.MoveNext());
        var listed = walk.Identity;
        await _tree.RunAsync("echo longer than before > new; mv new 5");
        using var file = walk.Open();
        Assert.NotNull(file);
        Assert.NotEqual(listed, file.Identity);
        Assert.Equal(RandomAccess.GetLength(file.Handle), file.Identity.Size);
    }

    [Fact]
    public void Walk_OfDirectoriesThatVanish_GoesOn()
    {
        foreach (var name in (string[])["a/1", "b/1", "c/1", "c/2", "d/1"])
        {
            _tree.Write(name);
        }

        using var walk = _tree.Begin();
        Assert.True(walk.MoveNext());

        // All of them are listed by now, and none but the first is open.
        Directory.Delete(_tree.Combine("b"), recursive: true);
        Directory.Delete(_tree.Combine("d"), recursive: true);
        File.CreateSymbolicLink(_tree.Combine("d"), "/etc");

        Assert.Equal(["c/1", "c/2"], Tree.Rest(walk));
        Assert.Equal(1, _tree.Passed[PassReason.Vanished]);
        Assert.Equal(1, _tree.Passed[PassReason.Link]);
    }

    [Fact]
    public void Walk_InADirectoryThatIsDeleted_GoesOnAboveIt()
    {
        foreach (var name in (string[])["a/1", "a/2", "a/sub/3", "b"])
        {
            _tree.Write(name);
        }

        using var walk = _tree.Begin();
        Assert.True(walk.MoveNext());
        Directory.Delete(_tree.Combine("a"), recursive: true);

        Assert.Null(walk.Open());
        Assert.Equal(["b"], Tree.Rest(walk));
        Assert.Equal(3, _tree.Passed[PassReason.Vanished]);
    }

    [Fact]
    public void Walk_OfWhatMayNotBeRead_CountsIt()
    {
        Assert.SkipWhen(Tree.MissingForMounts is not null, "needs root, to become nobody");
        _tree.Write("file");
        _tree.Write("open");
        _tree.Write("shut/file");
        _tree.Write("unlisted/file");
        File.SetUnixFileMode(_tree.Combine("file"), UnixFileMode.UserRead);
        File.SetUnixFileMode(_tree.Combine("shut"), UnixFileMode.UserRead | UnixFileMode.UserExecute);

        // May be listed, but nothing in it may be looked at.
        File.SetUnixFileMode(_tree.Combine("unlisted"), UnixFileMode.GroupRead | UnixFileMode.OtherRead);

        var opened = Tree.AsNobody(() =>
        {
            using var walk = _tree.Begin();
            var names = new List<string>();
            while (walk.MoveNext())
            {
                using var file = walk.Open();
                if (file is not null)
                {
                    names.Add(Encoding.Latin1.GetString(walk.Position));
                }
            }

            return names;
        });

        Assert.Equal(["open"], opened);
        Assert.Equal(3, _tree.Passed[PassReason.Unreadable]);
    }

    [Fact]
    public void Walk_OfAMissingRoot_SaysSo()
    {
        using var walk = _tree.Begin(root: "nowhere");

        Assert.False(walk.MoveNext());
        Assert.Equal("No such file or directory", walk.Problem);
        Assert.Equal(1, _tree.Passed[PassReason.Vanished]);
    }

    [Fact]
    public void Walk_OfARootThatIsAFile_HandsItOut()
    {
        _tree.Write("there/file", "12345");
        File.CreateSymbolicLink(_tree.Combine("link"), "there/file");
        using var walk = _tree.Begin(root: "link");

        Assert.True(walk.MoveNext());
        using var file = walk.Open();
        Assert.Equal(_tree.Combine("there/file"), Encoding.UTF8.GetString(file!.Path));
        Assert.Equal(5, file.Identity.Size);
        Assert.False(walk.MoveNext());
    }

    [Fact]
    public void Walk_OfAVeryDeepTree_ReachesItsEnd()
    {
        const int Depth = 5000;
        MakeDeep(Depth, "leaf");
        _tree.Write("t/after");

        var walked = _tree.Walk(new TreeWalkOptions { MaxOpen = 8 }, root: "t");

        Assert.Equal(["after", string.Concat(Enumerable.Repeat("d/", Depth)) + "leaf"], walked);
        Assert.Equal([walked[1]], _tree.Walk(root: "t", after: walked[0]));
        Assert.Empty(_tree.Walk(root: "t", after: walked[1]));
        Assert.Equal(0, _tree.Passed.Total);
    }

    [Fact]
    public void Walk_BelowTheDeepestLevel_CountsIt()
    {
        MakeDeep(4, "leaf");
        _tree.Write("t/d/d/file");

        Assert.Equal(["d/d/file"], _tree.Walk(new TreeWalkOptions { MaxDepth = 2 }, root: "t"));
        Assert.Equal(1, _tree.Passed[PassReason.TooDeep]);
    }

    [Fact]
    public void Walk_OfFewOpenDirectories_FindsTheWayBack()
    {
        foreach (var name in (string[])["a/b/c/d/e/1", "a/b/c/d/2", "a/b/c/3", "a/b/4", "a/5", "f/g/h/6", "z"])
        {
            _tree.Write(name);
        }

        Assert.Equal(_tree.Walk(), _tree.Walk(new TreeWalkOptions { MaxOpen = 2 }));
        Assert.Equal(7, _tree.Walk(new TreeWalkOptions { MaxOpen = 2 }).Count);
    }

    [Fact]
    public void Walk_InADirectoryThatIsMovedAway_ComesBackToWhatIsStillThere()
    {
        foreach (var name in (string[])["a/b/c/d/e/1", "a/b/c/z", "a/b/z", "a/z", "y"])
        {
            _tree.Write(name);
        }

        using var walk = _tree.Begin(new TreeWalkOptions { MaxOpen = 2 });
        Assert.True(walk.MoveNext());
        Directory.CreateDirectory(_tree.Combine("x"));
        Directory.Move(_tree.Combine("a/b/c"), _tree.Combine("x/c"));

        // What is in c is reached through "..", and from there not x, which the walk did not come from, but the root's a/b.
        Assert.Equal(["a/b/c/z", "a/b/z", "a/z", "y"], Tree.Rest(walk));
        Assert.Equal(0, _tree.Passed[PassReason.Vanished]);
    }

    [Fact]
    public void Walk_WhoseWayBackIsGone_GoesOnWithWhatIsLeft()
    {
        foreach (var name in (string[])["a/b/c/d/e/1", "a/b/c/z", "a/b/z", "a/z", "y"])
        {
            _tree.Write(name);
        }

        using var walk = _tree.Begin(new TreeWalkOptions { MaxOpen = 2 });
        Assert.True(walk.MoveNext());
        Directory.CreateDirectory(_tree.Combine("x"));

        // Neither ".." nor the names lead from d back to c.
        Directory.Move(_tree.Combine("a/b/c/d"), _tree.Combine("x/d"));
        Directory.Move(_tree.Combine("a/b/c"), _tree.Combine("x/c"));

        Assert.Equal(["a/b/z", "a/z", "y"], Tree.Rest(walk));
        Assert.Equal(1, _tree.Passed[PassReason.Vanished]);
    }

    [Fact]
    public async Task Walk_AcrossMounts_WalksFilesOfThisMachineOnly()
    {
        Assert.SkipWhen(Tree.MissingForMounts is not null, Tree.MissingForMounts ?? "");
        await _tree.MountAsync("proc", "-t", "proc", "proc");
        await _tree.MountAsync("sys", "-t", "sysfs", "sysfs");
        await _tree.MountAsync("memory", "-t", "tmpfs", "tmpfs");
        _tree.Write("memory/file");
        _tree.Write("file");

        Assert.Equal(["file", "memory/file"], _tree.Walk());
        Assert.Equal(2, _tree.Passed[PassReason.PseudoFileSystem]);
        Assert.Empty(_tree.Walk(root: "proc"));
    }

    [Fact]
    public async Task Walk_OfADirectoryMountedTwice_WalksItOnce()
    {
        Assert.SkipWhen(Tree.MissingForMounts is not null, Tree.MissingForMounts ?? "");
        await _tree.MountAsync("a", "-t", "tmpfs", "tmpfs");
        _tree.Write("a/file");
        await _tree.MountAsync("b", "--bind", _tree.Combine("a"));

        Assert.Equal(["a/file"], _tree.Walk());
        Assert.Equal(1, _tree.Passed[PassReason.WalkedElsewhere]);
    }

    [Fact]
    public async Task Walk_OfADeviceThatIsWalkedElsewhere_PassesItOver()
    {
        Assert.SkipWhen(Tree.MissingForMounts is not null, Tree.MissingForMounts ?? "");
        await _tree.MountAsync("merged", "-t", "tmpfs", "tmpfs");
        _tree.Write("merged/file");
        using var walk = _tree.Begin(root: "merged");
        Assert.True(walk.MoveNext());
        var device = walk.Identity.Device;

        Assert.Empty(_tree.Walk(new TreeWalkOptions { WalkedElsewhere = new HashSet<ulong> { device } }));
        Assert.Equal(1, _tree.Passed[PassReason.WalkedElsewhere]);
    }

    [Fact]
    public void Walk_BelowAHostRoot_TakesItsLinksAsTheHostDoes()
    {
        _tree.Write("host/data/file");
        File.CreateSymbolicLink(_tree.Combine("host/linked"), "/data");
        File.CreateSymbolicLink(_tree.Combine("host/out"), "../../../../../../etc");
        var host = new HostRoot(_tree.Combine("host"));
        using var walk = new TreeWalk(
            new ScanRoot(host, ScanRootKind.HostPath, "/linked"u8), TreeWalkOptions.Default, _tree.Links, _tree.Passed, TimeProvider.System);
        using var outside = new TreeWalk(
            new ScanRoot(host, ScanRootKind.HostPath, "/out"u8), TreeWalkOptions.Default, _tree.Links, _tree.Passed, TimeProvider.System);

        Assert.True(walk.MoveNext());
        Assert.Equal("/data/file", Encoding.UTF8.GetString(walk.Path));
        Assert.False(walk.MoveNext());
        Assert.False(outside.MoveNext(), "a link led out of the host's root");
    }

    [Fact]
    public void Walk_OfFilesThatAreNotOpened_AllocatesNothing()
    {
        for (var i = 0; i < 500; i++)
        {
            _tree.Write($"{i:000}");
        }

        // The first file brings the directory; what is measured is all the others. What the runtime allocates while it replaces code, it does once.
        var least = long.MaxValue;
        for (var attempt = 0; attempt < 10; attempt++)
        {
            using var walk = _tree.Begin();
            Assert.True(walk.MoveNext());
            var before = GC.GetAllocatedBytesForCurrentThread();
            var met = 1;
            var bytes = 0L;
            while (met < 500 && walk.MoveNext())
            {
                met++;
                bytes += walk.Identity.Size + walk.Position.Length;
            }

            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
            Assert.Equal((500, 499 * 10), (met, bytes));
        }

        Assert.Equal(0, least);
    }

    [Theory]
    [InlineData(0x9fa0u, FileSystemKind.Pseudo)]
    [InlineData(0x63677270u, FileSystemKind.Pseudo)]
    [InlineData(0x6969u, FileSystemKind.Network)]
    [InlineData(0xff534d42u, FileSystemKind.Network)]
    [InlineData(0x65735546u, FileSystemKind.Network)]
    [InlineData(0x01021994u, FileSystemKind.Local)]
    [InlineData(0xef53u, FileSystemKind.Local)]
    [InlineData(0x794c7630u, FileSystemKind.Local)]
    [InlineData(0x12345678u, FileSystemKind.Local)]
    public void FileSystem_OfAType_IsOfItsKind(uint type, object kind) => Assert.Equal(kind, FileSystems.KindOf(type));

    /// <summary>Levels of <c>d</c> below <c>t</c>; more than any path can name, so it is put together from below.</summary>
    private void MakeDeep(int depth, string leaf)
    {
        const int Piece = 100;
        var made = 0;
        for (; made < depth; made += Math.Min(Piece, depth - made))
        {
            var levels = Math.Min(Piece, depth - made);
            var inner = _tree.Combine($"piece/{string.Join('/', Enumerable.Repeat("d", levels))}");
            Directory.CreateDirectory(inner);
            if (made == 0)
            {
                File.WriteAllText(Path.Combine(inner, leaf), "");
            }
            else
            {
                Directory.Move(_tree.Combine("t/d"), Path.Combine(inner, "d"));
                Directory.Delete(_tree.Combine("t"));
            }

            Directory.Move(_tree.Combine("piece"), _tree.Combine("t"));
        }
    }
}
