using KubeCop.Core.Rules;
using KubeCop.Sensor;

namespace KubeCop.Host.Node;

/// <summary>Says once, at the start, which rules see less on this node than they look at.</summary>
internal sealed partial class RuleReport(ISensor sensor, ILogger<RuleReport> logger) : IHostedLifecycleService
{
    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken)
    {
        var outages = sensor.GetStatus().Outages;
        var limited = RuleCatalog.Descriptors
            .Select(rule => (rule.Id, Readiness: RuleReadiness.Of(rule, outages)))
            .Where(static rule => rule.Readiness.Missing.Count > 0)
            .Select(static rule => $"{rule.Id} {(rule.Readiness.Works ? "is limited" : "cannot work")} ({rule.Readiness.Reason})")
            .ToList();
        if (limited.Count > 0)
        {
            LogWarningRulesLimited(string.Join(", ", limited));
        }

        return Task.CompletedTask;
    }

    public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    [LoggerMessage(Level = LogLevel.Warning, Message = "Rules that do not see everything on this node: {Rules}")]
    private partial void LogWarningRulesLimited(string rules);
}
