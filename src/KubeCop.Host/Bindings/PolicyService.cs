namespace KubeCop.Host.Bindings;

/// <summary>Saves the policy that has come into force, and tells when changes of it are not seen.</summary>
internal sealed partial class PolicyService(NodePolicy policy, PolicyFile file, TimeProvider time, ILogger<PolicyService> logger) : BackgroundService
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Retry = TimeSpan.FromSeconds(30);

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => Task.WhenAll(SaveAsync(stoppingToken), TellAsync(stoppingToken));

    private async Task SaveAsync(CancellationToken stoppingToken)
    {
        if (file.Damage is { } damage)
        {
            LogWarningNotLoaded(file.Path, damage);
        }

        var (saved, isFailing) = ((SavedPolicy?)null, false);
        while (true)
        {
            await policy.AppliedAsync(saved, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            try
            {
                if (policy.Applied is { } applied && applied != saved)
                {
                    file.Save(applied);
                    (saved, isFailing) = (applied, false);
                }
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                if (!isFailing)
                {
                    LogWarningNotSaved(file.Path, exception.Message);
                }

                isFailing = true;
            }

            if (stoppingToken.IsCancellationRequested)
            {
                return;
            }

            await Task.Delay(isFailing ? Retry : Period, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task TellAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Period, time);
        for (string? told = null; await timer.WaitForNextTickAsync(stoppingToken);)
        {
            if (policy.Failure is var failure && failure != told)
            {
                told = failure;
                if (failure is null)
                {
                    LogInformationSeen();
                }
                else
                {
                    LogWarningNotSeen(policy.Holding, failure);
                }
            }
        }
    }

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "The bindings of before the restart cannot be read from {Path}; until the API server's are known the default binding is in force. {Reason}")]
    private partial void LogWarningNotLoaded(string path, string reason);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "The bindings in force cannot be written to {Path}: after a restart without the API server older ones are in force. It is tried again. {Reason}")]
    private partial void LogWarningNotSaved(string path, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Changes of the bindings in the API server are not seen for now; {Holding}. {Reason}")]
    private partial void LogWarningNotSeen(string holding, string reason);

    [LoggerMessage(Level = LogLevel.Information, Message = "Changes of the bindings in the API server are seen again.")]
    private partial void LogInformationSeen();
}
