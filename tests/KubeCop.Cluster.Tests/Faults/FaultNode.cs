using System.Globalization;
using System.Text.Json;
using KubeCop.Testing;

namespace KubeCop.Cluster.Tests.Faults;

/// <summary>A kill -9 of a node's process.</summary>
/// <param name="At">Just before it was sent.</param>
/// <param name="Until">When the process had ended.</param>
internal sealed record Kill(DateTimeOffset At, DateTimeOffset Until);

/// <summary>
/// A node of a test's cluster: its data, and its processes one after the other. As a supervisor does, it starts again what has ended by
/// itself, and complains of that.
/// </summary>
internal sealed class FaultNode(string directory, Simulation simulation, string? networkNamespace, Action<string> tell) : IAsyncDisposable
{
    private static readonly TimeSpan StartTime = TimeSpan.FromMinutes(3);

    /// <summary>Ten times what the program promises.</summary>
    private static readonly TimeSpan StopTime = TimeSpan.FromSeconds(50);

    private readonly SemaphoreSlim _changing = new(1);
    private readonly CancellationTokenSource _disposing = new();
    private volatile string _storage = "storage 0 0";
    private SiloProcess? _process;
    private Task _supervising = Task.CompletedTask;

    public string Name => simulation.Node;

    /// <summary>What its processes said on standard error.</summary>
    public string Log => Path.Combine(directory, $"{Name}.log");

    public List<Kill> Kills { get; } = [];

    /// <summary>What went as it must not.</summary>
    public List<string> Complaints { get; } = [];

    public async Task StartAsync()
    {
        simulation.Write(SimulationFile);
        await _changing.WaitAsync();
        try
        {
            await StartProcessAsync();
        }
        finally
        {
            _changing.Release();
        }

        _supervising = SuperviseAsync();
    }

    /// <summary>Kills it and starts it again.</summary>
    /// <param name="down">How long it stays away.</param>
    public Task KillAsync(TimeSpan down) => ReplaceAsync(async process =>
    {
        var at = DateTimeOffset.UtcNow;
        await process.KillAsync();
        Kills.Add(new Kill(at, DateTimeOffset.UtcNow));
        tell($"{Name} killed, away for {down.TotalSeconds:0.0} s");
        await Task.Delay(down);
    });

    /// <summary>Has it end in order and starts it again.</summary>
    public Task RollAsync() => ReplaceAsync(async process =>
    {
        var exitCode = await process.TerminateAsync(StopTime);
        tell($"{Name} rolled, exit code {exitCode}");
        if (exitCode != 0)
        {
            Complaints.Add($"{Name} exited with {exitCode} after SIGTERM.");
        }
    });

    public async Task<string> AskAsync(string command)
    {
        await _changing.WaitAsync();
        try
        {
            return await _process!.AskAsync(command);
        }
        finally
        {
            _changing.Release();
        }
    }

    /// <summary>Waits until its silo has learned that it was declared dead, and another one has its place. A short cut may go unnoticed: not for long.</summary>
    /// <param name="before">What it said of its silo before.</param>
    public async Task UntilReplacedAsync(string before)
    {
        try
        {
            await Wait.UntilAsync(() => AskAsync("silo"), answer => answer != before, $"{Name} with another silo", TimeSpan.FromSeconds(30));
        }
        catch (TimeoutException)
        {
            tell($"{Name} was not declared dead");
        }
    }

    /// <summary>Waits until its silo is a member of the cluster, or runs alone.</summary>
    /// <param name="state">As <see cref="NodeReport.Silo"/> has it.</param>
    public async Task UntilSiloIsAsync(string state)
    {
        await Wait.UntilAsync(() => AskAsync("silo"), answer => answer.Split(' ')[0] == state, $"{Name} whose silo is {state}", TimeSpan.FromMinutes(10));
        tell($"{Name} is {state}");
    }

    /// <summary>Waits until it has said something on standard error.</summary>
    public Task UntilLogHasAsync(string text) => Wait.UntilAsync(() => File.ReadAllText(Log), log => log.Contains(text, StringComparison.Ordinal), $"'{text}' in the log of {Name}");

    /// <summary>Has something started there that its workload never did, in a new container.</summary>
    /// <returns>How long it took until there was an alert of that.</returns>
    public async Task<TimeSpan> AttackAsync(string program) => TimeSpan.FromMilliseconds(int.Parse(await AskAsync($"attack {program}"), CultureInfo.InvariantCulture));

    /// <summary>Has this and every later process do something to its storage.</summary>
    public async Task SetStorageAsync(string command)
    {
        _storage = command;
        try
        {
            await AskAsync(command);
        }
        catch (InvalidOperationException)
        {
            // It has just ended; the next process is told.
        }
    }

    /// <returns>Null when it cannot answer now.</returns>
    public async Task<NodeReport?> ReportAsync()
    {
        try
        {
            return JsonSerializer.Deserialize<NodeReport>(await AskAsync("report"));
        }
        catch (InvalidOperationException exception)
        {
            tell($"{Name}: {exception.Message}");
            return null;
        }
    }

    public async Task<IReadOnlyList<ReportedProfile>> ProfilesAsync()
    {
        var file = Path.Combine(directory, $"{Name}.profiles");
        await AskAsync($"profiles {file}");
        return JsonSerializer.Deserialize<IReadOnlyList<ReportedProfile>>(await File.ReadAllTextAsync(file))!;
    }

    public IEnumerable<Emission> Emissions => EmissionLog.Read(simulation.EmissionLog);

    public async ValueTask DisposeAsync()
    {
        await _disposing.CancelAsync();
        await _supervising.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (_process is not null)
        {
            await _process.DisposeAsync();
        }

        _disposing.Dispose();
        _changing.Dispose();
    }

    private string SimulationFile => Path.Combine(directory, $"{Name}.json");

    private async Task ReplaceAsync(Func<SiloProcess, Task> end)
    {
        await _changing.WaitAsync();
        try
        {
            await end(_process!);
            await StartProcessAsync();
        }
        finally
        {
            _changing.Release();
        }
    }

    /// <summary>Tries until one is ready: a process that cannot start, as without its storage, ends and is started again.</summary>
    private async Task StartProcessAsync()
    {
        var started = TimeProvider.System.GetTimestamp();
        while (true)
        {
            if (_process is not null)
            {
                await _process.DisposeAsync();
            }

            _process = new SiloProcess(SimulationFile, Log, networkNamespace);
            if (await _process.WaitUntilReadyAsync())
            {
                await _process.AskAsync(_storage);
                tell($"{Name} ready after {TimeProvider.System.GetElapsedTime(started).TotalSeconds:0.0} s");
                return;
            }

            tell($"{Name} did not start, exit code {_process.ExitCode}");
            if (TimeProvider.System.GetElapsedTime(started) > StartTime)
            {
                throw new TimeoutException($"{Name} did not start within {StartTime.TotalSeconds} s. {await File.ReadAllTextAsync(Log)}");
            }

            await Task.Delay(TimeSpan.FromSeconds(1), _disposing.Token);
        }
    }

    private async Task SuperviseAsync()
    {
        while (true)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(100), _disposing.Token);
            if (!_process!.HasExited || !await _changing.WaitAsync(0))
            {
                continue;
            }

            try
            {
                if (_process.HasExited)
                {
                    var exitCode = _process.ExitCode;
                    tell($"{Name} ended by itself, exit code {exitCode}");
                    Complaints.Add($"{Name} ended by itself with exit code {exitCode}: whatever becomes of its silo, the node goes on.");

                    await StartProcessAsync();
                }
            }
            finally
            {
                _changing.Release();
            }
        }
    }
}
