using System.Net;
using System.Net.Sockets;
using KubeCop.Testing;
using KubeCop.Testing.Node;

namespace KubeCop.Node.Tests.EndToEnd;

/// <summary>What keeps it from starting is told in words: what, where, and what to do.</summary>
public sealed class StartFaultTests
{
    [Theory]
    [InlineData("banana", "run", "--learning-period", "banana")]
    [InlineData("-5s", "run", "--learning-period", "-5s")]
    [InlineData("0s", "run", "--learning-period", "0s")]
    [InlineData("nowhere", "run", "--http", "nowhere")]
    [InlineData("127.0.0.1:99999", "run", "--http", "127.0.0.1:99999")]
    [InlineData("xml", "run", "--output", "xml")]
    [InlineData("--bogus", "run", "--bogus")]
    [InlineData("frobnicate", "frobnicate")]
    public async Task Options_Nonsense_AreRefusedByName(string named, params string[] arguments)
    {
        var result = await KubeCopProcess.RunVerbAsync(arguments);

        Assert.Equal(2, result.ExitCode);
        Assert.Contains(named, result.Error, StringComparison.Ordinal);
        Assert.Empty(result.Output);
    }

    [Fact]
    public async Task Verb_ThatNeedsASilo_ThereIsNone_ExitsWithThree()
    {
        using var directory = new TestDirectory();

        var result = await KubeCopProcess.RunVerbAsync("status", "--data-dir", directory.Path);

        Assert.Equal(3, result.ExitCode);
        Assert.Contains("kubecop run", result.Error, StringComparison.Ordinal);
    }

    [RealContainersFact]
    public async Task Port_Taken_IsNamed()
    {
        using var directory = new TestDirectory();
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var address = listener.LocalEndpoint.ToString()!;

        var result = await KubeCopProcess.RunVerbAsync("run", "--http", address, "--data-dir", directory.Combine("data"));

        AssertRefused(result, address);
    }

    [RealContainersFact]
    public async Task DataDirectory_HeldByAnotherInstance_IsNamed()
    {
        await using var first = await KubeCopProcess.StartAsync(new KubeCopOptions());

        var result = await KubeCopProcess.RunVerbAsync("run", "--http", "127.0.0.1:0", "--data-dir", first.DataDirectory);

        AssertRefused(result, first.DataDirectory);
        Assert.False(first.Process.HasExited, "The first instance ended too.");
    }

    [RealContainersFact]
    public async Task DataDirectory_Unwritable_IsNamed()
    {
        // Nobody can write there, not even root.
        const string Directory = "/proc/kubecop";

        AssertRefused(await KubeCopProcess.RunVerbAsync("run", "--http", "127.0.0.1:0", "--data-dir", Directory), Directory);
    }

    [RealContainersFact]
    public async Task DataDirectory_OnAFullDisk_IsNamed()
    {
        using var directory = new TestDirectory();

        // The mount namespace ends with the process, and the disk with it.
        var result = await Commands.TryRunAsync(
            "timeout",
            "60",
            "unshare",
            "--mount",
            "sh",
            "-c",
            "mount -t tmpfs -o size=64k full \"$1\" && { cat /dev/zero >\"$1/zeros\"; exec \"$0\" run --http 127.0.0.1:0 --data-dir \"$1/data\"; }",
            KubeCopProcess.Executable,
            directory.Path);

        AssertRefused(result, directory.Path);
    }

    [RealContainersFact]
    public async Task Run_WithoutPrivileges_SaysWhatItNeeds()
    {
        var result = await Commands.TryRunAsync(
            "setpriv",
            "--reuid=65534",
            "--regid=65534",
            "--clear-groups",
            "timeout",
            "60",
            KubeCopProcess.Executable,
            "run",
            "--http",
            "127.0.0.1:0",
            "--data-dir",
            $"/tmp/kubecop-nobody-{Environment.ProcessId}");

        AssertRefused(result, "root");
    }

    private static void AssertRefused(CommandResult result, string named)
    {
        Assert.True(result.ExitCode is 1 or 2, $"It exited with {result.ExitCode}: {result.Error}");
        Assert.Contains(named, result.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", result.Error, StringComparison.Ordinal);
        Assert.Empty(result.Output);
    }
}
