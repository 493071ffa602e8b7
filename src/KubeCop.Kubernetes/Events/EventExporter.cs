using System.Net;
using KubeCop.Core;
using KubeCop.Core.Alerts;
using KubeCop.Core.Rules;
using KubeCop.Kubernetes.Api;

namespace KubeCop.Kubernetes.Events;

/// <summary>
/// Shows critical alerts as Events of their pods, where <c>kubectl describe pod</c> and <c>kubectl events</c> have them. Repeats are told by
/// the series of the same Event. Alerts of containers outside of pods make none.
/// </summary>
internal sealed class EventExporter(ApiClient api, TimeProvider time) : IAlertExporter, IDisposable
{
    /// <summary>Dropped: there are more than <see cref="EventBudget"/> allows. Their repeats are told all the same, by the next that is not dropped.</summary>
    public const string RateLimited = "rate_limited";

    /// <summary>Dropped: KubeCop may not make Events.</summary>
    public const string Forbidden = "forbidden";

    /// <summary>Dropped: the API server does not take this one, as where the namespace is gone.</summary>
    public const string Refused = "refused";

    /// <summary>Dropped: the API server has been away for longer than <see cref="Patience"/>.</summary>
    public const string Unreachable = "unreachable";

    /// <summary>Dropped: the node ends.</summary>
    public const string Stopped = "stopped";

    /// <summary>For how long of an outage alerts are tried again; afterwards each is tried once.</summary>
    internal static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    private const string Manager = "kubecop";

    private static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(30);

    private readonly EventBudget _budget = new(time);
    private readonly KnownEvents _events = new(time);
    private readonly CancellationTokenSource _stop = new();
    private long? _failingSince;

    public string Name => "kubernetes_events";

    public string Receiver => "Events of the API server";

    /// <summary>Each may be lost for a reason of its own.</summary>
    public int BatchSize => 1;

    public bool Takes(Alert alert) => alert.State != AlertState.Ongoing && alert.Severity >= Severity.Critical && alert.Container.Pod is not null;

    public string Export(IReadOnlyList<Alert> batch, CancellationToken cancellationToken)
    {
        using var ending = cancellationToken.Register(_stop.Cancel);
        for (var index = 0; index < batch.Count; index++)
        {
            try
            {
                ExportAsync(batch[index]).GetAwaiter().GetResult();
            }
            catch (LostException exception)
            {
                throw new ExportException(exception.Reason, batch.Count - index, exception.Message, exception.InnerException);
            }
        }

        return "taken";
    }

    /// <summary>Ends what is under way; what is exported afterwards is lost.</summary>
    public void Dispose() => _stop.Cancel();

    private async Task ExportAsync(Alert alert)
    {
        var series = _events.Add(alert);
        var pod = alert.Container.Pod!;
        if (!_budget.TryTake(PodEvent.KeyOf(pod)))
        {
            throw new LostException(
                RateLimited, $"There are more critical alerts than are shown as Events, the last of them of pod {pod.Namespace}/{pod.Name}; the other ways alerts take have them all.");
        }

        if (series.IsMade && !await TryAsync(token => api.MergeAsync(ApiResource.Events, pod.Namespace, series.Name, PodEvent.Repeat(series), Manager, token), HttpStatusCode.NotFound))
        {
            // Events are deleted after a while, an hour by default (kube-apiserver, --event-ttl).
            series = _events.AddAnew(alert);
        }

        if (!series.IsMade)
        {
            // One that is there was made by a request whose answer was lost.
            await TryAsync(token => api.CreateAsync(ApiResource.Events, pod.Namespace, PodEvent.Make(alert, series), Manager, token), HttpStatusCode.Conflict);
            series.IsMade = true;
        }
    }

    /// <summary>Asks until there is an answer, within bounds.</summary>
    /// <returns>False when it is the one that is expected.</returns>
    /// <exception cref="LostException">The alert is given up.</exception>
    private async Task<bool> TryAsync(Func<CancellationToken, Task> request, HttpStatusCode expected)
    {
        for (var pause = new RetryPause(FirstPause, LongestPause); ;)
        {
            try
            {
                await request(_stop.Token);
                _failingSince = null;
                return true;
            }
            catch (ApiException exception) when (exception.Code == expected)
            {
                _failingSince = null;
                return false;
            }
            catch (ApiException exception) when (MayPass(exception.Code))
            {
                var now = time.GetTimestamp();
                _failingSince ??= now;
                if (time.GetElapsedTime(_failingSince.Value, now) >= Patience)
                {
                    throw new LostException(Unreachable, exception.Message, exception);
                }

                await PauseAsync(pause.Next(exception.RetryAfter));
            }
            catch (ApiException exception)
            {
                _failingSince = null;
                throw new LostException(exception.Code == HttpStatusCode.Forbidden && !exception.IsOfEndingNamespace ? Forbidden : Refused, exception.Message, exception);
            }
            catch (Exception exception) when (_stop.IsCancellationRequested)
            {
                throw new LostException(Stopped, "The node ends.", exception);
            }
        }
    }

    // A token that has just been replaced is refused for a moment.
    private static bool MayPass(HttpStatusCode? code) =>
        code is null or HttpStatusCode.Unauthorized or HttpStatusCode.RequestTimeout or HttpStatusCode.TooManyRequests or >= HttpStatusCode.InternalServerError;

    private async Task PauseAsync(TimeSpan pause)
    {
        try
        {
            await Task.Delay(pause, time, _stop.Token);
        }
        catch (Exception exception) when (_stop.IsCancellationRequested)
        {
            throw new LostException(Stopped, "The node ends.", exception);
        }
    }

    private sealed class LostException(string reason, string message, Exception? cause = null) : Exception(message, cause)
    {
        public string Reason { get; } = reason;
    }
}
