using System.Diagnostics;
using System.Threading.Channels;
using KubeCop.Testing;

namespace KubeCop.Cluster.Tests.Faults;

/// <summary>One process of a node: this test program in another part.</summary>
internal sealed class SiloProcess : IAsyncDisposable
{
    private static readonly TimeSpan AnswerTime = TimeSpan.FromMinutes(2);

    private readonly Process _process;
    private readonly Channel<string> _answers = Channel.CreateUnbounded<string>();
    private readonly SemaphoreSlim _asking = new(1);
    private readonly Task _reading;

    /// <param name="file">What it is to do; of a node its <see cref="Simulation"/>.</param>
    /// <param name="log">Where it appends what it says on standard error.</param>
    /// <param name="networkNamespace">The one it is in; null for the test's own.</param>
    /// <param name="verb">Which part this program plays: that of a whole node unless said otherwise.</param>
    public SiloProcess(string file, string log, string? networkNamespace, string verb = SiloPart.Verb)
    {
        var program = Path.Combine(AppContext.BaseDirectory, "KubeCop.Cluster.Tests");
        string[] command = [program, verb, file];
        if (networkNamespace is not null)
        {
            command = [Commands.Find("ip")!, "netns", "exec", networkNamespace, .. command];
        }

        var start = new ProcessStartInfo(command[0], command[1..]) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };

        // As the program itself has it: several of them share the machine's memory.
        start.Environment["DOTNET_gcServer"] = "0";
        start.Environment["DOTNET_gcConcurrent"] = "0";
        _process = Process.Start(start)!;
        _reading = Task.WhenAll(ReadAnswersAsync(), ReadErrorsAsync(log));
    }

    public Task Exited => _process.WaitForExitAsync();

    public bool HasExited => _process.HasExited;

    public int ExitCode => _process.ExitCode;

    /// <summary>Returns when it is ready.</summary>
    /// <returns>False when it has ended instead.</returns>
    public async Task<bool> WaitUntilReadyAsync()
    {
        try
        {
            await ReadAsync();
            return true;
        }
        catch (ChannelClosedException)
        {
            await Exited;
            return false;
        }
    }

    /// <summary>Gives a command and returns the answer.</summary>
    /// <exception cref="InvalidOperationException">It failed, or there is no process any more.</exception>
    public async Task<string> AskAsync(string command)
    {
        await _asking.WaitAsync();
        try
        {
            await _process.StandardInput.WriteLineAsync(command);
            await _process.StandardInput.FlushAsync();
            var answer = await ReadAsync();
            return answer.StartsWith("error ", StringComparison.Ordinal) ? throw new InvalidOperationException($"{command}: {answer}") : answer;
        }
        catch (Exception exception) when (exception is IOException or ChannelClosedException)
        {
            throw new InvalidOperationException($"{command}: the process has ended.", exception);
        }
        finally
        {
            _asking.Release();
        }
    }

    /// <summary>Sends SIGKILL and waits for the end.</summary>
    public async Task KillAsync()
    {
        _process.Kill();
        await Exited;
    }

    /// <summary>Sends SIGTERM and waits for the end.</summary>
    public async Task<int> TerminateAsync(TimeSpan limit)
    {
        await Commands.RunAsync("kill", "-TERM", $"{_process.Id}");
        await Exited.WaitAsync(limit);
        return ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            await KillAsync();
        }

        await _reading;
        _process.Dispose();
        _asking.Dispose();
    }

    private Task<string> ReadAsync() => _answers.Reader.ReadAsync().AsTask().WaitAsync(AnswerTime);

    private async Task ReadAnswersAsync()
    {
        while (await _process.StandardOutput.ReadLineAsync() is { } line)
        {
            if (line.StartsWith(SiloPart.AnswerPrefix, StringComparison.Ordinal))
            {
                _answers.Writer.TryWrite(line[SiloPart.AnswerPrefix.Length..]);
            }
        }

        _answers.Writer.Complete();
    }

    private async Task ReadErrorsAsync(string log)
    {
        await using var file = new StreamWriter(log, append: true) { AutoFlush = true };
        await file.WriteLineAsync($"--- process {_process.Id}");
        while (await _process.StandardError.ReadLineAsync() is { } line)
        {
            await file.WriteLineAsync(line);
        }
    }
}
