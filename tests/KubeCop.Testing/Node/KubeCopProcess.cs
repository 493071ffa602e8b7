using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;

namespace KubeCop.Testing.Node;

/// <summary>A running <c>kubecop run</c>: the built program as a process, as its users have it.</summary>
public sealed class KubeCopProcess : IAsyncDisposable
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { RespectRequiredConstructorParameters = true };

    private readonly KubeCopOptions _options;
    private readonly TestDirectory? _ownDirectory;
    private readonly ConcurrentQueue<AlertView> _alerts = new();
    private readonly ConcurrentQueue<string> _notAlerts = new();
    private readonly ConcurrentQueue<string> _errors = new();
    private readonly Task _reading;
    private HttpClient? _http;

    private KubeCopProcess(KubeCopOptions options)
    {
        _options = options;
        _ownDirectory = options.DataDirectory is null ? new TestDirectory() : null;
        DataDirectory = options.DataDirectory ?? _ownDirectory!.Combine("data");

        // A left-over of an instance that was killed would be taken for the new one's.
        if (File.Exists(AddressFile))
        {
            File.Delete(AddressFile);
        }

        Process = Start(
            [
                "run", "--output", "json", "--data-dir", DataDirectory, "--http", options.Http, "--learning-period", options.LearningPeriod,
                .. options.MoreArguments,
            ],
            options.HostRoot,
            options.Settings);
        _reading = Task.WhenAll(ReadAlertsAsync(), ReadErrorsAsync());
    }

    /// <summary>The built program: what the tests were built with, unless <c>KUBECOP_EXECUTABLE</c> names another.</summary>
    public static string Executable { get; } = Environment.GetEnvironmentVariable("KUBECOP_EXECUTABLE") is { Length: > 0 } path
        ? path
        : Path.Combine(AppContext.BaseDirectory, "kubecop");

    public Process Process { get; }

    public string DataDirectory { get; }

    /// <summary>The alerts so far, in the order of the lines.</summary>
    public IReadOnlyList<AlertView> Alerts => [.. _alerts];

    /// <summary>Lines of standard output that are no alerts; nothing may be here.</summary>
    public IReadOnlyList<string> OtherOutput => [.. _notAlerts];

    /// <summary>Standard error so far.</summary>
    public string Errors => string.Join('\n', _errors);

    /// <summary>Shows the silo's token, as the verbs do where they need it.</summary>
    public HttpClient Http => _http ?? throw new InvalidOperationException("It is not ready.");

    private string AddressFile => Path.Combine(DataDirectory, "http-address");

    /// <summary>Starts it and returns when it is ready to detect.</summary>
    public static async Task<KubeCopProcess> StartAsync(KubeCopOptions options)
    {
        var kubecop = new KubeCopProcess(options);
        try
        {
            await kubecop.WaitUntilReadyAsync();
            return kubecop;
        }
        catch
        {
            await kubecop.DisposeAsync();
            throw;
        }
    }

    /// <summary>Runs any verb to its end.</summary>
    public static async Task<CommandResult> RunVerbAsync(params IEnumerable<string> arguments)
    {
        using var process = Start(arguments, hostRoot: "/", new Dictionary<string, string>());
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEndAsync();
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        try
        {
            await process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill();
            throw new TimeoutException($"kubecop {string.Join(' ', arguments)} did not end within 60 s. {await output}{await error}");
        }

        return new CommandResult(process.ExitCode, await output, await error);
    }

    /// <summary>Starts another one on the same data directory, after this one has ended.</summary>
    public async Task<KubeCopProcess> RestartAsync()
    {
        await Process.WaitForExitAsync();
        return await StartAsync(_options with { DataDirectory = DataDirectory });
    }

    /// <summary>Ends it as a power cut would.</summary>
    public async Task KillAsync()
    {
        Process.Kill();
        await Process.WaitForExitAsync();
    }

    /// <summary>Asks it to end, as a service manager does.</summary>
    /// <returns>Its exit code and how long it took.</returns>
    public async Task<(int ExitCode, TimeSpan Elapsed)> TerminateAsync()
    {
        var watch = Stopwatch.StartNew();
        await Commands.RunAsync("kill", "-TERM", $"{Process.Id}");
        await Process.WaitForExitAsync().WaitAsync(Wait.DefaultTimeout);
        var elapsed = watch.Elapsed;
        await _reading;
        return (Process.ExitCode, elapsed);
    }

    public Task<JsonElement> GetAsync(string path) => Http.GetFromJsonAsync<JsonElement>(path, Json);

    /// <summary>A profile by its workload; null while there is none.</summary>
    public async Task<ProfileView?> GetProfileAsync(string @namespace, string workload, string kind = "container")
    {
        using var answer = await Http.GetAsync($"/api/v1/profiles/{kind}-{workload}?namespace={Uri.EscapeDataString(@namespace)}");
        if (answer.StatusCode == HttpStatusCode.NotFound)
        {
            return null;
        }

        answer.EnsureSuccessStatusCode();
        return await answer.Content.ReadFromJsonAsync<ProfileView>(Json);
    }

    /// <summary>Waits for a profile that is as the test wants it.</summary>
    public async Task<ProfileView> WaitForProfileAsync(
        string @namespace, string workload, Func<ProfileView, bool> condition, string what, TimeSpan? timeout = null, string kind = "container") =>
        (await Wait.UntilAsync(() => GetProfileAsync(@namespace, workload, kind), profile => profile is not null && condition(profile), what, timeout))!;

    /// <summary>The alerts of one container, repeats left out.</summary>
    public IReadOnlyList<AlertView> AlertsOf(string containerId) => [.. Alerts.Where(alert => alert.Container.Id == containerId && alert.State == "new")];

    /// <summary>Waits for an alert of a container and returns the first.</summary>
    public async Task<AlertView> WaitForAlertAsync(string containerId, string what, Func<AlertView, bool> condition) =>
        (await Wait.UntilAsync(() => AlertsOf(containerId), alerts => alerts.Any(condition), $"{what} in container {containerId}")).First(condition);

    public async ValueTask DisposeAsync()
    {
        if (!Process.HasExited)
        {
            // Never SIGTERM here: a test that is about the end ends it itself, all others want it gone.
            Process.Kill();
            await Process.WaitForExitAsync();
        }

        await _reading;
        Process.Dispose();
        _http?.Dispose();
        _ownDirectory?.Dispose();
    }

    private static Process Start(IEnumerable<string> arguments, string hostRoot, IReadOnlyDictionary<string, string> settings)
    {
        var start = new ProcessStartInfo(Executable, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["HOST_ROOT"] = hostRoot;
        start.Environment.Remove("KUBECOP_HTTP");
        start.Environment.Remove("KUBECOP_COMMAND");
        foreach (var (key, value) in settings)
        {
            start.Environment[key.Replace(":", "__", StringComparison.Ordinal)] = value;
        }

        var process = Process.Start(start)!;
        process.StandardInput.Close();
        return process;
    }

    private async Task WaitUntilReadyAsync()
    {
        var address = await Wait.UntilAsync(
            () => Process.HasExited
                ? throw new InvalidOperationException($"kubecop exited with {Process.ExitCode}: {Errors}")
                : File.Exists(AddressFile) ? File.ReadAllText(AddressFile).Trim() : "",
            static text => text.Length > 0,
            $"address in {AddressFile}");
        _http = new HttpClient { BaseAddress = new Uri(address.Contains("://", StringComparison.Ordinal) ? address : $"http://{address}") };
        _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", (await File.ReadAllTextAsync(Path.Combine(DataDirectory, "token"))).Trim());
        try
        {
            await Wait.UntilAsync(ProbeAsync, static status => status == HttpStatusCode.OK, "readiness of kubecop");
        }
        catch (TimeoutException exception)
        {
            throw new TimeoutException($"{exception.Message}\n{Errors}");
        }
    }

    private async Task<HttpStatusCode?> ProbeAsync()
    {
        if (Process.HasExited)
        {
            throw new InvalidOperationException($"kubecop exited with {Process.ExitCode}: {Errors}");
        }

        try
        {
            using var answer = await Http.GetAsync("/healthz/ready");
            return answer.StatusCode;
        }
        catch (HttpRequestException)
        {
            return null;
        }
    }

    private async Task ReadAlertsAsync()
    {
        while (await Process.StandardOutput.ReadLineAsync() is { } line)
        {
            try
            {
                _alerts.Enqueue(JsonSerializer.Deserialize<AlertView>(line, Json)! with { ReceivedAt = DateTimeOffset.UtcNow });
            }
            catch (JsonException exception)
            {
                _notAlerts.Enqueue($"{line} ({exception.Message})");
            }
        }
    }

    private async Task ReadErrorsAsync()
    {
        while (await Process.StandardError.ReadLineAsync() is { } line)
        {
            _errors.Enqueue(line);
        }
    }
}
