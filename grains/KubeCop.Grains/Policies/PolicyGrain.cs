using KubeCop.Core.Bindings;
using KubeCop.Grains.Abstractions.Policies;
using KubeCop.Grains.Workloads;
using Microsoft.Extensions.Logging;
using Orleans.Concurrency;
using Orleans.Storage;
using Orleans.Utilities;

namespace KubeCop.Grains.Policies;

/// <summary>
/// Reads the policy source while it is active, numbers what comes, and tells the silos at once. Storing it can wait: it only matters to who
/// starts while the API server is away.
/// </summary>
[Reentrant]
internal sealed partial class PolicyGrain : Grain, IPolicyGrain
{
    /// <summary>It stays, and stores what it could not.</summary>
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan WriteSpacing = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan SourceRetry = TimeSpan.FromSeconds(5);

    private readonly IPersistentState<PolicyState> _state;
    private readonly IPolicySource _source;
    private readonly SiloAddress _silo;
    private readonly StorageWarnings _warnings;
    private readonly TimeProvider _time;
    private readonly ILogger<PolicyGrain> _logger;
    private readonly ObserverManager<IPolicyObserver> _observers;
    private readonly CoalescedWrite _write;
    private readonly CancellationTokenSource _ended = new();
    private Task _following = Task.CompletedTask;
    private Backoff _retry;
    private Policy? _policy;
    private Policy? _stored;
    private string? _failure;

    public PolicyGrain(
        [PersistentState("policy", GrainStorage.Name)] IPersistentState<PolicyState> state,
        IPolicySource source,
        ILocalSiloDetails silo,
        StorageWarnings warnings,
        TimeProvider time,
        ILogger<PolicyGrain> logger)
    {
        (_state, _source, _silo, _warnings, _time, _logger) = (state, source, silo.SiloAddress, warnings, time, logger);
        _observers = new ObserverManager<IPolicyObserver>(PolicySubscription.Lease, logger) { GetDateTime = () => DateTime.UnixEpoch + time.GetElapsedTime(0) };
        _write = new CoalescedWrite(WriteAsync, WriteSpacing, time);
    }

    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        _policy = _stored = _state.State.Policy;
        this.RegisterGrainTimer(OnTimerAsync, new GrainTimerCreationOptions(Period, Period) { KeepAlive = true, Interleave = true });
        _following = FollowAsync(_ended.Token);
        return Task.CompletedTask;
    }

    public override async Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        await _ended.CancelAsync();
        await _following;
        _ended.Dispose();
        if (!IsStored)
        {
            try
            {
                await _write.WriteAsync();
            }
            catch (Exception e)
            {
                LogNotStored(StorageWarnings.ReasonOf(e), 1);
            }
        }
    }

    public Task<PolicyAnswer> SubscribeAsync(IPolicyObserver observer, PolicyVersion? known)
    {
        _observers.Subscribe(observer, observer);
        return Task.FromResult(new PolicyAnswer(new PolicyReport(_policy?.Version == known ? null : _policy, _failure), _silo));
    }

    private bool IsStored => ReferenceEquals(_stored, _policy);

    private async Task FollowAsync(CancellationToken cancellationToken)
    {
        while (!cancellationToken.IsCancellationRequested)
        {
            try
            {
                await foreach (var report in _source.WatchAsync(cancellationToken))
                {
                    Take(report);
                }
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                LogNotFollowed(e);
                await Task.Delay(SourceRetry, _time, cancellationToken)
                    .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
            }
        }
    }

    private void Take(PolicyReport report)
    {
        var news = report.Policy is { } policy && policy.Version.Hash != _policy?.Version.Hash ? policy : null;
        if (news is null && report.Failure == _failure)
        {
            return;
        }

        _failure = report.Failure;
        if (news is not null)
        {
            _policy = news with { Version = news.Version with { Sequence = (_policy?.Version.Sequence ?? 0) + 1 } };
            _write.WriteSoonAsync().Ignore();
        }

        Announce(news is null ? null : _policy);
    }

    // One-way: ends when it is handed over; the silos also ask by themselves.
    private void Announce(Policy? policy)
    {
        var report = new PolicyReport(policy, _failure);
        _observers.Notify(observer => observer.PolicyChangedAsync(report)).Ignore();
    }

    private async Task WriteAsync()
    {
        for (var attempt = 1; ; attempt++)
        {
            var policy = _policy;
            _state.State = new PolicyState { Policy = policy };
            try
            {
                await _state.WriteStateAsync();
                _stored = policy;
                _retry.Succeeded();
                return;
            }
            catch (InconsistentStateException) when (attempt < 5)
            {
                await _state.ReadStateAsync();
                GoBeyond(_state.State.Policy?.Version.Sequence ?? 0);
            }
            catch (InconsistentStateException e)
            {
                // As itself it would end this activation, and with it what only its memory holds.
                throw new OrleansException($"The policy was changed by others {attempt} times while it was being stored.", e);
            }
        }
    }

    /// <summary>Another activation has numbered as well (the grain directory lets two live for a moment when silos come and go).</summary>
    private void GoBeyond(long sequence)
    {
        if (_policy is { } policy && policy.Version.Sequence <= sequence)
        {
            _policy = policy with { Version = policy.Version with { Sequence = sequence + 1 } };
            Announce(_policy);
        }
    }

    private async Task OnTimerAsync()
    {
        if (IsStored || _write.IsPending || !_retry.IsDue(_time))
        {
            return;
        }

        try
        {
            await _write.WriteAsync();
        }
        catch (Exception e)
        {
            _retry.Failed(_time);
            if (_warnings.IsDue("policy", out var failures))
            {
                LogNotStored(StorageWarnings.ReasonOf(e), failures);
            }
        }
    }

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "The bindings could not be stored for silos that start while the API server is away; it is tried again. {Reason} (failures since this was last told: {Failures})")]
    private partial void LogNotStored(string reason, int failures);

    [LoggerMessage(Level = LogLevel.Error, Message = "The bindings of the API server could not be followed; those that are known stay in force, and it is tried again.")]
    private partial void LogNotFollowed(Exception exception);
}
