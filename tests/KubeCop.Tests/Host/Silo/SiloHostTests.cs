using System.Reflection;
using KubeCop.Core.Events;
using KubeCop.Exporters.Delivery;
using KubeCop.Grains.Abstractions;
using KubeCop.Grains.Abstractions.Containers;
using KubeCop.Grains.Abstractions.Workloads;
using KubeCop.Host.Configuration;
using KubeCop.Host.Node;
using KubeCop.Host.Silo;
using KubeCop.Testing;
using KubeCop.Tests.Host.Node;
using Microsoft.Extensions.DependencyInjection;

namespace KubeCop.Tests.Host.Silo;

/// <summary>What becomes of a node whose silo cannot go on.</summary>
public sealed class SiloHostTests : IAsyncLifetime
{
    private readonly TestDirectory _directory = new();
    private readonly FakeSensor _sensor = new();
    private NodeHost _node = null!;

    public async ValueTask InitializeAsync()
    {
        _sensor.ReadySource.SetResult();
        _node = await NodeHostFixture.StartAsync(_directory.Path, _sensor);
    }

    public async ValueTask DisposeAsync()
    {
        await _node.DisposeAsync();
        _directory.Dispose();
    }

    private SiloHost Silo => _node.Services.GetRequiredService<SiloHost>();

    [Fact]
    public async Task Silo_CannotGoOn_IsReplacedWhileContainersAreWatchedOn()
    {
        var container = await _sensor.StartContainerAsync(_node.Services.GetRequiredService<IGrainFactory>(), NodeHostFixture.NodeName, "c1", "/bin/before");
        Assert.Equal((SiloState.Alone, ""), (Silo.Status.State, Silo.Status.Reason));
        var watched = _node.Services.GetRequiredService<ContainerGrains>()(container);

        Fail();
        await Wait.UntilAsync(() => Silo.Status.State, static state => state == SiloState.Changing, "silo that is being replaced");

        // The pause after the failure is longer than that takes.
        await watched.IngestAsync(Run("/dev/shm/x", "/bin/meanwhile"));
        var alerts = await Wait.UntilAsync(
            () => _node.Services.GetRequiredService<AlertDispatcher>().Alerts.Sum(static alert => alert.Count), static count => count > 0, "alert", TimeSpan.FromSeconds(1));
        Assert.Equal(SiloState.Changing, Silo.Status.State);
        await Assert.ThrowsAsync<SiloAwayException>(() => _node.Services.GetRequiredService<CurrentSilo>().CallAsync(static grains => Task.FromResult(grains)));

        await Wait.UntilAsync(() => Silo.Status, static status => status is { State: SiloState.Alone, Changes: 1 }, "second silo");
        await watched.IngestAsync(Run("/bin/after"));
        var status = await Wait.UntilAsync(watched.GetStatusAsync, static status => status is { DeltasUnstored: 0 }, "container with everything stored");
        Assert.Equal((4, alerts), (status!.Events, status.Alerts));
        var profile = await _node.Services.GetRequiredService<CurrentSilo>().CallAsync(grains => grains.GetGrain<IWorkloadGrain>(container.Workload.GrainKey).GetProfileAsync());
        Assert.Equal(["/bin/after", "/bin/before", "/bin/meanwhile"], profile!.Containers[0].Execs.Select(static exec => exec.Path).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Silo_ThatDoesNotStopInTime_LeavesNothingThatRunsOn()
    {
        var stuck = new TaskCompletionSource();
        var process = new ProcessWith(_node.Services, silo => silo.Services.AddSingleton<ILifecycleParticipant<ISiloLifecycle>>(new StuckAtTheEnd(stuck.Task)));
        var silo = new InnerSilo(process, new ClusterOptions());
        await silo.StartAsync();
        var directory = silo.Services.GetServices<ILifecycleParticipant<ISiloLifecycle>>().Single(static part => part.GetType().Name == "LocalGrainDirectory");
        var updates = (Task)directory.GetType().GetField("membershipUpdatesTask", BindingFlags.Instance | BindingFlags.NonPublic)!.GetValue(directory)!;
        Assert.False(updates.IsCompleted);

        await silo.EndAsync(TimeSpan.FromSeconds(1));

        // It would take a whole processor for as long as the process lives.
        await Wait.UntilAsync(() => updates.IsCompleted, static ended => ended, "end of the directory's look at the membership");
        stuck.SetResult();
    }

    /// <summary>Orleans itself refuses to: it would listen at its port for as long as the process lives.</summary>
    [Fact]
    public async Task Silo_ThatCouldNotStart_IsStopped()
    {
        var stopped = new TaskCompletionSource();
        var process = new ProcessWith(_node.Services, silo => silo.Services.AddSingleton<ILifecycleParticipant<ISiloLifecycle>>(new FailingStart(stopped)));
        var silo = new InnerSilo(process, new ClusterOptions());
        await Assert.ThrowsAsync<TimeZoneNotFoundException>(silo.StartAsync);

        await silo.EndAsync(TimeSpan.FromSeconds(20));

        Assert.True(stopped.Task.IsCompleted, "what had been started is not stopped");
    }

    [Fact]
    public async Task Silo_FailsAgainAndAgain_IsReplacedMoreSlowlyUntilTheProcessEnds()
    {
        var replaced = 0;
        while (!_node.Stopping.IsCancellationRequested)
        {
            var changes = Silo.Status.Changes;
            Fail();
            await Wait.UntilAsync(
                () => _node.Stopping.IsCancellationRequested || Silo.Status is { State: SiloState.Alone } status && status.Changes > changes, static done => done, "next silo, or the end");
            replaced += _node.Stopping.IsCancellationRequested ? 0 : 1;
        }

        Assert.Equal(4, replaced);
    }

    private void Fail() => Silo.Services.GetRequiredService<IFatalErrorHandler>().OnFatalException(context: "The test wants it.");

    private static EventBatch Run(params string[] programs)
    {
        var batch = new EventBatch(programs.Length);
        foreach (var program in programs)
        {
            batch.Add() = new SensorEvent
            {
                Kind = EventKind.Exec,
                Timestamp = (DateTimeOffset.UtcNow - DateTimeOffset.UnixEpoch).Ticks * 100,
                Process = new ProcessIdentity { Key = new ProcessKey(42, 1), Parent = new ProcessKey(1, 1), Comm = "sh" },
                Path = program,
                Executable = program,
                Details = new ExecDetails(program, "/", [program]),
                ParentComm = "sh",
            };
        }

        return batch;
    }

    private sealed class ProcessWith(IServiceProvider process, SiloSetup setup) : IServiceProvider
    {
        public object? GetService(Type serviceType) => serviceType == typeof(SiloSetup) ? setup : process.GetService(serviceType);
    }

    private sealed class StuckAtTheEnd(Task until) : ILifecycleParticipant<ISiloLifecycle>
    {
        public void Participate(ISiloLifecycle lifecycle) => lifecycle.Subscribe(nameof(StuckAtTheEnd), ServiceLifecycleStage.Active, static _ => Task.CompletedTask, _ => until);
    }

    private sealed class FailingStart(TaskCompletionSource stopped) : ILifecycleParticipant<ISiloLifecycle>
    {
        public void Participate(ISiloLifecycle lifecycle)
        {
            lifecycle.Subscribe("started", ServiceLifecycleStage.RuntimeInitialize, static _ => Task.CompletedTask, _ => Task.FromResult(stopped.TrySetResult()));
            lifecycle.Subscribe("failing", ServiceLifecycleStage.BecomeActive, static _ => throw new TimeZoneNotFoundException());
        }
    }
}
