using KubeCop.Grains.Abstractions;
using KubeCop.Grains.Containers;
using KubeCop.Host.Configuration;
using Microsoft.Extensions.Options;

namespace KubeCop.Host.Silo;

/// <summary>
/// Keeps a silo in the process. In a cluster that is a member of it, when it can be; else one that runs alone, from the start on or since a
/// member was declared dead, until the cluster can be reached again. Containers are watched by the process, so none of this touches detection.
/// <para>What a silo merged and did not store is in the outboxes of the containers, which offer it again to the next one.</para>
/// </summary>
internal sealed partial class SiloHost(
    IServiceProvider process, IOptions<ClusterOptions> options, IHostApplicationLifetime lifetime, TimeProvider time, ILogger<SiloHost> logger) : IHostedService, IAsyncDisposable
{
    /// <summary>Silos that run alone and fail within <see cref="FailureMemory"/> before the process gives up.</summary>
    private const int MostFailures = 5;

    private static readonly TimeSpan FailureMemory = TimeSpan.FromMinutes(5);

    /// <summary>After the first failure; twice as long after each further one.</summary>
    private static readonly TimeSpan FirstRestartPause = TimeSpan.FromSeconds(1);

    /// <summary>After which the cluster is looked for again; twice as long each time up to <see cref="ClusterOptions.RejoinPeriod"/>.</summary>
    private static readonly TimeSpan FirstRejoinPause = TimeSpan.FromSeconds(2);

    /// <summary>A silo that others have declared dead has nothing to tell them; its store may be as far away.</summary>
    private static readonly TimeSpan DeadStopTime = TimeSpan.FromSeconds(5);

    /// <summary>In which the grains of one that ran alone store what they have.</summary>
    private static readonly TimeSpan StopTime = TimeSpan.FromSeconds(20);

    private static readonly TimeSpan SupervisorStopTime = TimeSpan.FromSeconds(1);

    /// <summary>Of one that has not stopped in time and whose process ends: Orleans would go on stopping it.</summary>
    private static readonly TimeSpan DisposeTime = TimeSpan.FromMilliseconds(300);

    /// <summary>
    /// How long the rest of the node waits for its silo in a cluster. Its table may refuse or be slow, and containers are watched without a silo.
    /// </summary>
    private static readonly TimeSpan StartPatience = TimeSpan.FromSeconds(2);

    /// <summary>
    /// Tries of the first silo to become a member. In a rollout all start at the same time and answer each other slowly; one that gives up and runs alone
    /// stores what others store too, which makes all of them slower.
    /// </summary>
    private const int FirstTries = 3;

    private readonly CancellationTokenSource _stopping = new();
    private readonly Queue<long> _failures = new();
    private volatile InnerSilo? _running;
    private volatile SiloStatus _status = new(SiloState.Changing, time.GetUtcNow(), "It is starting.", 0);
    private Task _supervising = Task.CompletedTask;
    private Task _ending = Task.CompletedTask;
    private TimeSpan _rejoinPause = FirstRejoinPause;
    private string _lastRefusal = "";
    private int _started;

    private ClusterOptions Cluster => options.Value;

    private bool IsInCluster => Cluster.Membership != Membership.None;

    public SiloStatus Status => _status;

    /// <summary>The silo's services, for what is served from inside it.</summary>
    /// <exception cref="SiloAwayException">There is none now.</exception>
    public IServiceProvider Services => (_running ?? throw new SiloAwayException()).Services;

    /// <summary>Active silos of its cluster as this node's sees them, itself included; 0 while there is none.</summary>
    public int CountSilos() => _running?.CountSilos() ?? 0;

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        var first = StartFirstAsync();
        if (!IsInCluster || await Task.WhenAny(first, Task.Delay(StartPatience, time, cancellationToken)) == first)
        {
            await first;
        }

        _supervising = Task.Run(() => SuperviseAsync(first), CancellationToken.None);
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await _stopping.CancelAsync();

        // One that is joining just now is not waited for: the process ends.
        await _supervising.WaitAsync(SupervisorStopTime, time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        try
        {
            if (_running is { } running)
            {
                // By itself it would tell its table for a minute and more that it goes, should that refuse.
                await running.StopAsync(cancellationToken).WaitAsync(cancellationToken);
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            LogWarningNotLeft();
        }
        finally
        {
            await process.GetRequiredService<WatchedContainers>().DisposeAsync();
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_running is { } running)
        {
            await running.DisposeAsync().AsTask().WaitAsync(DisposeTime, time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        _stopping.Dispose();
    }

    private async Task StartFirstAsync()
    {
        if (!IsInCluster)
        {
            await StartAloneAsync("");
        }
        else if (await TryJoinFirstAsync() is { } refusal)
        {
            await StartAloneAsync(refusal.Reason);
        }
    }

    private async Task<JoinRefusal?> TryJoinFirstAsync()
    {
        for (var tries = 1; ; tries++)
        {
            if (await TryJoinAsync() is not { } refusal)
            {
                return null;
            }

            if (refusal.IsOfTable || tries == FirstTries)
            {
                return refusal;
            }

            LogInformationNotJoinedYet(refusal.Reason);
            _status = _status with { Reason = refusal.Reason };
            await Task.Delay(Jittered(FirstRejoinPause), time, _stopping.Token);
        }
    }

    /// <param name="first">Ends when there is a first silo.</param>
    private async Task SuperviseAsync(Task first)
    {
        try
        {
            await first.WaitAsync(_stopping.Token);
            while (true)
            {
                var running = _running!;
                var looksForCluster = IsInCluster && !running.IsMember;
                using var waiting = CancellationTokenSource.CreateLinkedTokenSource(_stopping.Token);
                var pause = Task.Delay(looksForCluster ? Jittered(_rejoinPause) : Timeout.InfiniteTimeSpan, time, waiting.Token);
                await Task.WhenAny(running.Failed, pause);
                await waiting.CancelAsync();
                _stopping.Token.ThrowIfCancellationRequested();
                if (running.Failed.IsCompleted)
                {
                    await ReplaceFailedAsync(running, await running.Failed);
                }
                else
                {
                    await RejoinAsync(running);
                }
            }
        }
        catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
        {
            await _ending.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        catch (Exception exception)
        {
            LogCriticalGivenUp(exception.Message, exception);
            lifetime.StopApplication();
        }
    }

    /// <exception cref="InvalidOperationException">Too many have failed.</exception>
    private async Task ReplaceFailedAsync(InnerSilo failed, string error)
    {
        var lasted = time.GetUtcNow() - _status.Since;
        _running = null;
        failed.Detach();
        Change(SiloState.Changing, error);
        if (failed.IsMember)
        {
            // A member that never stays must not come back at once each time.
            _rejoinPause = lasted > Cluster.RejoinPeriod ? FirstRejoinPause : NextPause();
            LogWarningMemberFailed(error);
        }
        else
        {
            LogErrorAloneFailed(error);
            await PauseAfterFailureAsync(error);
        }

        // Meanwhile: in what time it ends nobody knows, and only a new member needs its port.
        await _ending;
        _ending = failed.EndAsync(DeadStopTime);
        while (true)
        {
            try
            {
                await StartAloneAsync(IsInCluster ? error : "");
                return;
            }
            catch (Exception exception) when (exception is not OperationCanceledException)
            {
                LogErrorAloneFailed(exception.Message);
                await PauseAfterFailureAsync(exception.Message);
            }
        }
    }

    private async Task PauseAfterFailureAsync(string error)
    {
        while (_failures.TryPeek(out var first) && time.GetElapsedTime(first) > FailureMemory)
        {
            _failures.Dequeue();
        }

        _failures.Enqueue(time.GetTimestamp());
        if (_failures.Count >= MostFailures)
        {
            throw new InvalidOperationException(error);
        }

        await Task.Delay(FirstRestartPause * Math.Pow(2, _failures.Count - 1), time, _stopping.Token);
    }

    /// <summary>Without a cluster that is as it is to be, with one there is a reason.</summary>
    private async Task StartAloneAsync(string reason)
    {
        var silo = new InnerSilo(process, new ClusterOptions());
        try
        {
            await silo.StartAsync();
        }
        catch
        {
            await silo.DisposeAsync();
            throw;
        }

        _running = silo;
        Change(SiloState.Alone, reason);
        if (IsInCluster)
        {
            LogWarningAlone(reason);
        }
    }

    /// <summary>The one that runs alone goes on until the member has taken its place.</summary>
    private async Task RejoinAsync(InnerSilo alone)
    {
        // Its port, if it had one.
        await _ending;
        if (await TryJoinAsync() is { Reason: var refusal })
        {
            _rejoinPause = NextPause();
            if (refusal != _lastRefusal)
            {
                LogInformationNotJoined(refusal);
            }

            (_lastRefusal, _status) = (refusal, _status with { Reason = refusal });
            return;
        }

        await alone.EndAsync(StopTime);
    }

    /// <returns>Null when it has.</returns>
    private async Task<JoinRefusal?> TryJoinAsync()
    {
        if (await SiloMembership.FindRefusalAsync(Cluster, process) is { } unreachable)
        {
            return new JoinRefusal(unreachable, IsOfTable: true);
        }

        var before = _running;
        var silo = new InnerSilo(process, Cluster);
        try
        {
            await silo.StartAsync();
        }
        catch (Exception exception)
        {
            before?.Attach();
            await silo.EndAsync(DeadStopTime);
            return new JoinRefusal($"The other silos could not be joined: {exception.Message}", IsOfTable: false);
        }

        _running = silo;
        _lastRefusal = "";
        Change(SiloState.Member, "");
        LogInformationJoined(Cluster.ClusterId);
        return null;
    }

    private void Change(SiloState state, string reason)
    {
        _started += state == SiloState.Changing ? 0 : 1;
        _status = new SiloStatus(state, time.GetUtcNow(), reason, Math.Max(0, _started - 1));
    }

    private TimeSpan NextPause() => _rejoinPause * 2 < Cluster.RejoinPeriod ? _rejoinPause * 2 : Cluster.RejoinPeriod;

    // Nodes that lost the same cluster at the same time must not come back to it at the same time.
    private static TimeSpan Jittered(TimeSpan pause) => pause * (0.75 + (Random.Shared.NextDouble() / 2));

    /// <summary>Why a silo could not become a member.</summary>
    /// <param name="IsOfTable">Whether not even the membership table could be read.</param>
    private sealed record JoinRefusal(string Reason, bool IsOfTable);

    [LoggerMessage(Level = LogLevel.Information, Message = "This node's silo has not joined its cluster yet, and tries again. {Reason}")]
    private partial void LogInformationNotJoinedYet(string reason);

    [LoggerMessage(Level = LogLevel.Information, Message = "This node's silo is a member of cluster {ClusterId}.")]
    private partial void LogInformationJoined(string clusterId);

    [LoggerMessage(Level = LogLevel.Warning, Message = "This node's silo cannot go on as a member of its cluster and is replaced by one that runs alone. {Reason}")]
    private partial void LogWarningMemberFailed(string reason);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "This node's silo runs alone: containers are judged by the last profiles known here, and the cluster is joined when it can be reached. {Reason}")]
    private partial void LogWarningAlone(string reason);

    [LoggerMessage(Level = LogLevel.Information, Message = "This node's silo still runs alone. {Reason}")]
    private partial void LogInformationNotJoined(string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "This node's silo could not leave in order in the time it had; the others find out by themselves that it is gone.")]
    private partial void LogWarningNotLeft();

    [LoggerMessage(Level = LogLevel.Error, Message = "The silo that runs alone cannot go on and is replaced by another one. {Reason}")]
    private partial void LogErrorAloneFailed(string reason);

    [LoggerMessage(
        Level = LogLevel.Critical,
        Message = "No silo works on this node any more: {Reason} This process ends, with exit code 1, and has to be started again.")]
    private partial void LogCriticalGivenUp(string reason, Exception exception);
}
