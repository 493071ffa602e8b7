using System.Security.Cryptography;
using System.Text;
using KubeCop.Core.Malware;
using KubeCop.Core.Workloads;
using KubeCop.Scanning.Quarantining;
using KubeCop.Scanning.Walking;
using KubeCop.Tests.Scanning.Walking;

namespace KubeCop.Tests.Scanning.Quarantining;

/// <summary>Real files of a real tree.</summary>
public sealed class QuarantineStoreTests : IDisposable
{
    private const string Content = "malicious content";
    private const UnixFileMode Mode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupRead;

    private static readonly DateTime Modified = new(2024, 5, 6, 7, 8, 9, DateTimeKind.Utc);

    private readonly Tree _tree = new();
    private readonly QuarantineOptions _options = new() { Enabled = true };

    public QuarantineStoreTests()
    {
        Directory.CreateDirectory(_tree.Combine("allowed"));
        _options.Paths.Add(_tree.Combine("allowed"));
    }

    private string Store => _tree.Combine("quarantine");

    public void Dispose() => _tree.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Take_AllowedFile_MovesItOutOfReachAndRestoreBringsItBack(bool copies)
    {
        var path = Write("allowed/deep/evil");
        var store = New(copies);

        var finding = Take(store, "allowed/deep/evil");

        Assert.Equal("", finding.NotQuarantined);
        Assert.False(File.Exists(path), "The file is still where it was.");
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(Store));
        Assert.Equal(UnixFileMode.None, File.GetUnixFileMode(Path.Combine(Store, finding.QuarantineId)));
        Assert.Equal(1, store.Moved);
        var known = Assert.Single(store.List());
        Assert.Equal((finding.QuarantineId, path, "Test.Word", (int)Mode), (known.Id, known.Path, known.Signature, known.Mode));
        Assert.Equal((Digest(Content), (long)Content.Length), (known.Sha256, known.Size));

        Assert.Equal(path, store.Restore(finding.QuarantineId, to: null));

        Assert.Equal((Content, Mode, Modified), (File.ReadAllText(path), File.GetUnixFileMode(path), File.GetLastWriteTimeUtc(path)));
        Assert.Empty(store.List());
        Assert.Empty(Directory.EnumerateFileSystemEntries(Store));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Restore_SomethingIsThere_OverwritesNothingAndKeepsTheFile(bool copies)
    {
        var path = Write("allowed/evil");
        var store = New(copies);
        var id = Take(store, "allowed/evil").QuarantineId;
        File.WriteAllText(path, "somebody's");

        var error = Assert.Throws<QuarantineException>(() => store.Restore(id, to: null));

        Assert.Contains("--to", error.Message, StringComparison.Ordinal);
        Assert.Equal("somebody's", File.ReadAllText(path));
        Assert.Equal(UnixFileMode.None, File.GetUnixFileMode(Path.Combine(Store, id)));
        Assert.Equal(_tree.Combine("other"), store.Restore(id, _tree.Combine("other")));
        Assert.Equal(Content, File.ReadAllText(_tree.Combine("other")));
    }

    [Fact]
    public void Restore_DirectoryBecameALink_IsNotFollowed()
    {
        Write("allowed/sub/evil");
        var store = New();
        var id = Take(store, "allowed/sub/evil").QuarantineId;
        Directory.Delete(_tree.Combine("allowed/sub"));
        Directory.CreateDirectory(_tree.Combine("elsewhere"));
        File.CreateSymbolicLink(_tree.Combine("allowed/sub"), _tree.Combine("elsewhere"));

        Assert.Throws<QuarantineException>(() => store.Restore(id, to: null));

        Assert.Empty(Directory.EnumerateFileSystemEntries(_tree.Combine("elsewhere")));
        Assert.Equal(id, Assert.Single(store.List()).Id);
    }

    [Fact]
    public void Delete_File_IsGoneForGood()
    {
        Write("allowed/evil");
        var store = New();

        store.Delete(Take(store, "allowed/evil").QuarantineId);

        Assert.Empty(Directory.EnumerateFileSystemEntries(Store));
    }

    [Theory]
    [InlineData("unknown")]
    [InlineData("../allowed/evil")]
    [InlineData("")]
    public void Find_NoSuchId_SaysSoAndTouchesNothing(string id)
    {
        var path = Write("allowed/evil");
        var store = New();
        Take(store, "allowed/evil");
        File.WriteAllText(path, Content);

        Assert.Contains("kubecop quarantine list", Assert.Throws<QuarantineException>(() => store.Delete(id)).Message, StringComparison.Ordinal);
        Assert.Throws<QuarantineException>(() => store.Restore(id, to: null));
        Assert.True(File.Exists(path), "An id led out of the quarantine.");
    }

    [Theory]
    [InlineData("allowedtoo/evil")]
    [InlineData("evil")]
    public void Take_NotBelowAnAllowedPath_StaysAndIsNoRefusal(string name)
    {
        var path = Write(name);
        var store = New();

        var finding = Take(store, name);

        Assert.Equal(("", ""), (finding.QuarantineId, finding.NotQuarantined));
        Assert.True(File.Exists(path), "A file was moved that may not be.");
    }

    [Fact]
    public void Take_SwitchedOff_Stays()
    {
        var path = Write("allowed/evil");
        _options.Enabled = false;

        Assert.Equal("", Take(New(), "allowed/evil").QuarantineId);
        Assert.True(File.Exists(path), "A file was moved although that is off.");
    }

    [Theory]
    [InlineData(MalwareLayer.ImageLayer)]
    [InlineData(MalwareLayer.Upper)]
    [InlineData(MalwareLayer.Merged)]
    public void Take_OfAContainersFileSystem_StaysAndIsCounted(MalwareLayer layer)
    {
        var path = Write("allowed/evil");
        var store = New();

        var finding = Take(store, "allowed/evil", layer);

        Assert.NotEmpty(finding.NotQuarantined);
        Assert.Equal(1, store.Refused(QuarantineRefusal.ContainerLayer));
        Assert.True(File.Exists(path), "A container's file was moved.");
    }

    [Fact]
    public void Take_OfAVolumeOnAnAllowedPath_Moves()
    {
        Write("allowed/evil");

        Assert.NotEqual("", Take(New(), "allowed/evil", MalwareLayer.Volume).QuarantineId);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Take_SwappedJustBeforeTheMove_LeavesTheOtherFileWhereItIs(bool copies)
    {
        var path = Write("allowed/evil");
        File.WriteAllText(_tree.Combine("precious"), "precious");
        var store = New(copies);
        store.BeforeMove = () => File.Move(_tree.Combine("precious"), path, overwrite: true);

        var finding = Take(store, "allowed/evil");

        Assert.Equal("", finding.QuarantineId);
        Assert.Equal(1, store.Refused(QuarantineRefusal.Changed));
        Assert.Equal("precious", File.ReadAllText(path));
        Assert.Empty(store.List());
        Assert.Empty(Directory.EnumerateFileSystemEntries(Store));
    }

    [Fact]
    public void Take_DirectorySwappedForALink_TouchesNothingBehindIt()
    {
        Write("allowed/sub/evil");
        Write("precious/evil", "precious");
        var store = New();
        using var walk = _tree.Begin(root: "allowed/sub");
        Assert.True(walk.MoveNext());
        using var file = walk.Open();
        Directory.Move(_tree.Combine("allowed/sub"), _tree.Combine("allowed/moved"));
        File.CreateSymbolicLink(_tree.Combine("allowed/sub"), _tree.Combine("precious"));

        var finding = store.Take(file!, Root("allowed/sub"), Finding(file!, null));

        Assert.Equal("", finding.QuarantineId);
        Assert.Equal("precious", File.ReadAllText(_tree.Combine("precious/evil")));
    }

    [Fact]
    public async Task Take_FileWithAnotherName_LeavesThatNameAsItIs()
    {
        var path = Write("allowed/evil");
        await _tree.RunAsync("ln allowed/evil other");

        var finding = Take(New(), "allowed/evil");

        Assert.NotEqual("", finding.QuarantineId);
        Assert.False(File.Exists(path), "The file is still where it was.");
        Assert.Equal((Content, Mode), (await File.ReadAllTextAsync(_tree.Combine("other"), TestContext.Current.CancellationToken), File.GetUnixFileMode(_tree.Combine("other"))));
    }

    [Fact]
    public void Take_Full_StaysWithTheReason()
    {
        Write("allowed/a");
        Write("allowed/b");
        Write("allowed/c", new string('x', 100));
        _options.MaxFiles = 1;
        var store = New();
        var id = Take(store, "allowed/a").QuarantineId;

        Assert.Contains("full", Take(store, "allowed/b").NotQuarantined, StringComparison.Ordinal);
        Assert.True(File.Exists(_tree.Combine("allowed/b")), "A file was moved over the limit.");

        store.Delete(id);
        (_options.MaxFiles, _options.MaxBytes) = (10, 99);
        Assert.Contains("full", Take(store, "allowed/c").NotQuarantined, StringComparison.Ordinal);
        Assert.NotEqual("", Take(store, "allowed/b").QuarantineId);
        Assert.Equal(2, store.Refused(QuarantineRefusal.Full));
    }

    [Fact]
    public async Task Take_NameOfAnyBytes_ComesBackAsItWas()
    {
        await _tree.RunAsync("printf malicious > \"$(printf 'allowed/a\\377\\nb')\"");
        var store = New();
        using (var walk = _tree.Begin(root: "allowed"))
        {
            Assert.True(walk.MoveNext());
            using var file = walk.Open();
            var id = store.Take(file!, Root("allowed"), Finding(file!, null)).QuarantineId;
            store.Restore(id, to: null);
        }

        await _tree.RunAsync("test \"$(cat \"$(printf 'allowed/a\\377\\nb')\")\" = malicious");
    }

    [Fact]
    public void List_DamagedMetadata_SaysWhichFile()
    {
        Write("allowed/evil");
        var store = New();
        var id = Take(store, "allowed/evil").QuarantineId;
        File.WriteAllText(Path.Combine(Store, $"{id}.json"), "{");

        Assert.Contains(id, Assert.Throws<QuarantineException>(store.List).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/")]
    [InlineData("/var")]
    [InlineData("/var/lib/docker/")]
    [InlineData("/var/lib/containerd/io.containerd.snapshotter.v1.overlayfs")]
    [InlineData("relative")]
    [InlineData("/srv/../var")]
    public void FindMistake_PathThatMustNotBeEmptied_IsRefused(string path)
    {
        var options = new QuarantineOptions { Enabled = true };
        options.Paths.Add(path);

        Assert.Contains($"'{path}'", options.FindMistake(), StringComparison.Ordinal);
    }

    [Fact]
    public void FindMistake_EnabledWithoutPaths_IsRefused() => Assert.NotNull(new QuarantineOptions { Enabled = true }.FindMistake());

    [Fact]
    public void FindMistake_DataDirectory_IsAccepted() => Assert.Null(_options.FindMistake());

    private string Write(string name, string content = Content)
    {
        var path = _tree.Write(name, content);
        File.SetUnixFileMode(path, Mode);
        File.SetLastWriteTimeUtc(path, Modified);
        return path;
    }

    private QuarantineStore New(bool copies = false) => new(Store, "/", _options, TimeProvider.System) { AlwaysCopies = copies };

    private ScanRoot Root(string name) => new(new HostRoot("/"), ScanRootKind.HostPath, Encoding.UTF8.GetBytes(_tree.Combine(name)));

    private MalwareFinding Take(QuarantineStore store, string name, MalwareLayer? layer = null)
    {
        using var walk = _tree.Begin(root: name);
        Assert.True(walk.MoveNext(), $"{name} is not there.");
        using var file = walk.Open();
        return store.Take(file!, Root(name), Finding(file!, layer));
    }

    private static MalwareFinding Finding(WalkedFile file, MalwareLayer? layer) => new()
    {
        Signature = "Test.Word",
        Sha256 = Digest(Content),
        Size = file.Identity.Size,
        Owner = file.Owner,
        Group = file.Group,
        Modified = file.Modified,
        Changed = file.Changed,
        FoundAt = DateTimeOffset.UtcNow,
        Node = "node",
        HostPath = Encoding.UTF8.GetString(file.Path),
        Places = layer is null ? [] :
        [
            new MalwarePlace
            {
                Container = new ContainerDescription
                {
                    Id = "c1",
                    Name = "app",
                    Runtime = "containerd",
                    Node = "node",
                    Workload = new WorkloadKey("default", "Deployment", "web"),
                    Origin = ContainerOrigin.Started,
                    SeenAt = DateTimeOffset.UtcNow,
                    CgroupId = 1,
                    CgroupPath = "/c1",
                    Revision = "r1",
                },
                Layer = layer.Value,
                Path = "/evil",
                IsHidden = false,
            },
        ],
    };

    private static string Digest(string content) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(content)));
}
