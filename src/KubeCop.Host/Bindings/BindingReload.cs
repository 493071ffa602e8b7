using KubeCop.Host.Node;

namespace KubeCop.Host.Bindings;

/// <summary>Follows the bindings' source while the node runs, and has its containers take what comes into force at once.</summary>
internal sealed partial class BindingReload(NodeBindings bindings, NodeContainers containers, TimeProvider time, ILogger<BindingReload> logger) : BackgroundService
{
    private const int LoggedErrors = 10;

    private static readonly TimeSpan Retry = TimeSpan.FromSeconds(5);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await bindings.FollowAsync(ApplyAsync, stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception exception)
            {
                // Whatever is wrong with bindings must not end the node.
                LogErrorNotFollowed(exception, bindings.Source);
                await Task.Delay(Retry, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private async Task ApplyAsync(BindingRefusal? refusal)
    {
        if (refusal is not null)
        {
            var more = refusal.Errors.Count > LoggedErrors ? $" (and {refusal.Errors.Count - LoggedErrors} more)" : "";
            LogWarningRefused(bindings.Source, string.Join("; ", refusal.Errors.Take(LoggedErrors)) + more);
            return;
        }

        LogInformationApplied(bindings.Source, bindings.Rules.InForce!.Bindings.Count, bindings.Rules.Rules.Rules.Count);
        await containers.RebindAsync();
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "The bindings of {Source} have changed and are in force: {Bindings} bindings, {Rules} rules.")]
    private partial void LogInformationApplied(string source, int bindings, int rules);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "The bindings of {Source} have changed and are refused; those from before stay in force. {Errors}")]
    private partial void LogWarningRefused(string source, string errors);

    [LoggerMessage(Level = LogLevel.Error, Message = "The bindings of {Source} could not be followed; those in force stay, and it is tried again.")]
    private partial void LogErrorNotFollowed(Exception exception, string source);
}
