using k8s;
using KubeCop.Core;
using KubeCop.Kubernetes.Api;
using Microsoft.Extensions.Logging;

namespace KubeCop.Kubernetes.Watching;

/// <summary>
/// Follows objects: lists them once, watches from there, goes on from the last version it saw when a watch ends, breaks or falls silent, and
/// lists anew only when the server does not know that version any more.
/// </summary>
/// <param name="from">The version to go on from; empty to list first.</param>
internal sealed partial class ObjectWatch(ApiClient api, ObjectSelection selection, IObjectTarget target, TimeProvider time, ILogger logger, string from = "")
{
    /// <summary>Shortest time after which a watch is ended and begun anew; the longest is twice that (client-go has 5 to 10 minutes).</summary>
    private static readonly TimeSpan Length = TimeSpan.FromMinutes(5);

    /// <summary>
    /// A watch from which nothing has come for so long is begun anew. The API server sends bookmarks about once a minute, but promises none
    /// (Kubernetes API concepts, watch bookmarks).
    /// </summary>
    private static readonly TimeSpan Silence = TimeSpan.FromMinutes(2.5);

    private static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMinutes(1);

    private RetryPause _pause = new(FirstPause, LongestPause);
    private volatile ApiException? _failure;

    /// <summary>Why what is known may be old; null while it is followed.</summary>
    public string? Failure => _failure?.Message;

    /// <summary>Until it is cancelled. No error ends it.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var version = from;
        while (!cancellationToken.IsCancellationRequested)
        {
            try
            {
                if (version.Length == 0)
                {
                    (var objects, version) = await api.ListAsync(selection, cancellationToken);
                    target.Replace(objects);
                    target.Reached(version);
                    Succeeded();
                }

                version = await WatchAsync(version, cancellationToken);
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                return;
            }
            catch (ApiException exception) when (exception.IsExpired)
            {
                // Others lose their place at the same time: not all are to list at once.
                version = "";
                await PauseAsync(_pause.Next(), cancellationToken);
            }
            catch (Exception exception)
            {
                await FailedAsync(exception as ApiException ?? new ApiException($"Following {selection.Resource.Plural} failed: {exception.Message}", exception), cancellationToken);
            }
        }
    }

    private async Task<string> WatchAsync(string version, CancellationToken cancellationToken)
    {
        var length = Length * (1 + Random.Shared.NextDouble());
        var begun = time.GetTimestamp();
        await foreach (var (type, changed) in api.WatchAsync(selection, version, length, Silence, Followed, cancellationToken))
        {
            if (type != WatchEventType.Bookmark)
            {
                target.Apply(type, changed);
            }

            version = changed.Metadata.ResourceVersion ?? version;
            target.Reached(version);
            Succeeded();
        }

        if (time.GetElapsedTime(begun) < FirstPause)
        {
            // A server that ends watches at once is not to be asked in a circle.
            await PauseAsync(_pause.Next(), cancellationToken);
        }
        else
        {
            _pause.Succeeded();
        }

        return version;
    }

    private void Succeeded()
    {
        _pause.Succeeded();
        Followed();
    }

    private void Followed()
    {
        if (_failure is not null)
        {
            _failure = null;
            LogInformationFollowed(selection.Resource.Plural);
            target.FailureChanged(null);
        }
    }

    private Task FailedAsync(ApiException failure, CancellationToken cancellationToken)
    {
        var pause = _pause.Next(failure.RetryAfter);
        var isNews = _failure?.Message != failure.Message;
        _failure = failure;
        if (isNews)
        {
            LogWarningNotFollowed(selection.Resource.Plural, failure.Message);
            target.FailureChanged(failure);
        }

        return PauseAsync(pause, cancellationToken);
    }

    private async Task PauseAsync(TimeSpan pause, CancellationToken cancellationToken) =>
        await Task.Delay(pause, time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Changes of {Resource} are not seen for now; what is known of them holds, and it is tried again. {Reason}")]
    private partial void LogWarningNotFollowed(string resource, string reason);

    [LoggerMessage(Level = LogLevel.Information, Message = "Changes of {Resource} are seen again.")]
    private partial void LogInformationFollowed(string resource);
}
