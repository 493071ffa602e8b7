using System.Collections.Concurrent;
using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using KubeCop.Core.Alerts;
using KubeCop.Core.Events;
using KubeCop.Core.Malware;
using KubeCop.Core.Workloads;
using KubeCop.Scanning;
using KubeCop.Scanning.Clamd;
using KubeCop.Scanning.Scans;
using KubeCop.Scanning.Walking;
using KubeCop.Testing;
using KubeCop.Tests.Core;
using Microsoft.Extensions.Logging.Abstractions;

namespace KubeCop.Tests.Scanning.Scans;

/// <summary>Programs that run, scanned through /proc.</summary>
public sealed class ExecutedFileScansTests : IRunningContainers, IAsyncDisposable
{
    private const int TextFileBusy = 26;

    private readonly TestDirectory _files = new();
    private readonly WordScanner _scanner = new() { Limit = 100 << 20 };
    private readonly ExecutedFileQueue _queue = new(new MalwareOptions { Address = "unix:/nowhere" });
    private readonly ConcurrentQueue<MalwareFinding> _found = new();
    private readonly List<Process> _processes = [];
    private readonly ExecutedFileScans _scans;

    public ExecutedFileScansTests()
    {
        _scans = new ExecutedFileScans(
            _queue, _scanner, new KnownFiles(), this, new HostRoot("/"), "node", TimeSpan.FromMinutes(1), (finding, _) => _found.Enqueue(finding), TimeProvider.System, NullLogger.Instance);
        _scans.Start();
    }

    IReadOnlyList<RunningContainer> IRunningContainers.List() => [];

    public async ValueTask DisposeAsync()
    {
        await _scans.DisposeAsync();
        foreach (var process in _processes)
        {
            process.Kill();
            await process.WaitForExitAsync();
            process.Dispose();
        }

        _files.Dispose();
    }

    [Fact]
    public async Task Program_ThatRuns_IsFoundAndSaysWhere()
    {
        var path = Write(WordScanner.Word);
        _queue.Submit(Executed(Start(path), path));

        var finding = await FoundAsync();

        Assert.Equal((WordScanner.Signature, new FileInfo(path).Length), (finding.Signature, finding.Size));
        var place = Assert.Single(finding.Places);
        Assert.Equal(("c0ffee", MalwareLayer.Upper, path, false), (place.Container.Id, place.Layer, place.Path, place.IsHidden));
        Assert.Equal(1, _queue[ExecutedFileResult.Found]);
    }

    [Fact]
    public async Task Program_DeletedWhileItRuns_IsFound()
    {
        var path = Write(WordScanner.Word);
        var process = Start(path);
        File.Delete(path);

        _queue.Submit(Executed(process, path));

        Assert.Equal(WordScanner.Signature, (await FoundAsync()).Signature);
    }

    [Fact]
    public async Task Script_IsFoundByItsPath_NotItsInterpreter()
    {
        var interpreter = Write("harmless");
        var script = _files.Combine("script");
        await File.WriteAllTextAsync(script, WordScanner.Word, TestContext.Current.CancellationToken);

        _queue.Submit(Executed(Start(interpreter), script));

        Assert.Equal(script, Assert.Single((await FoundAsync()).Places).Path);
    }

    [Fact]
    public async Task Program_StartedAgain_IsJudgedOnce()
    {
        var path = Write("harmless");
        var process = Start(path);
        _queue.Submit(Executed(process, path));
        _queue.Submit(Executed(process, path));

        await WaitAsync(ExecutedFileResult.Unchanged);
        await WaitAsync(ExecutedFileResult.Clean);

        Assert.Single(_scanner.Asked);
    }

    [Fact]
    public async Task Program_FileAndProcessGone_IsCounted()
    {
        var path = Write(WordScanner.Word);
        var process = Start(path);
        var executed = Executed(process, path);
        process.Kill();
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        File.Delete(path);

        _queue.Submit(executed);

        await WaitAsync(ExecutedFileResult.Gone);
        Assert.Empty(_scanner.Asked);
    }

    [Fact]
    public async Task Program_ProcessNumberUsedAgain_IsNotTakenForIt()
    {
        var path = Write(WordScanner.Word);
        var executed = Executed(Start(path), path);

        _queue.Submit(executed with { Key = executed.Key with { StartTime = executed.Key.StartTime - 20_000_000 } });

        await WaitAsync(ExecutedFileResult.Gone);
        Assert.Empty(_scanner.Asked);
    }

    [Fact]
    public async Task Program_ScannerAway_IsJudgedWhenItIsBack()
    {
        _scanner.Before = static asked =>
        {
            if (asked == 0)
            {
                throw new ClamdUnavailableException(ClamdState.Missing, "away");
            }
        };
        var path = Write(WordScanner.Word);
        _queue.Submit(Executed(Start(path), path));

        Assert.Equal(WordScanner.Signature, (await FoundAsync()).Signature);
    }

    [Fact]
    public void Queue_Full_CountsWhatIsDropped()
    {
        var queue = new ExecutedFileQueue(new MalwareOptions { Address = "unix:/nowhere" });
        var file = new ExecutedFile(Sample.Container, default, Nobody(), "/x", EventFlags.None, null);
        for (var i = 0; i < ExecutedFileQueue.Limit + 3; i++)
        {
            queue.Submit(file);
        }

        Assert.Equal(3, queue[ExecutedFileResult.QueueFull]);
    }

    [Theory]
    [InlineData("/a/b", "/a/b")]
    [InlineData(@"/c\xffd\x5cxyz", "/c\u00ffd\\xyz")]
    [InlineData(@"/back\slash\", @"/back\slash\")]
    public void Path_OfTheSensor_IsTheBytesThatTheKernelHas(string text, string bytes) =>
        Assert.Equal(Encoding.Latin1.GetBytes(bytes), PathText.Bytes(text));

    private static AlertProcess Nobody() => new()
    {
        Pid = 0,
        ParentPid = 0,
        Uid = 0,
        Gid = 0,
        Comm = "",
        Executable = "",
        Arguments = [],
        WorkingDirectory = "",
        StartTime = default,
        Ancestors = [],
    };

    private static ExecutedFile Executed(Process process, string path)
    {
        var stat = File.ReadAllText($"/proc/{process.Id}/stat");
        var ticks = long.Parse(stat[(stat.LastIndexOf(')') + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries)[19], CultureInfo.InvariantCulture);

        // The sensor's time is finer than what /proc shows.
        var key = new ProcessKey((uint)process.Id, (ticks * 10_000_000) + 1234);
        return new ExecutedFile(Sample.Container, key, Nobody(), path, EventFlags.FileUpperLayer, null);
    }

    private string Write(string tail)
    {
        var path = _files.Combine("program");
        File.Copy(KubeCop.Testing.Commands.Find("sleep")!, path);
        File.AppendAllText(path, tail);
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        return path;
    }

    // Once it is there it runs its program: Process.Start returns after the exec.
    private Process Start(string path)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                var process = Process.Start(path, "60");
                _processes.Add(process);
                return process;
            }
            catch (Win32Exception exception) when (exception.NativeErrorCode == TextFileBusy && attempt < 1000)
            {
                // Another test has forked while the file was being written: its child has it open until it runs its own program.
                Thread.Yield();
            }
        }
    }

    private async Task<MalwareFinding> FoundAsync() => (await Wait.UntilAsync(() => _found.ToArray(), static found => found.Length > 0, "finding"))[0];

    private Task WaitAsync(ExecutedFileResult result) => Wait.UntilAsync(() => _queue[result], static count => count > 0, $"program that is {result}");
}
