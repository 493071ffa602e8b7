using System.Diagnostics;
using System.Globalization;
using KubeCop.Core.Alerts;
using KubeCop.Core.Rules;
using KubeCop.Exporters.Stdout;
using KubeCop.Grains.Replay;
using KubeCop.Host.Bindings;
using KubeCop.Host.Configuration;
using KubeCop.Host.Logging;
using KubeCop.Sensor.Recording;

namespace KubeCop.Host.Recording;

/// <summary><c>kubecop replay</c>: what a recording would have led to, by the clock of the recording.</summary>
internal static class ReplayRun
{
    public static async Task<int> RunAsync(string file, Settings settings, CancellationToken stop)
    {
        var bindings = new NodeBindings(NodeBindings.SourceOf(settings.Bindings, TimeProvider.System), TimeProvider.System);
        await bindings.LoadAsync(stop);
        return Run(file, settings, bindings.Rules, stop);
    }

    private static int Run(string file, Settings settings, IRuleBindings bindings, CancellationToken stop)
    {
        settings.Output.Quiet = true;
        using var loggers = LoggerFactory.Create(logging => logging.AddStderr(settings.Output, null));
        using var replay = new RecordingReplay(file);
        var alerts = new NumberedAlerts(new StdoutExporter(settings.Output.Format, !Console.IsOutputRedirected, null));
        var rules = new NodeRules(bindings, new RuleCounters());
        var workloads = new ReplayedWorkloads(rules, alerts, replay.Time, replay.Time, settings.Learning, settings.Alerts, loggers);
        var watch = Stopwatch.StartNew();
        var result = replay.Run(workloads.Container, settings.Sensor, workloads.Tick, loggers, stop);
        workloads.End();
        Console.Error.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{file}: {result.Events:N0} events of {result.Containers:N0} containers in {result.Duration.TotalSeconds:N1} s, {result.Lost:N0} lost; "
                + $"{alerts.Raised:N0} alerts; replayed in {watch.Elapsed.TotalSeconds:N2} s."));
        foreach (var profile in workloads.Profiles)
        {
            Console.Error.WriteLine($"profile {TerminalText.Escape(profile.Workload.ToString())}: {profile.State.ToString().ToLowerInvariant()}");
        }

        if (result.Damage is { } damage)
        {
            Console.Error.WriteLine($"kubecop: {damage}");
            return ExitCode.Failure;
        }

        return ExitCode.Success;
    }

    /// <summary>Ids that are the same each time; written at once, so that none is dropped.</summary>
    private sealed class NumberedAlerts(IAlertExporter exporter) : IAlertDispatcher
    {
        private int _last;

        public int Raised { get; private set; }

        public void Dispatch(Alert alert)
        {
            Raised += alert.State == AlertState.New ? 1 : 0;
            var id = new Guid(0, 0, 0x7000, 0x80, 0, 0, 0, (byte)(_last >> 24), (byte)(_last >> 16), (byte)(_last >> 8), (byte)++_last);
            exporter.Export([alert with { Id = id.ToString() }], CancellationToken.None);
        }
    }
}
