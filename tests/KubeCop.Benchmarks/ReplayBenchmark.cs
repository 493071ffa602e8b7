using KubeCop.Core.Alerts;
using KubeCop.Core.Profiles;
using KubeCop.Core.Rules;
using KubeCop.Grains.Replay;
using KubeCop.Host.Bindings;
using KubeCop.Sensor;
using KubeCop.Sensor.Recording;
using KubeCop.Testing.Sensor;
using Microsoft.Extensions.Logging.Abstractions;

namespace KubeCop.Benchmarks;

/// <summary>
/// A recording of a real container from the file to the alerts, as <c>kubecop replay</c> does it: nothing has been seen before, so every
/// string is made, everything is learned once, and half of what follows is an alert.
/// </summary>
internal static class ReplayBenchmark
{
    private const int Rounds = 11;
    private const int ReplaysPerRound = 50;

    public static Task RunAsync()
    {
        var rates = new List<double>();
        var (events, alerts) = (0L, 0);
        Replay(ref events, ref alerts);
        for (var round = 0; round < Rounds; round++)
        {
            (events, alerts) = (0, 0);
            var cpu = LinuxClock.ThreadCpuSeconds();
            for (var replay = 0; replay < ReplaysPerRound; replay++)
            {
                Replay(ref events, ref alerts);
            }

            rates.Add(events / (LinuxClock.ThreadCpuSeconds() - cpu));
        }

        Console.WriteLine($"replay: {events / ReplaysPerRound:N0} events with {alerts / ReplaysPerRound} alerts, {ReplaysPerRound} times a round, {Rounds} rounds");
        Console.WriteLine($"  events a CPU second   median {Statistics.Percentile(rates, 0.5):N0}   lowest {rates.Min():N0}   highest {rates.Max():N0}");
        return Task.CompletedTask;
    }

    private static void Replay(ref long events, ref int alerts)
    {
        using var replay = new RecordingReplay(Recordings.LearnThenAttack);
        var raised = new Counter();
        var workloads = new ReplayedWorkloads(
            new NodeRules(new FixedRules(DefaultBinding.Rules), new RuleCounters()),
            raised,
            replay.Time,
            replay.Time,
            new LearningOptions { Period = Recordings.LearningPeriod },
            new AlertOptions(),
            NullLoggerFactory.Instance);
        events += replay.Run(workloads.Container, new SensorOptions(), workloads.Tick, NullLoggerFactory.Instance, CancellationToken.None).Events;
        workloads.End();
        alerts += raised.Count;
    }

    private sealed class Counter : IAlertDispatcher
    {
        public int Count { get; private set; }

        public void Dispatch(Alert alert) => Count++;
    }
}
