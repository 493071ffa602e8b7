using KubeCop.Storage;
using KubeCop.Testing.Storage;

namespace KubeCop.Tests.Storage;

public sealed class DataDirectoryTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    private string Absent => Path.Combine(_directory.Path, "var", "kubecop");

    public void Dispose() => _directory.Dispose();

    /// <summary>The part of a child process: holds the directory until it is killed.</summary>
    internal static async Task Hold(string path)
    {
        using var held = DataDirectory.Open(path);
        ChildProcess.Say("held");
        await Task.Delay(Timeout.Infinite);
    }

    [Fact]
    public void Open_OfAnAbsentDirectory_CreatesItForItsOwnerOnly()
    {
        using var data = DataDirectory.Open(Absent);
        Assert.Equal(Absent, data.FullPath);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, System.IO.File.GetUnixFileMode(Absent));
        Assert.Equal(["lock"], Directory.EnumerateFileSystemEntries(Absent).Select(Path.GetFileName));
    }

    [Fact]
    public void Open_OfAnExistingDirectory_LeavesItsModeAlone()
    {
        var mode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupRead | UnixFileMode.GroupExecute;
        System.IO.File.SetUnixFileMode(_directory.Path, mode);
        using var data = DataDirectory.Open(_directory.Path);
        Assert.Equal(mode, System.IO.File.GetUnixFileMode(_directory.Path));
    }

    [Fact]
    public void Open_WhileHeld_NamesTheHolderAndTheRemedy()
    {
        using (DataDirectory.Open(_directory.Path))
        {
            var error = Assert.Throws<StorageException>(() => DataDirectory.Open(_directory.Path));
            Assert.Contains($"held by pid {Environment.ProcessId}", error.Message);
            Assert.Contains("--data-dir", error.Remedy);
        }

        DataDirectory.Open(_directory.Path).Dispose();
    }

    [Fact]
    public async Task Open_AfterTheHolderWasKilled_Succeeds()
    {
        using var holder = ChildProcess.Start(nameof(Hold), _directory.Path);
        Assert.Equal("held", await holder.ReadLineAsync(TestContext.Current.CancellationToken));
        var error = Assert.Throws<StorageException>(() => DataDirectory.Open(_directory.Path));
        Assert.Contains($"held by pid {holder.Id}", error.Message);

        await holder.KillAsync();
        DataDirectory.Open(_directory.Path).Dispose();
    }

    [Fact]
    public void Open_OfAFile_SaysSo()
    {
        var file = Path.Combine(_directory.Path, "file");
        System.IO.File.WriteAllText(file, "");
        Assert.Contains($"{file} is a file, not a directory", Assert.Throws<StorageException>(() => DataDirectory.Open(file)).Message);
        Assert.Contains("cannot be used", Assert.Throws<StorageException>(() => DataDirectory.Open(Path.Combine(file, "below"))).Message);
    }

    [Fact]
    public void Open_WhereNoDirectoryCanBeMade_SaysSo()
    {
        var error = Assert.Throws<StorageException>(() => DataDirectory.Open("/proc/kubecop"));
        Assert.Equal("The data directory /proc/kubecop cannot be used: it is not there and cannot be made.", error.Cause);
    }

    [Fact]
    public void Open_OnAFullDisk_SaysHowMuchIsFreeAndNeeded()
    {
        using var disk = MountOrSkip(2048);
        disk.Fill();
        var error = Assert.Throws<StorageException>(() => DataDirectory.Open(disk.Path));
        Assert.Contains("is full: 0 KiB are free, at least 1024 KiB are needed", error.Message);
    }

    [Fact]
    public void Open_OnAReadOnlyDisk_SaysSo()
    {
        using var disk = MountOrSkip(2048);
        disk.RemountReadOnly();
        Assert.Contains("the file system is read-only", Assert.Throws<StorageException>(() => DataDirectory.Open(disk.Path)).Message);
        Assert.Contains("the file system is read-only", Assert.Throws<StorageException>(() => DataDirectory.Open(Path.Combine(disk.Path, "below"))).Message);
    }

    private static SmallDisk MountOrSkip(int kibibytes)
    {
        var disk = SmallDisk.TryMount(kibibytes);
        Assert.SkipWhen(disk is null, "mounting a tmpfs needs root");
        return disk!;
    }
}
