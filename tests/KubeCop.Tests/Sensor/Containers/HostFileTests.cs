using System.Runtime.InteropServices;
using KubeCop.Sensor.Containers;

namespace KubeCop.Tests.Sensor.Containers;

public sealed partial class HostFileTests : IDisposable
{
    private readonly Scratch _host = new();

    public void Dispose() => _host.Dispose();

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(4097)]
    [InlineData(100_000)]
    public void Read_FileUpToTheLimit_IsWhole(int length)
    {
        _host.Write("a", new string('x', length));
        Assert.Equal(length, HostFile.Read($"{_host.Path}/a", 100_000)?.Length);
    }

    [Fact]
    public void Read_LargerThanTheLimit_SaysWhichFileAndLimit()
    {
        _host.Write("a", new string('x', 5001));
        var error = Assert.Throws<IOException>(() => HostFile.Read($"{_host.Path}/a", 5000));
        Assert.Contains($"'{_host.Path}/a' is larger than 5000 bytes", error.Message, StringComparison.Ordinal);
        Assert.Equal(5000, HostFile.ReadBeginning($"{_host.Path}/a", 5000, out var truncated)?.Length);
        Assert.True(truncated);
    }

    [Fact]
    public void Read_NoSuchFile_IsNull() => Assert.Null(HostFile.Read($"{_host.Path}/none/a", 100));

    [Fact]
    public void Read_SymbolicLink_IsRefused()
    {
        _host.Write("secret", "x");
        File.CreateSymbolicLink($"{_host.Path}/a", $"{_host.Path}/secret");
        Assert.Throws<IOException>(() => HostFile.Read($"{_host.Path}/a", 100));
    }

    [Fact]
    public void Read_PipeWithoutWriter_IsRefusedAtOnce()
    {
        Assert.Equal(0, MakePipe($"{_host.Path}/a", 0x180));
        var error = Assert.Throws<IOException>(() => HostFile.Read($"{_host.Path}/a", 100));
        Assert.Contains("not a regular file", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_Directory_IsRefused() => Assert.Throws<IOException>(() => HostFile.Read(_host.Path, 100));

    [LibraryImport("libc", EntryPoint = "mkfifo", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int MakePipe(string path, uint mode);
}
