using System.Diagnostics;
using System.Globalization;

namespace KubeCop.Testing;

/// <summary>
/// A directory that ends with its test. Its name carries the pid of the test run, so that the next run can clear away what a killed
/// one left: the directory, and processes that were started with it in their command line.
/// </summary>
public sealed class TestDirectory : IDisposable
{
    private const string Prefix = "kubecop-test-";

    private static int _count;

    static TestDirectory() => ClearAwayDeadRuns();

    public TestDirectory()
    {
        Path = Directory.CreateDirectory($"{Root}{Environment.ProcessId}-{Interlocked.Increment(ref _count)}").FullName;
    }

    public string Path { get; }

    private static string Root => System.IO.Path.Combine(System.IO.Path.GetTempPath(), Prefix);

    public string Combine(string name) => System.IO.Path.Combine(Path, name);

    public void Dispose()
    {
        if (Directory.Exists(Path))
        {
            try
            {
                Directory.Delete(Path, recursive: true);
            }
            catch (IOException)
            {
                // .NET deletes no names that are not UTF-8.
                using var remove = Process.Start("rm", ["-rf", Path]);
                remove.WaitForExit();
            }
        }
    }

    private static void ClearAwayDeadRuns()
    {
        foreach (var directory in Directory.EnumerateDirectories(System.IO.Path.GetTempPath(), $"{Prefix}*"))
        {
            var owner = directory[Root.Length..].Split('-')[0];
            if (!int.TryParse(owner, CultureInfo.InvariantCulture, out var pid) || Directory.Exists($"/proc/{pid}"))
            {
                continue;
            }

            foreach (var process in Process.GetProcesses().Where(process => CommandLineOf(process).Contains($"{directory}/", StringComparison.Ordinal)))
            {
                process.Kill();
            }

            try
            {
                Directory.Delete(directory, recursive: true);
            }
            catch (IOException)
            {
                // Its own guard is still removing it, or a file system is mounted there: the next run tries again.
            }
        }
    }

    private static string CommandLineOf(Process process)
    {
        try
        {
            return File.ReadAllText($"/proc/{process.Id}/cmdline");
        }
        catch (IOException)
        {
            // It has ended.
            return "";
        }
    }
}
