using System.Net;
using k8s;
using KubeCop.Core.Workloads;
using KubeCop.Kubernetes;
using KubeCop.Kubernetes.Api;
using KubeCop.Kubernetes.Membership;
using KubeCop.Kubernetes.Pods;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Orleans.Configuration;

namespace KubeCop.Benchmarks;

/// <summary>
/// What of a node talks to its API server, without the rest of the node: the watch of its pods, and the membership table, asked as a silo asks it.
/// Connection and caches are the node's own.
/// </summary>
internal sealed class SimulatedNode(int number, string kubeconfig, string directory, TimeProvider clock) : IAsyncDisposable
{
    private static readonly ClusterMembershipOptions Membership = MembershipOptions();

    /// <summary>Silos write one after the other, as they do when they are restarted one after the other.</summary>
    private static readonly SemaphoreSlim Turn = new(1);

    private CancellationTokenSource _stop = new();
    private ServiceProvider? _services;
    private KubernetesMembershipTable? _table;
    private MembershipEntry? _entry;
    private Task _running = Task.CompletedTask;
    private int _generation;

    public static string NameOf(int number) => $"node-{number}";

    public IServiceProvider Services => _services!;

    /// <summary>Starts it; it is a member, and knows its pods, when this ends.</summary>
    public async Task StartAsync(int pods)
    {
        _stop = new CancellationTokenSource();
        var services = new ServiceCollection().AddLogging().AddSingleton(clock);
        services.AddSingleton(Options.Create(new NodeOptions { Name = NameOf(number), DataDirectory = Directory.CreateDirectory(Path.Combine(directory, NameOf(number))).FullName }));
        services.AddKubernetes(new KubernetesOptions { Kubeconfig = kubeconfig });
        _services = services.BuildServiceProvider();
        await _services.GetRequiredService<PodWatch>().StartAsync(CancellationToken.None);
        _table = new KubernetesMembershipTable(
            _services.GetRequiredService<IKubernetes>(),
            Options.Create(new KubernetesMembershipOptions { Namespace = ApiServerPart.Namespace }),
            Options.Create(new ClusterOptions { ClusterId = "kubecop" }),
            Options.Create(Membership),
            clock,
            NullLogger<KubernetesMembershipTable>.Instance);
        _entry = new MembershipEntry
        {
            SiloAddress = SiloAddress.New(new IPEndPoint(new IPAddress([10, 0, (byte)(number / 250), (byte)(number % 250)]), 11111), ++_generation),
            HostName = $"kubecop-{number:x5}",
            SiloName = NameOf(number),
            Status = SiloStatus.Joining,
            StartTime = clock.GetUtcNow().UtcDateTime,
            IAmAliveTime = clock.GetUtcNow().UtcDateTime,
        };

        // As kubecop looks whether it can join, and then a silo does.
        await _table.InitializeMembershipTableAsync(true, _stop.Token);
        await _table.ReadAllAsync(_stop.Token);
        await _table.InitializeMembershipTableAsync(true, _stop.Token);
        await _table.ReadAllAsync(_stop.Token);
        await WriteAsync(SiloStatus.Joining);
        await WriteAsync(SiloStatus.Active);
        _running = Task.WhenAll(
            RepeatAsync(Membership.TableRefreshTimeout, () => _table.ReadAllAsync(_stop.Token)), RepeatAsync(Membership.IAmAliveTablePublishTimeout, UpdateIAmAliveAsync, atOnce: true));
        var known = _services.GetRequiredService<PodDirectory>();
        while (known.Pods.Count(static pod => pod.Workload is not null) < pods)
        {
            await Task.Delay(5);
        }
    }

    /// <summary>Ends it in order.</summary>
    public async Task StopAsync()
    {
        await _stop.CancelAsync();
        await _running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await WriteAsync(SiloStatus.ShuttingDown);
        await WriteAsync(SiloStatus.Dead);
        await DisposeAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (_services is { } services)
        {
            await services.GetRequiredService<PodWatch>().StopAsync(CancellationToken.None);
            services.GetRequiredService<IKubernetes>().Dispose();
            await services.DisposeAsync();
            _services = null;
        }
    }

    private static ClusterMembershipOptions MembershipOptions()
    {
        var options = new ClusterMembershipOptions { TableRefreshTimeout = TimeSpan.FromMinutes(1) };
        KubernetesMembershipOptions.UseDefaults(options);
        return options;
    }

    /// <summary>A silo reads the table before each write of its own.</summary>
    private async Task WriteAsync(SiloStatus status)
    {
        await Turn.WaitAsync();
        try
        {
            for (var isDone = false; !isDone;)
            {
                var data = await _table!.ReadAllAsync(CancellationToken.None);
                var known = data.Members.FirstOrDefault(member => member.Item1.SiloAddress.Equals(_entry!.SiloAddress));
                _entry!.Status = status;
                isDone = known is null
                    ? await _table.InsertRowAsync(_entry, data.Version.Next(), CancellationToken.None)
                    : await _table.UpdateRowAsync(_entry, known.Item2, data.Version.Next(), CancellationToken.None);
            }
        }
        finally
        {
            Turn.Release();
        }
    }

    private Task UpdateIAmAliveAsync()
    {
        _entry!.IAmAliveTime = clock.GetUtcNow().UtcDateTime;
        return _table!.UpdateIAmAliveAsync(_entry, _stop.Token);
    }

    private async Task RepeatAsync(TimeSpan period, Func<Task> act, bool atOnce = false)
    {
        // Not all at the same time.
        await Task.Delay(atOnce ? TimeSpan.Zero : period * Random.Shared.NextDouble(), clock, _stop.Token);
        using var timer = new PeriodicTimer(period, clock);
        do
        {
            await act();
        }
        while (await timer.WaitForNextTickAsync(_stop.Token));
    }
}
