using System.Text;
using KubeCop.Storage;
using KubeCop.Storage.File;
using KubeCop.Testing.Storage;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Orleans.Storage;

namespace KubeCop.Tests.Storage.File;

public sealed class FileGrainStorageTests : IDisposable
{
    private static readonly GrainId Grain = GrainId.Create("workload", "default/Deployment/shop");

    private readonly TemporaryDirectory _directory = new();

    private string StatePath => Path.Combine(_directory.Path, "workload@default%2FDeployment%2Fshop@profile.state");

    public sealed record Sample(string Text);

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task Write_LeavesOneReadableFileForItsOwnerOnly()
    {
        var below = Path.Combine(_directory.Path, "grains");
        var written = await WriteAsync(FileStorageFixture.Open(below), null, "hello");
        var file = Assert.Single(Directory.EnumerateFileSystemEntries(below));
        Assert.Equal(Path.GetFileName(StatePath), Path.GetFileName(file));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, System.IO.File.GetUnixFileMode(file));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, System.IO.File.GetUnixFileMode(below));
        var lines = System.IO.File.ReadAllText(file).Split('\n', 2);
        Assert.StartsWith($"kubecop-state v1 {written.ETag} ", lines[0]);
        Assert.Equal("""{"Text":"hello"}""", lines[1]);
    }

    [Fact]
    public async Task Read_OfAFileTruncatedAnywhere_SetsItAsideAndNeverGivesWrongData()
    {
        var storage = FileStorageFixture.Open(_directory.Path);
        await WriteAsync(storage, null, "hello");
        var whole = System.IO.File.ReadAllBytes(StatePath);
        for (var length = 0; length < whole.Length; length++)
        {
            await ExpectSetAsideAsync(storage, whole[..length]);
        }
    }

    [Fact]
    public async Task Read_OfAFileWithOneByteChanged_NeverGivesWrongData()
    {
        var storage = FileStorageFixture.Open(_directory.Path);
        await WriteAsync(storage, null, "hello");
        var whole = System.IO.File.ReadAllBytes(StatePath);
        var version = Encoding.ASCII.GetString(whole).IndexOf("v1", StringComparison.Ordinal) + 1;
        for (var at = 0; at < whole.Length; at++)
        {
            var altered = (byte[])whole.Clone();
            altered[at] ^= 0x01;

            // Bit 0 of the version's '1' makes it a '0', which never was.
            Assert.NotEqual('2', (char)altered[version]);
            await ExpectSetAsideAsync(storage, altered);
        }
    }

    [Fact]
    public async Task Read_OfAForeignOrLongerFile_SetsItAside()
    {
        var storage = FileStorageFixture.Open(_directory.Path);
        await WriteAsync(storage, null, "hello");
        var whole = System.IO.File.ReadAllBytes(StatePath);
        await ExpectSetAsideAsync(storage, [.. whole, 0]);
        await ExpectSetAsideAsync(storage, """{"Text":"mine"}"""u8.ToArray());
        await ExpectSetAsideAsync(storage, new byte[100_000]);
    }

    [Fact]
    public async Task Write_OverADamagedFile_SetsItAsideAndKeepsTheState()
    {
        var storage = FileStorageFixture.Open(_directory.Path);
        var state = await WriteAsync(storage, null, "first");
        System.IO.File.WriteAllText(StatePath, "garbage");
        await WriteAsync(storage, state.ETag, "second");
        Assert.Equal("second", (await ReadAsync(storage)).State!.Text);
        Assert.Equal("garbage", System.IO.File.ReadAllText(Assert.Single(Directory.GetFiles(_directory.Path, "*.bad-*"))));
    }

    [Fact]
    public async Task AnyOperation_OnAFileOfALaterVersion_RefusesAndLeavesIt()
    {
        var storage = FileStorageFixture.Open(_directory.Path);
        System.IO.File.WriteAllText(StatePath, "kubecop-state v2 something else");
        foreach (var operation in new Func<Task>[] { () => ReadAsync(storage), () => WriteAsync(storage, null, "x"), () => ClearAsync(storage) })
        {
            var error = await Assert.ThrowsAsync<StorageException>(operation);
            Assert.Contains(StatePath, error.Cause);
            Assert.Contains("later version", error.Cause);
        }

        Assert.Equal("kubecop-state v2 something else", System.IO.File.ReadAllText(StatePath));
    }

    [Fact]
    public async Task Read_OfStateThatDoesNotFitItsType_RefusesAndLeavesTheFile()
    {
        var storage = FileStorageFixture.Open(_directory.Path);
        var other = new GrainState<int[]> { State = [1, 2] };
        await storage.WriteStateAsync("profile", Grain, other);
        var error = await Assert.ThrowsAsync<StorageException>(() => ReadAsync(storage));
        Assert.Contains(StatePath, error.Cause);
        Assert.True(System.IO.File.Exists(StatePath));
    }

    [Fact]
    public async Task Write_OnAFullDisk_SaysSoAndKeepsTheOldState()
    {
        using var disk = SmallDisk.TryMount(256);
        Assert.SkipWhen(disk is null, "mounting a tmpfs needs root");
        var storage = FileStorageFixture.Open(disk.Path);
        var state = await WriteAsync(storage, null, "old");
        var filler = disk.Fill();

        var error = await Assert.ThrowsAsync<StorageException>(() => WriteAsync(storage, state.ETag, new string('x', 100_000)));
        Assert.Contains("the disk is full", error.Cause);
        Assert.Contains(disk.Path, error.Remedy);
        Assert.Equal("old", (await ReadAsync(storage)).State!.Text);
        Assert.Empty(Directory.GetFiles(disk.Path, "*.tmp"));

        System.IO.File.Delete(filler);
        await WriteAsync(storage, state.ETag, "new");
        Assert.Equal("new", (await ReadAsync(storage)).State!.Text);
    }

    [Fact]
    public async Task Open_RemovesWhatInterruptedWritesLeft()
    {
        var storage = FileStorageFixture.Open(_directory.Path);
        await WriteAsync(storage, null, "kept");
        System.IO.File.WriteAllText(StatePath + ".tmp", "half");
        System.IO.File.WriteAllText(Path.Combine(_directory.Path, "notes.tmp"), "somebody's");
        FileStorageFixture.Open(_directory.Path);
        Assert.Equal(["notes.tmp", Path.GetFileName(StatePath)], Directory.GetFiles(_directory.Path).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task AddKubeCopFileStorage_RegistersAWorkingProviderWithTheSilosSerializer()
    {
        using var host = Build(_directory.Path);
        var storage = host.Services.GetRequiredKeyedService<IGrainStorage>("Default");
        await WriteAsync(storage, null, "hello");
        Assert.Equal("hello", (await ReadAsync(storage)).State!.Text);
        Assert.EndsWith("""{"Text":"hello"}""", System.IO.File.ReadAllText(StatePath));
    }

    [Fact]
    public void AddKubeCopFileStorage_WithoutADirectory_SaysWhatIsMissing()
    {
        using var host = Build("");
        var error = Assert.Throws<OptionsValidationException>(() => host.Services.GetRequiredKeyedService<IGrainStorage>("Default"));
        Assert.Contains("FileGrainStorageOptions.Directory", error.Message);
    }

    private static IHost Build(string directory) => new HostBuilder()
        .UseOrleans(silo => silo
            .UseLocalhostClustering()
            .UseSystemTextJsonGrainStorageSerializer()
            .AddKubeCopFileStorage("Default", options => options.Directory = directory))
        .Build();

    private async Task ExpectSetAsideAsync(FileGrainStorage storage, byte[] content)
    {
        System.IO.File.WriteAllBytes(StatePath, content);
        var error = await Assert.ThrowsAsync<StorageException>(() => ReadAsync(storage));
        Assert.Contains(StatePath, error.Cause);
        Assert.False((await ReadAsync(storage)).RecordExists, "The damaged file is still taken for the state.");
        var aside = Assert.Single(Directory.GetFiles(_directory.Path, "*.bad-*"));
        Assert.Contains(aside, error.Cause);
        Assert.Equal(content, System.IO.File.ReadAllBytes(aside));
        System.IO.File.Delete(aside);
    }

    private static async Task<GrainState<Sample>> ReadAsync(IGrainStorage storage)
    {
        var state = new GrainState<Sample>();
        await storage.ReadStateAsync("profile", Grain, state);
        return state;
    }

    private static async Task<GrainState<Sample>> WriteAsync(IGrainStorage storage, string? etag, string text)
    {
        var state = new GrainState<Sample> { State = new Sample(text), ETag = etag, RecordExists = etag is not null };
        await storage.WriteStateAsync("profile", Grain, state);
        return state;
    }

    private static Task ClearAsync(IGrainStorage storage) => storage.ClearStateAsync("profile", Grain, new GrainState<Sample>());
}
