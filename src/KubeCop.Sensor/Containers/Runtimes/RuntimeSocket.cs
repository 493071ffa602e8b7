using Microsoft.Extensions.Logging;

namespace KubeCop.Sensor.Containers.Runtimes;

/// <summary>One socket, what is behind it, and how it is doing.</summary>
/// <param name="path">As people know it: on the host.</param>
/// <param name="hostPath">As this process sees it.</param>
/// <param name="timeout">For everything that one question takes.</param>
internal sealed partial class RuntimeSocket(string path, string hostPath, TimeSpan timeout, TimeProvider time, ILogger logger) : IDisposable
{
    private static readonly TimeSpan ShortestPause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(30);

    private readonly SemaphoreSlim _turn = new(1);
    private volatile State _state = new();
    private IRuntimeClient? _client;

    /// <summary>Who is behind it, as its name makes believe until it has answered.</summary>
    public RuntimeApi Api => _state.Api != RuntimeApi.Unknown ? _state.Api : IsNamedAfterDocker ? RuntimeApi.Docker : RuntimeApi.Cri;

    /// <summary>
    /// Whether a look at it would disturb: docker's and podman's daemons are started by the first who connects, so that nobody does without need.
    /// </summary>
    public bool IsShy => Api == RuntimeApi.Docker;

    /// <summary>Not while a failure that took its time is recent. Asking a socket where nobody listens takes none.</summary>
    public bool MayBeAsked => _state is not { Failure: { Unreachable: false } } state || time.GetElapsedTime(state.FailedAt) >= state.Pause;

    private bool IsNamedAfterDocker => Path.GetFileName(path) is var name
        && (name.StartsWith("docker", StringComparison.Ordinal) || name.StartsWith("podman", StringComparison.Ordinal));

    public RuntimeStatus Status => _state switch
    {
        { Failure: { } failure } state =>
            new RuntimeStatus(path, state.Version?.Name ?? "", state.Version?.Version ?? "", RuntimeSocketState.Unavailable, failure.Message),
        { Version: { } version } => new RuntimeStatus(path, version.Name, version.Version, RuntimeSocketState.Available, ""),
        _ => new RuntimeStatus(path, "", "", RuntimeSocketState.Unasked, IsShy ? "is asked when a container's files are silent" : ""),
    };

    /// <summary>Finds out whether it answers. Never throws.</summary>
    public Task ProbeAsync(CancellationToken cancellationToken) =>
        UseAsync<object>(static (_, _) => Task.FromResult<object?>(null), probe: true, cancellationToken);

    /// <returns>Null when it does not know the id or does not answer.</returns>
    public Task<RuntimeFacts?> DescribeAsync(string id, CancellationToken cancellationToken) =>
        UseAsync((client, token) => client.DescribeAsync(id, token), probe: false, cancellationToken);

    /// <summary>Looks without connecting.</summary>
    public void LookForFile()
    {
        if (!File.Exists(hostPath) && _state.Failure is null)
        {
            Fail(new RuntimeSocketException("it is not there", unreachable: true));
        }
    }

    public void Dispose()
    {
        _client?.Dispose();
        _turn.Dispose();
    }

    private async Task<T?> UseAsync<T>(Func<IRuntimeClient, CancellationToken, Task<T?>> use, bool probe, CancellationToken cancellationToken)
        where T : class
    {
        using var limit = new CancellationTokenSource(timeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, limit.Token);
        try
        {
            await _turn.WaitAsync(either.Token);
        }
        catch (OperationCanceledException)
        {
            return null;
        }

        try
        {
            if (!File.Exists(hostPath))
            {
                throw new RuntimeSocketException("it is not there", unreachable: true);
            }

            if (probe || _client is null || _state.Version is null)
            {
                await IdentifyAsync(either.Token);
            }

            var answer = await use(_client!, either.Token);
            Succeed();
            return answer;
        }
        catch (Exception) when (cancellationToken.IsCancellationRequested)
        {
            // We are stopping: that says nothing about this socket.
            return null;
        }
        catch (Exception failure)
        {
            // Whatever a stranger's answer does to the libraries that read it, it is no reason to stop.
            Fail(UnixSocket.Explain(failure));
            return null;
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>Names can be wrong: who does not speak the one protocol is tried with the other.</summary>
    private async Task IdentifyAsync(CancellationToken cancellationToken)
    {
        if (_client is not null && _state.Version is not null)
        {
            _state = _state with { Version = await _client.GetVersionAsync(cancellationToken) };
            return;
        }

        RuntimeSocketException? first = null;
        foreach (var api in IsNamedAfterDocker ? (RuntimeApi[])[RuntimeApi.Docker, RuntimeApi.Cri] : [RuntimeApi.Cri, RuntimeApi.Docker])
        {
            _client?.Dispose();
            _client = api == RuntimeApi.Cri ? new CriClient(hostPath) : new DockerClient(hostPath);
            try
            {
                _state = _state with { Api = api, Version = await _client.GetVersionAsync(cancellationToken) };
                return;
            }
            catch (RuntimeSocketException failure) when (!failure.Unreachable && !cancellationToken.IsCancellationRequested)
            {
                first ??= failure;
            }
        }

        throw new RuntimeSocketException($"it speaks neither CRI nor docker's API; {first?.Message}", unreachable: false, first);
    }

    private void Succeed()
    {
        if (_state is { IsReported: true, Version: { } version })
        {
            LogInformationBack(path, version.Name, version.Version);
        }

        _state = _state with { Failure = null, IsReported = false };
    }

    private void Fail(RuntimeSocketException failure)
    {
        var state = _state;

        // One that works now and then is not to be believed at once.
        var pause = state.Pause == TimeSpan.Zero || time.GetElapsedTime(state.FailedAt) > 2 * LongestPause ? ShortestPause : TimeSpan.FromTicks(Math.Min(state.Pause.Ticks * 2, LongestPause.Ticks));

        // Once until it works again, whatever the reasons become meanwhile: they are listed.
        if (!state.IsReported)
        {
            LogWarningUnavailable(path, failure.Message);
        }

        _state = state with { Failure = failure, IsReported = true, FailedAt = time.GetTimestamp(), Pause = pause };
    }

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "The container runtime at {Socket} cannot be asked: {Reason}. Containers are still found and watched; what only the runtime knows "
            + "(a pod's labels, an image's digest) is missing. It is tried again.")]
    private partial void LogWarningUnavailable(string socket, string reason);

    [LoggerMessage(Level = LogLevel.Information, Message = "The container runtime at {Socket} answers again: {Runtime} {Version}.")]
    private partial void LogInformationBack(string socket, string runtime, string version);

    private sealed record State
    {
        public RuntimeApi Api { get; init; }
        public RuntimeVersion? Version { get; init; }

        /// <summary>Null while it works.</summary>
        public RuntimeSocketException? Failure { get; init; }

        public bool IsReported { get; init; }

        /// <summary>A timestamp, not a time: the clock may be set.</summary>
        public long FailedAt { get; init; }
        public TimeSpan Pause { get; init; }
    }
}
