using System.Threading.Channels;
using KubeCop.Core.Bindings;
using KubeCop.Grains.Abstractions.Policies;
using Microsoft.Extensions.Logging;

namespace KubeCop.Grains.Policies;

/// <summary>
/// Brings the cluster's policy to this node: changes are pushed by the policy grain, and because a push can be lost, versions are also compared
/// from time to time, and at once when the grain's silo is going.
/// </summary>
internal sealed partial class PolicyFollower(
    IGrainFactory grains, IPolicySink sink, IClusterMembershipService membership, StorageWarnings warnings, TimeProvider time, ILogger<PolicyFollower> logger)
    : IPolicyObserver, ILifecycleParticipant<ISiloLifecycle>
{
    private static readonly TimeSpan Reconciliation = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan FirstRetry = TimeSpan.FromSeconds(1);

    /// <summary>So that the silos of a large cluster do not all come to the grain's new place in the same moment.</summary>
    private static readonly TimeSpan Spread = TimeSpan.FromMilliseconds(300);

    /// <summary>Silos come and go: a failure or two are nothing to tell anybody.</summary>
    private const int FailuresToTell = 3;

    private readonly Lock _lock = new();
    private readonly CancellationTokenSource _stopping = new();
    private readonly Channel<bool> _moves = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private IPolicyObserver? _reference;
    private Task _running = Task.CompletedTask;
    private volatile SiloAddress? _silo;
    private long _pushes;
    private int _failures;

    public Task PolicyChangedAsync(PolicyReport report)
    {
        lock (_lock)
        {
            _pushes++;
            Take(report);
        }

        return Task.CompletedTask;
    }

    public void Participate(ISiloLifecycle lifecycle) =>
        lifecycle.Subscribe(nameof(PolicyFollower), ServiceLifecycleStage.BecomeActive, StartAsync, StopAsync);

    private Task StartAsync(CancellationToken cancellationToken)
    {
        _reference = grains.CreateObjectReference<IPolicyObserver>(this);
        _running = Task.WhenAll(Task.Run(CompareAsync, CancellationToken.None), Task.Run(WatchSilosAsync, CancellationToken.None));
        return Task.CompletedTask;
    }

    private async Task StopAsync(CancellationToken cancellationToken)
    {
        await _stopping.CancelAsync();
        await _running.WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        grains.DeleteObjectReference<IPolicyObserver>(_reference!);
    }

    private async Task CompareAsync()
    {
        while (!_stopping.IsCancellationRequested)
        {
            var pause = await TryCompareAsync();
            using var ended = CancellationTokenSource.CreateLinkedTokenSource(_stopping.Token);
            var moved = _moves.Reader.WaitToReadAsync(ended.Token).AsTask();
            if (await Task.WhenAny(moved, Task.Delay(pause, time, ended.Token)) == moved && !_stopping.IsCancellationRequested)
            {
                _moves.Reader.TryRead(out _);
                await Task.Delay(Spread * Random.Shared.NextDouble(), time, ended.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }

            await ended.CancelAsync();
        }
    }

    /// <returns>How long to wait before the next time.</returns>
    private async Task<TimeSpan> TryCompareAsync()
    {
        var jitter = 0.8 + (Random.Shared.NextDouble() * 0.4);
        try
        {
            var pushes = Interlocked.Read(ref _pushes);
            var answer = await grains.GetGrain<IPolicyGrain>(IPolicyGrain.Key).SubscribeAsync(_reference!, sink.Version).WaitAsync(_stopping.Token);
            _silo = answer.Silo;
            _failures = 0;
            lock (_lock)
            {
                // The grain is right also with an older version, as when its storage was lost; but what was pushed meanwhile may be newer than this answer.
                if (pushes == _pushes)
                {
                    sink.Take(answer.Report);
                }
                else
                {
                    Take(answer.Report);
                }
            }

            return Reconciliation * jitter;
        }
        catch (Exception) when (_stopping.IsCancellationRequested)
        {
            return TimeSpan.Zero;
        }
        catch (Exception e)
        {
            var reason = StorageWarnings.ReasonOf(e);
            _failures++;
            if (_failures >= FailuresToTell)
            {
                sink.Take(new PolicyReport(null, $"The silo that follows the API server does not answer: {reason}"));
                if (warnings.IsDue("policy follower", out var failures))
                {
                    LogNotCompared(reason, failures);
                }
            }

            var retry = FirstRetry * Math.Pow(2, Math.Min(_failures - 1, 10));
            return (retry < Reconciliation ? retry : Reconciliation) * jitter;
        }
    }

    private void Take(PolicyReport report) =>
        sink.Take(report.Policy?.Version.IsNewsAfter(sink.Version) == false ? report with { Policy = null } : report);

    private async Task WatchSilosAsync()
    {
        try
        {
            await foreach (var silos in membership.MembershipUpdates.WithCancellation(_stopping.Token))
            {
                if (_silo is { } silo && silos.GetSiloStatus(silo).IsTerminating())
                {
                    _moves.Writer.TryWrite(true);
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The silo stops.
        }
    }

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "The silo that follows the API server does not answer; the bindings that are known stay in force, and it is tried again. {Reason} (failures since this was last told: {Failures})")]
    private partial void LogNotCompared(string reason, int failures);
}
