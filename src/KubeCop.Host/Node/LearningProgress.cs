using System.Globalization;
using KubeCop.Core.Alerts;
using KubeCop.Core.Profiles;
using KubeCop.Exporters.Delivery;
using KubeCop.Exporters.Stdout;
using KubeCop.Grains.Abstractions.Containers;
using KubeCop.Host.Configuration;
using KubeCop.Sensor;

namespace KubeCop.Host.Node;

/// <summary>Tells how learning goes: on a terminal a status line with the remaining time, in every case a log line when a profile changes state.</summary>
internal sealed partial class LearningProgress(
    NodeContainers containers, ISensor sensor, AlertDispatcher alerts, TimeProvider time, ILogger<LearningProgress> logger, StatusLine? statusLine = null)
    : BackgroundService
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(1);

    private Dictionary<string, ProfileState> _states = [];

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            await sensor.Ready.WaitAsync(stoppingToken);
            using var timer = new PeriodicTimer(Period, time);
            do
            {
                await UpdateAsync();
            }
            while (await timer.WaitForNextTickAsync(stoppingToken));
        }
        catch (Exception exception) when (exception is OperationCanceledException or SensorException)
        {
            // A sensor that cannot work is told by who started it.
        }
        finally
        {
            statusLine?.Show("");
        }
    }

    /// <summary>The status line: who learns longest and how long, and what else there is.</summary>
    internal static string Describe(IReadOnlyList<ContainerStatus> statuses, long events, long alerts)
    {
        var counts = string.Create(CultureInfo.InvariantCulture, $"{statuses.Count} containers, {events:N0} events, {alerts:N0} alerts");
        var learning = statuses.Where(static status => status.RemainingSeconds > 0).OrderByDescending(static status => status.RemainingSeconds).ToList();
        if (learning.Count == 0)
        {
            return statuses.Count == 0 ? "watching for containers" : $"guarding {counts}";
        }

        var others = learning.Count > 1 ? $" (+{learning.Count - 1} more)" : "";
        return TerminalText.Escape($"learning {learning[0].Container.Workload}, {Duration.Format(TimeSpan.FromSeconds(learning[0].RemainingSeconds))} left{others}; {counts}");
    }

    private async Task UpdateAsync()
    {
        IReadOnlyList<ContainerStatus> statuses;
        try
        {
            statuses = await containers.ListAsync();
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            LogDebugNoStatus(exception);
            return;
        }

        var states = new Dictionary<string, ProfileState>(StringComparer.Ordinal);
        foreach (var status in statuses)
        {
            if (status is { ProfileState: ProfileState.Learning, RemainingSeconds: 0 })
            {
                // It has just been found, and its workload has not answered yet.
                continue;
            }

            states[status.Container.Id] = status.ProfileState;
            if (!_states.TryGetValue(status.Container.Id, out var before) || before != status.ProfileState)
            {
                Report(status);
            }
        }

        _states = states;
        if (statusLine is not null)
        {
            var text = Describe(statuses, sensor.GetStatus().Events.Values.Sum(), alerts.Alerts.Sum(static alert => alert.Count));

            // Terminals that do not know their width say 0.
            var width = Console.WindowWidth is > 1 and var columns ? columns - 1 : 79;
            statusLine.Show(text.Length <= width ? text : text[..width]);
        }
    }

    private void Report(ContainerStatus status)
    {
        var left = Duration.Format(TimeSpan.FromSeconds(status.RemainingSeconds));
        if (status.ProfileState == ProfileState.Learning)
        {
            LogInformationLearning(status.Container.Workload.ToString(), status.Container.Name, left);
        }
        else
        {
            LogInformationState(status.Container.Workload.ToString(), status.Container.Name, status.ProfileState.ToString().ToLowerInvariant());
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Learning {Workload}, container {Container}: {Left} left.")]
    private partial void LogInformationLearning(string workload, string container, string left);

    [LoggerMessage(Level = LogLevel.Information, Message = "The profile of {Workload}, container {Container}, is {State}.")]
    private partial void LogInformationState(string workload, string container, string state);

    [LoggerMessage(Level = LogLevel.Debug, Message = "The containers' grains did not tell their status.")]
    private partial void LogDebugNoStatus(Exception exception);
}
