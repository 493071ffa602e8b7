using System.Diagnostics;
using KubeCop.Tests;
using Xunit.Sdk;
using Xunit.v3;

[assembly: TestPipelineStartup(typeof(ChildProcessStartup))]

namespace KubeCop.Tests;

/// <summary>
/// This test program once more, playing a part instead of running tests, until it is killed: only a real kill -9 shows what a crash leaves.
/// </summary>
internal sealed class ChildProcess : IDisposable
{
    public const string PartVariable = "KUBECOP_TEST_PART";
    public const string ArgumentVariable = "KUBECOP_TEST_ARGUMENT";

    // Tells the part's lines from what the test runner says.
    private const string Prefix = "part: ";

    private readonly Process _process;

    private ChildProcess(Process process) => _process = process;

    public int Id => _process.Id;

    /// <param name="part">One of <see cref="ChildProcessStartup.Parts"/>.</param>
    public static ChildProcess Start(string part, string argument)
    {
        var start = new ProcessStartInfo("dotnet", ["exec", typeof(ChildProcess).Assembly.Location]) { RedirectStandardOutput = true };
        start.Environment[PartVariable] = part;
        start.Environment[ArgumentVariable] = argument;
        return new ChildProcess(Process.Start(start)!);
    }

    /// <summary>For the part: tells the parent.</summary>
    public static void Say(string line) => Console.WriteLine(Prefix + line);

    /// <summary>The next line the part says.</summary>
    public async Task<string> ReadLineAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            var line = await _process.StandardOutput.ReadLineAsync(cancellationToken).AsTask().WaitAsync(TimeSpan.FromMinutes(1), cancellationToken)
                ?? throw new InvalidOperationException("The child process ended by itself; its standard error says why.");
            if (line.StartsWith(Prefix, StringComparison.Ordinal))
            {
                return line[Prefix.Length..];
            }
        }
    }

    /// <summary>Sends SIGKILL.</summary>
    /// <returns>What it said before and was not read yet.</returns>
    public async Task<IReadOnlyList<string>> KillAsync()
    {
        _process.Kill();
        var rest = await _process.StandardOutput.ReadToEndAsync();
        await _process.WaitForExitAsync();

        // A last line without its end was cut by the kill.
        return [.. rest.Split('\n')[..^1].Where(static line => line.StartsWith(Prefix, StringComparison.Ordinal)).Select(static line => line[Prefix.Length..])];
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            _process.WaitForExit();
        }

        _process.Dispose();
    }
}

/// <summary>Runs before the tests do, and in a child process instead of them.</summary>
internal sealed class ChildProcessStartup : ITestPipelineStartup
{
    public static readonly IReadOnlyDictionary<string, Func<string, Task>> Parts = new Dictionary<string, Func<string, Task>>
    {
        [nameof(Storage.DataDirectoryTests.Hold)] = Storage.DataDirectoryTests.Hold,
        [nameof(Storage.File.FileGrainStorageCrashTests.WriteForever)] = Storage.File.FileGrainStorageCrashTests.WriteForever,
        [nameof(Sensor.Journal.BehaviourJournalCrashTests.AppendForever)] = Sensor.Journal.BehaviourJournalCrashTests.AppendForever,
    };

    public async ValueTask StartAsync(IMessageSink diagnosticMessageSink)
    {
        if (Environment.GetEnvironmentVariable(ChildProcess.PartVariable) is { } part)
        {
            await Parts[part](Environment.GetEnvironmentVariable(ChildProcess.ArgumentVariable)!);
            Environment.Exit(0);
        }
    }

    public ValueTask StopAsync() => ValueTask.CompletedTask;
}
