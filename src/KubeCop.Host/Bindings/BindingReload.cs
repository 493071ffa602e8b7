using KubeCop.Core.Bindings;
using KubeCop.Host.Node;

namespace KubeCop.Host.Bindings;

/// <summary>Follows the bindings' source, and the namespaces' labels, while the node runs, and has its containers take what comes into force at once.</summary>
internal sealed partial class BindingReload(NodeBindings bindings, NodeContainers containers, TimeProvider time, ILogger<BindingReload> logger) : BackgroundService
{
    private const int LoggedErrors = 10;

    private static readonly TimeSpan Retry = TimeSpan.FromSeconds(5);

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => Task.WhenAll(
        KeepAsync(() => bindings.FollowAsync(ApplyAsync, stoppingToken), stoppingToken),
        bindings.Policy is { } policy ? KeepAsync(() => FollowNamespacesAsync(policy, stoppingToken), stoppingToken) : Task.CompletedTask);

    private async Task FollowNamespacesAsync(INamespaceLabels labels, CancellationToken stoppingToken)
    {
        for (var told = 0L; ;)
        {
            await labels.ChangedAsync(told, stoppingToken);
            told = labels.Version;
            await containers.RebindAsync();
        }
    }

    private async Task KeepAsync(Func<Task> follow, CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await follow();
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
        if (refusal is { IsWhole: true })
        {
            LogWarningRefused(bindings.Source, Text(refusal));
            return;
        }

        var inForce = bindings.Rules.InForce!.Bindings.Count;
        LogInformationApplied(bindings.Source, inForce, bindings.Rules.Rules.Rules.Count);
        if (refusal is not null)
        {
            LogWarningLeftOut(bindings.Source, Text(refusal));
        }
        else if (inForce == 0)
        {
            LogWarningNone(bindings.Source);
        }

        await containers.RebindAsync();
    }

    private static string Text(BindingRefusal refusal)
    {
        var more = refusal.Errors.Count > LoggedErrors ? $" (and {refusal.Errors.Count - LoggedErrors} more)" : "";
        return string.Join("; ", refusal.Errors.Take(LoggedErrors)) + more;
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Some of the bindings of {Source} cannot be in force as they are; all others are. {Errors}")]
    private partial void LogWarningLeftOut(string source, string errors);

    [LoggerMessage(Level = LogLevel.Warning, Message = "There are no bindings in {Source}: no rule is in force, and nothing is detected until there is one.")]
    private partial void LogWarningNone(string source);

    [LoggerMessage(Level = LogLevel.Information, Message = "The bindings of {Source} have changed and are in force: {Bindings} bindings, {Rules} rules.")]
    private partial void LogInformationApplied(string source, int bindings, int rules);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "The bindings of {Source} have changed and are refused; those from before stay in force. {Errors}")]
    private partial void LogWarningRefused(string source, string errors);

    [LoggerMessage(Level = LogLevel.Error, Message = "The bindings of {Source} could not be followed; those in force stay, and it is tried again.")]
    private partial void LogErrorNotFollowed(Exception exception, string source);
}
