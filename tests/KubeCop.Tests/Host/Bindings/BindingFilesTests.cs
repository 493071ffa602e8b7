using System.Diagnostics;
using KubeCop.Core.Bindings;
using KubeCop.Host.Bindings;
using KubeCop.Testing;
using KubeCop.Testing.Storage;
using KubeCop.Tests.Core.Bindings;

namespace KubeCop.Tests.Host.Bindings;

public sealed class BindingFilesTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void File_IsRead() => Assert.Equal(["a"], Names(Files(Write("b.yaml", "a")).Read()));

    [Fact]
    public void Directory_FilesOfItAreReadByName()
    {
        Write("2.yml", "second");
        Write("1.yaml", "first");
        Write("3.json", "third");
        Write("README.md", "none");
        Write(".hidden.yaml", "none");
        Write("b.yaml~", "none");
        Directory.CreateDirectory(PathOf("sub.yaml"));

        Assert.Equal(["first", "second", "third"], Names(Files(_directory.Path).Read()));
    }

    [Fact]
    public void SameNameInTwoFiles_ErrorNamesBoth()
    {
        Write("1.yaml", "a");
        Write("2.yaml", "a");
        Assert.Equal(
            $"{PathOf("2.yaml")}:1: binding a, metadata.name: there is a binding of this name already, at {PathOf("1.yaml")}:1", Error(_directory.Path));
    }

    [Fact]
    public void Missing_IsRefused() => Assert.Equal($"{PathOf("no.yaml")}: there is no such file", Error(PathOf("no.yaml")));

    [Fact]
    public void DirectoryWithoutFiles_IsRefused() => Assert.Equal($"{_directory.Path}: there is no file in it that ends with .yaml, .yml, .json", Error(_directory.Path));

    [Fact]
    public void LinkToNowhere_IsRefused()
    {
        File.CreateSymbolicLink(PathOf("b.yaml"), PathOf("nowhere"));
        Assert.Equal($"{PathOf("b.yaml")}: there is no such file", Error(PathOf("b.yaml")));
        Assert.Equal($"{PathOf("b.yaml")}: there is no such file", Error(_directory.Path));
    }

    [Fact]
    public void LinksInACircle_AreRefused()
    {
        File.CreateSymbolicLink(PathOf("b.yaml"), PathOf("c.yaml"));
        File.CreateSymbolicLink(PathOf("c.yaml"), PathOf("b.yaml"));
        Assert.StartsWith($"{PathOf("b.yaml")}: it cannot be read: ", Error(PathOf("b.yaml")), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/dev/zero")]
    [InlineData("/dev/null")]
    public void Device_IsRefused(string path) => Assert.Equal($"{path}: it cannot be read: '{path}' is not a regular file.", Error(path));

    [Fact]
    public async Task Fifo_IsRefusedWithoutWaitingForAWriter()
    {
        using (var mkfifo = Process.Start("mkfifo", PathOf("b.yaml")))
        {
            await mkfifo.WaitForExitAsync(TestContext.Current.CancellationToken);
        }

        var error = await Task.Run(() => Error(PathOf("b.yaml")), TestContext.Current.CancellationToken)
            .WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
        Assert.Contains("is not a regular file", error, StringComparison.Ordinal);
    }

    [Fact]
    public void TenMegabytes_AreRefused()
    {
        File.WriteAllText(PathOf("b.yaml"), new string('#', 10_000_000));
        Assert.Equal($"{PathOf("b.yaml")}: all files together are larger than 4194304 bytes", Error(PathOf("b.yaml")));
    }

    [Fact]
    public void FilesTooLargeTogether_AreRefused()
    {
        File.WriteAllText(PathOf("1.yaml"), new string('#', 3_000_000));
        File.WriteAllText(PathOf("2.yaml"), new string('#', 3_000_000));
        Assert.Equal($"{PathOf("2.yaml")}: all files together are larger than 4194304 bytes", Error(_directory.Path));
    }

    [Fact]
    public void TooManyFiles_AreRefused()
    {
        for (var i = 0; i <= BindingLimits.Files; i++)
        {
            File.WriteAllText(PathOf($"{i}.yaml"), "");
        }

        Assert.Equal($"{_directory.Path}: there are more than 1000 files in it", Error(_directory.Path));
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public void Changed_InWhicheverWay_IsSeenOnceItStaysTheSame(string way)
    {
        Write("b.yaml", "before");
        if (way == "ConfigMap")
        {
            MountConfigMap("before");
        }

        var changes = new BindingFiles.Changes(Files(way is "ConfigMap" ? PathOf("mount/b.yaml") : PathOf("b.yaml")));
        Assert.Equal(["before"], Names(changes.First));
        Assert.Null(changes.Next());

        Change(way);

        Assert.Null(changes.Next());
        Assert.Equal(["after"], Names(changes.Next()!));
        Assert.Null(changes.Next());
    }

    public static TheoryData<string> Ways => ["in place", "same size and time", "rename over", "delete and create", "link exchanged", "ConfigMap"];

    [Fact]
    public void WrittenInPieces_IsTakenWhenItIsWhole()
    {
        var file = Write("b.yaml", "before");
        var changes = new BindingFiles.Changes(Files(file));
        var after = Yaml("one") + "\n---\n" + Yaml("two");
        foreach (var length in new[] { 0, 10, Yaml("one").Length, after.Length })
        {
            File.WriteAllText(file, after[..length]);
            Assert.Null(changes.Next());
        }

        Assert.Equal(["one", "two"], Names(changes.Next()!));
    }

    [Fact]
    public void ChangedAndBack_IsNoChange()
    {
        var file = Write("b.yaml", "before");
        var changes = new BindingFiles.Changes(Files(file));
        Write("b.yaml", "after");
        Assert.Null(changes.Next());
        Write("b.yaml", "before");
        Assert.Null(changes.Next());
        Assert.Null(changes.Next());
    }

    [Fact]
    public void DeletedAndBack_IsToldBothTimes()
    {
        var file = Write("b.yaml", "before");
        var changes = new BindingFiles.Changes(Files(file));
        File.Delete(file);
        Assert.Null(changes.Next());
        Assert.Contains("no such file", Assert.Single(changes.Next()!.Errors).Message, StringComparison.Ordinal);
        Write("b.yaml", "before");
        Assert.Null(changes.Next());
        Assert.Equal(["before"], Names(changes.Next()!));
    }

    [Fact]
    public void Directory_FileAddedAndTakenAway_AreSeen()
    {
        Write("1.yaml", "a");
        var changes = new BindingFiles.Changes(Files(_directory.Path));
        Write("2.yaml", "b");
        Assert.Null(changes.Next());
        Assert.Equal(["a", "b"], Names(changes.Next()!));
        File.Move(PathOf("2.yaml"), PathOf("2.off"));
        Assert.Null(changes.Next());
        Assert.Equal(["a"], Names(changes.Next()!));
    }

    [Fact]
    public async Task WatchAsync_FileChanges_YieldsIt()
    {
        var file = Write("b.yaml", "before");
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        stop.CancelAfter(Wait.DefaultTimeout);
        await using var inputs = Files(file).WatchAsync(stop.Token).GetAsyncEnumerator(stop.Token);
        Assert.True(await inputs.MoveNextAsync());
        var before = inputs.Current;

        Write("b.yaml", "after");

        Assert.True(await inputs.MoveNextAsync());
        Assert.Equal(["after"], Names(inputs.Current));
        Assert.NotEqual(before.Revision, inputs.Current.Revision);
    }

    private static BindingFiles Files(string path) => new(path, TimeProvider.System);

    private static string Yaml(string name) => BindingSample.Yaml(name, "rules:\n- ruleID: R0001");

    private static string[] Names(BindingInput input)
    {
        var reading = BindingReader.Read("", input);
        Assert.Empty(reading.Errors);
        return [.. reading.Bindings.Select(static binding => binding.Name)];
    }

    private static string Error(string path) => Assert.Single(BindingReader.Read(path, Files(path).Read()).Errors).ToString();

    private string PathOf(string name) => Path.Combine(_directory.Path, name);

    private string Write(string name, string binding)
    {
        File.WriteAllText(PathOf(name), Yaml(binding));
        return PathOf(name);
    }

    private void Change(string way)
    {
        var file = PathOf("b.yaml");
        switch (way)
        {
            case "in place":
                Write("b.yaml", "after");
                break;
            case "same size and time":
                var (modified, size) = (File.GetLastWriteTimeUtc(file), new FileInfo(file).Length);
                File.WriteAllText(file, Yaml("after").PadRight((int)size));
                File.SetLastWriteTimeUtc(file, modified);
                Assert.Equal((modified, size), (File.GetLastWriteTimeUtc(file), new FileInfo(file).Length));
                break;
            case "rename over":
                File.Move(Write("new", "after"), file, overwrite: true);
                break;
            case "delete and create":
                File.Delete(file);
                Write("b.yaml", "after");
                break;
            case "link exchanged":
                Write("target", "after");
                File.Delete(file);
                File.CreateSymbolicLink(file, "target");
                break;
            default:
                MountConfigMap("after");
                break;
        }
    }

    /// <summary>As the kubelet does (pkg/volume/util/atomic_writer.go): a link to ..data, which is a link that is exchanged.</summary>
    private void MountConfigMap(string binding)
    {
        var mount = Directory.CreateDirectory(PathOf("mount")).FullName;
        var content = Directory.CreateDirectory(Path.Combine(mount, $"..{binding}")).FullName;
        File.WriteAllText(Path.Combine(content, "b.yaml"), Yaml(binding));
        if (!File.Exists(Path.Combine(mount, "b.yaml")))
        {
            File.CreateSymbolicLink(Path.Combine(mount, "b.yaml"), "..data/b.yaml");
        }

        File.CreateSymbolicLink(Path.Combine(mount, "..data_tmp"), $"..{binding}");

        // .NET's File.Move moves no link to a directory.
        using var move = Process.Start("mv", ["-T", Path.Combine(mount, "..data_tmp"), Path.Combine(mount, "..data")]);
        move.WaitForExit();
        Assert.Equal(0, move.ExitCode);
    }
}
