using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using KubeCop.Cluster.Tests.Grains;
using KubeCop.Cluster.Tests.Tls;
using KubeCop.Core.Events;
using KubeCop.Core.Profiles;
using KubeCop.Core.Rules;
using KubeCop.Exporters.History;
using KubeCop.Grains;
using KubeCop.Grains.Abstractions;
using KubeCop.Grains.Abstractions.Containers;
using KubeCop.Grains.Abstractions.Workloads;
using KubeCop.Grains.Containers;
using KubeCop.Host.Configuration;
using KubeCop.Host.Node;
using KubeCop.Host.Silo;
using KubeCop.Sensor;
using KubeCop.Sensor.Journal;
using KubeCop.Storage.AzureBlob;
using KubeCop.Testing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Orleans.Storage;

namespace KubeCop.Cluster.Tests.Faults;

/// <summary>
/// This program as a node: everything <c>kubecop run</c> is, with a <see cref="SimulatedSensor"/>. Reads commands from its standard input, a
/// line each, and answers each with a line. SIGTERM ends it in order; so does the end of the test that started it, at once.
/// </summary>
internal static class SiloPart
{
    public const string Verb = "silo";

    /// <summary>Tells its answers from everything else on standard output.</summary>
    public const string AnswerPrefix = "answer: ";

    public static async Task<int> RunAsync(string file)
    {
        var simulation = Simulation.Read(file);
        var settings = Settings.Load(simulation.Settings.Select(static setting => KeyValuePair.Create(setting.Key, (string?)setting.Value)));
        using var stop = new CancellationTokenSource();
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, signal =>
        {
            signal.Cancel = true;
            stop.Cancel();
        });
        var faults = new FaultyStorage.Faults();
        NodeHost node;
        try
        {
            node = await NodeHost.StartAsync(settings, [], statusLine: null, stop.Token, services =>
            {
                services.AddSingleton(simulation);
                services.AddSingleton<SimulatedSensor>();
                services.AddSingleton<ISensor>(static provider => provider.GetRequiredService<SimulatedSensor>());
                services.AddSingleton<IKernelClock, EpochClock>();
                services.AddHostedService(static provider => provider.GetRequiredService<SimulatedSensor>());
                services.AddSingleton<SiloSetup>(silo =>
                {
                    if (simulation.StorageConnection.Length > 0)
                    {
                        UseStorage(silo, simulation.StorageConnection);
                    }

                    FaultyStorage.AddTo(silo, faults);
                });
            });
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            return 0;
        }

        await using (node)
        {
            var commands = new Thread(() => Serve(node.Services, faults)) { IsBackground = true };
            commands.Start();
            Answer("ready");
            using var either = CancellationTokenSource.CreateLinkedTokenSource(stop.Token, node.Stopping);
            await Task.Delay(Timeout.Infinite, either.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        return stop.IsCancellationRequested ? 0 : 1;
    }

    private static void UseStorage(ISiloBuilder silo, string connection)
    {
        silo.Services.RemoveAllKeyed(typeof(IGrainStorage), GrainStorage.Name);
        silo.AddKubeCopAzureBlobStorage(GrainStorage.Name, new AzureBlobOptions { ConnectionString = connection });
    }

    private static void Answer(string line)
    {
        Console.Out.WriteLine(AnswerPrefix + line);
        Console.Out.Flush();
    }

    private static void Serve(IServiceProvider services, FaultyStorage.Faults faults)
    {
        while (Console.In.ReadLine() is { } line)
        {
            try
            {
                Answer(Obey(line.Split(' '), services, faults));
            }
            catch (Exception exception)
            {
                Answer($"error {exception.GetType().Name} {exception.Message.ReplaceLineEndings(" ")}");
            }
        }

        // The test has ended, however that was.
        System.Diagnostics.Process.GetCurrentProcess().Kill();
    }

    private static string Obey(string[] command, IServiceProvider services, FaultyStorage.Faults faults)
    {
        switch (command)
        {
            case ["report"]:
                return JsonSerializer.Serialize(ReportAsync(services).GetAwaiter().GetResult());
            case ["profiles", var file]:
                File.WriteAllText(file, JsonSerializer.Serialize(ProfilesAsync(services).GetAwaiter().GetResult()));
                return "ok";
            case ["quiet"]:
                services.GetRequiredService<SimulatedSensor>().Quiet();
                return "ok";
            case ["silo"]:
                return services.GetRequiredService<SiloHost>().Status is var status ? $"{status.State} {status.Changes}" : "";
            case ["members"]:
                return $"{services.GetRequiredService<SiloHost>().Services.GetRequiredService<ISiloStatusOracle>().GetApproximateSiloStatuses(onlyActive: true).Count}";
            case ["degraded"]:
                return string.Join(' ', services.GetRequiredService<NodeHealth>().GetDegradations().Select(static part => $"{part.Part}: {part.Reason}"));
            case ["listeners"]:
                return $"{Listeners.Count()}";
            case ["attack", var program]:
                return AttackAsync(services, program).GetAwaiter().GetResult().TotalMilliseconds.ToString("0", CultureInfo.InvariantCulture);
            case ["storage", var conflicts, var delay]:
                faults.Conflicts = double.Parse(conflicts, CultureInfo.InvariantCulture);
                faults.Delay = TimeSpan.FromSeconds(double.Parse(delay, CultureInfo.InvariantCulture));
                return $"{faults.Made}";
            default:
                throw new ArgumentException($"'{string.Join(' ', command)}' is no command.");
        }
    }

    /// <summary>A container of a known workload starts and runs a program that the workload never ran.</summary>
    /// <returns>How long it took until there was an alert of that.</returns>
    private static async Task<TimeSpan> AttackAsync(IServiceProvider services, string program)
    {
        var (grains, history) = (services.GetRequiredService<ContainerGrains>(), services.GetRequiredService<AlertHistory>());
        var id = $"attacked-{Guid.NewGuid():N}";
        var container = SimulatedSensor.Describe(services.GetRequiredService<Simulation>().Node, id, workload: 0, DateTimeOffset.UtcNow);
        var batch = new EventBatch(1);
        batch.Add() = new SensorEvent
        {
            Kind = EventKind.Exec,
            Timestamp = EpochClock.ToBoot(DateTimeOffset.UtcNow),
            Process = new ProcessIdentity { Key = new ProcessKey(42, 1), Parent = new ProcessKey(1, 1), Comm = "sh" },
            Path = program,
            Executable = program,
            Details = new ExecDetails(program, "/", [program]),
            ParentComm = "sh",
        };
        var started = TimeProvider.System.GetTimestamp();
        var grain = grains(container);
        await grain.StartAsync(container);
        await grain.IngestAsync(batch);
        await Wait.UntilAsync(
            () => history.Read(after: null, limit: 200).Any(alert => Encoding.UTF8.GetString(alert).Contains(id, StringComparison.Ordinal)), static found => found, "alert");
        var duration = TimeProvider.System.GetElapsedTime(started);
        _ = grain.StopAsync();
        return duration;
    }

    private static async Task<NodeReport> ReportAsync(IServiceProvider services)
    {
        var (sensor, silo, containers) = (services.GetRequiredService<SimulatedSensor>(), services.GetRequiredService<CurrentSilo>(), services.GetRequiredService<WatchedContainers>());
        var ids = sensor.ContainerIds;
        var statuses = await Task.WhenAll(ids.Select(containers.GetStatusAsync));
        var known = statuses.OfType<ContainerStatus>().ToList();
        var versions = new Dictionary<string, long>(StringComparer.Ordinal);
        foreach (var workload in known.Select(static status => status.Container.Workload.GrainKey).Distinct())
        {
            versions[workload] = (await silo.CallAsync(grains => grains.GetGrain<IWorkloadGrain>(workload).GetProfileAsync()))?.Containers[0].Version ?? -1;
        }

        var journal = services.GetRequiredService<BehaviourJournal>().GetStatus();
        var overflows = new Dictionary<string, long>
        {
            ["events dropped"] = sensor.Dropped,
            ["calls failed"] = sensor.Failures,
            ["events held back"] = services.GetRequiredService<NodeRules>().Counters.SuppressedFor(Suppression.HeldOverflow),
        };
        foreach (var (reason, count) in journal.Overflow)
        {
            overflows[$"journal {reason}"] = count;
        }

        var unfinished = known.Where(static status => status.ProfileState == ProfileState.Learning).ToList();
        var outdated = known.Where(status => status.ProfileVersion != versions[status.Container.Workload.GrainKey]).ToList();
        var example = unfinished.Concat(outdated).FirstOrDefault();
        return new NodeReport(
            ids.Count,
            journal.Unacknowledged + known.Sum(static status => status.DeltasUnstored),
            unfinished.Count,
            outdated.Count,
            statuses.Length - known.Count,
            overflows.Where(static overflow => overflow.Value > 0).ToDictionary(),
            $"{services.GetRequiredService<SiloHost>().Status.State}",
            example is null
                ? null
                : $"{example.Container.Id} {example.ProfileState}, version {example.ProfileVersion} of {versions[example.Container.Workload.GrainKey]}, {example.RemainingSeconds} s left");
    }

    private static async Task<IReadOnlyList<ReportedProfile>> ProfilesAsync(IServiceProvider services)
    {
        var (silo, simulation) = (services.GetRequiredService<CurrentSilo>(), services.GetRequiredService<Simulation>());
        var profiles = new List<ReportedProfile>();
        for (var workload = 0; workload < simulation.Workloads; workload++)
        {
            var key = SimulatedSensor.WorkloadOf(workload);
            var profile = (await silo.CallAsync(grains => grains.GetGrain<IWorkloadGrain>(key.GrainKey).GetProfileAsync()))?.Containers[0]
                ?? throw new InvalidOperationException($"{key} has no profile.");
            profiles.Add(new ReportedProfile(workload, $"{profile.State}", profile.CompletesAt, profile.Version, [.. Behaviours.Of(profile)]));
        }

        return profiles;
    }
}
