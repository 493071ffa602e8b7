using System.Diagnostics;
using System.Text;
using KubeCop.Testing;
using KubeCop.Testing.Malware;

namespace KubeCop.Tests.Scanning;

/// <summary>tools/clamav-database, with databases made by sigtool and loaded by clamscan.</summary>
public sealed class ClamavDatabaseTests : IDisposable
{
    private const string Prefix = "kubecop-sample-";

    private readonly TestDirectory _directory = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private string From => _directory.Combine("from");

    private string To => _directory.Combine("to");

    [Fact]
    public async Task Reduce_ADatabase_KeepsWhatMattersOnLinux()
    {
        await BuildAsync("daily", 7, "Win.Trojan.A", "PUA.Win.B", "Osx.C", "Unix.Trojan.Darwin.D", "Multios.Win.E", "Php.Webshell.F", "Eicar-Test-G");

        await ReduceAsync(0);

        Assert.Equal(["Eicar-Test-G", "Multios.Win.E", "Php.Webshell.F", "Unix.Hash", "Unix.Trojan.Darwin.D"], await ListAsync());
        Assert.Contains("Unix.Trojan.Darwin.D", await ScanAsync($"{Prefix}Unix.Trojan.Darwin.D"), StringComparison.Ordinal);
        Assert.Contains(": OK", await ScanAsync($"{Prefix}Win.Trojan.A"), StringComparison.Ordinal);
        Assert.Equal([Path.Combine(To, "daily.cud"), Path.Combine(To, "daily.cud.from")], Directory.EnumerateFileSystemEntries(To).Order(StringComparer.Ordinal));
    }

    /// <summary>clamd shows the version and the time, and people judge by them how old the signatures are.</summary>
    [Fact]
    public async Task Reduce_ADatabase_KeepsItsVersionAndTime()
    {
        await BuildAsync("daily", 7, "Unix.A", "Win.B");
        var before = await HeaderAsync(From);

        await ReduceAsync(0);

        var after = await HeaderAsync(To);
        Assert.Equal((before[1], "7", before[8]), (after[1], after[2], after[8]));
    }

    [Fact]
    public async Task Reduce_Again_OnlyWhenTheDatabaseIsAnother()
    {
        await BuildAsync("daily", 7, "Unix.A");
        await ReduceAsync(0);
        Assert.Contains("there already", await ReduceAsync(0), StringComparison.Ordinal);

        await BuildAsync("daily", 8, "Unix.A", "Unix.B");
        await ReduceAsync(0);

        Assert.Equal(["Unix.A", "Unix.B", "Unix.Hash"], await ListAsync());
    }

    [Fact]
    public async Task Reduce_WhatCannotBe_SaysWhyAndLeavesWhatIsThere()
    {
        DebianClamd.SkipWithout();
        Assert.Contains("there is no directory", await ReduceAsync(1), StringComparison.Ordinal);
        Directory.CreateDirectory(From);
        Assert.Contains("run freshclam first", await ReduceAsync(1), StringComparison.Ordinal);
        await BuildAsync("daily", 7, "Unix.A");
        await ReduceAsync(0);

        await File.WriteAllTextAsync(Path.Combine(From, "daily.cud"), "garbage", Cancellation);

        Assert.Contains("is no database of ClamAV", await ReduceAsync(1), StringComparison.Ordinal);
        Assert.Equal(["Unix.A", "Unix.Hash"], await ListAsync());
    }

    public void Dispose() => _directory.Dispose();

    private async Task BuildAsync(string name, int version, params string[] signatures)
    {
        DebianClamd.SkipWithout();
        var source = Directory.CreateDirectory(_directory.Combine($"source-{version}")).FullName;
        Directory.CreateDirectory(Path.Combine(source, "empty"));
        var lines = signatures.Select(static signature => $"{signature}:0:*:{Convert.ToHexStringLower(Encoding.ASCII.GetBytes(Prefix + signature))}\n");
        await File.WriteAllTextAsync(Path.Combine(source, $"{name}.ndb"), string.Concat(lines), Cancellation);
        await File.WriteAllTextAsync(Path.Combine(source, $"{name}.hdb"), $"{new string('a', 32)}:5:Win.Hash\n{new string('b', 32)}:5:Unix.Hash\n", Cancellation);
        await File.WriteAllTextAsync(Path.Combine(source, "COPYING"), "", Cancellation);
        await RunAsync(0, DebianClamd.PathOf("usr/bin/sigtool"), source, $"--datadir={source}/empty", "--unsigned", $"--cvd-version={version}", $"--build={name}.cud");
        Directory.CreateDirectory(From);
        File.Move(Path.Combine(source, $"{name}.cud"), Path.Combine(From, $"{name}.cud"), overwrite: true);
    }

    private Task<string> ReduceAsync(int exitCode) => RunAsync(exitCode, FindTool(), _directory.Path, From, To);

    private async Task<string[]> ListAsync()
    {
        var list = await RunAsync(0, DebianClamd.PathOf("usr/bin/sigtool"), _directory.Path, $"--list-sigs={Path.Combine(To, "daily.cud")}");
        return [.. list.Split('\n', StringSplitOptions.RemoveEmptyEntries).Order(StringComparer.Ordinal)];
    }

    private async Task<string> ScanAsync(string content)
    {
        var file = _directory.Combine("scanned");
        await File.WriteAllTextAsync(file, content, Cancellation);
        return await RunAsync(null, DebianClamd.PathOf("usr/bin/clamscan"), _directory.Path, "--no-summary", $"--database={To}", file);
    }

    private static async Task<string[]> HeaderAsync(string directory)
    {
        var bytes = await File.ReadAllBytesAsync(Path.Combine(directory, "daily.cud"), Cancellation);
        return Encoding.ASCII.GetString(bytes.AsSpan(0, 512)).Trim().Split(':');
    }

    private static string FindTool()
    {
        for (var at = new DirectoryInfo(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            if (File.Exists(Path.Combine(at.FullName, "tools/clamav-database")))
            {
                return Path.Combine(at.FullName, "tools/clamav-database");
            }
        }

        throw new FileNotFoundException("tools/clamav-database is not above the tests.");
    }

    private static async Task<string> RunAsync(int? exitCode, string program, string directory, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = directory,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            Environment = { ["SIGTOOL"] = DebianClamd.PathOf("usr/bin/sigtool"), ["SIGNDUSER"] = "test", ["LC_ALL"] = "C" },
        };
        foreach (var (name, value) in DebianClamd.Environment)
        {
            start.Environment[name] = value;
        }

        using var process = Process.Start(start)!;
        process.StandardInput.Close();
        var output = process.StandardOutput.ReadToEndAsync(Cancellation);
        var error = process.StandardError.ReadToEndAsync(Cancellation);
        await process.WaitForExitAsync(Cancellation);
        var said = await output + await error;
        Assert.True(exitCode is null || process.ExitCode == exitCode, $"{program} {string.Join(' ', arguments)} ended with {process.ExitCode}: {said}");
        return said;
    }
}
