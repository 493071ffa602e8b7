using KubeCop.Core.Events;
using KubeCop.Core.Workloads;
using KubeCop.Grains.Abstractions.Containers;
using KubeCop.Sensor;
using Microsoft.Extensions.DependencyInjection;

namespace KubeCop.Tests.Host.Node;

/// <summary>A sensor without a kernel: tests say which containers there are and what happens in them.</summary>
internal sealed class FakeSensor : ISensor, IKernelClock
{
    private readonly List<string> _containers = [];

    public TaskCompletionSource ReadySource { get; } = new();

    public Task Ready => ReadySource.Task;

    /// <summary>Stands for the kernel's memory of what was seen; null for none.</summary>
    public IRepeatFilter? Repeats { get; set; }

    /// <summary>Whose the containers are that start from here on; null for none.</summary>
    public PodDescription? Pod { get; set; }

    public IReadOnlyList<string> ContainerIds => _containers;

    public SensorStatus GetStatus() => new()
    {
        Ready = Ready.IsCompletedSuccessfully,
        Hooks =
        [
            new HookStatus("sched_process_exec", "sched_process_exec", "BTF tracepoint", true, ""),
            new HookStatus("cap_capable", "cap_capable_exit", "fexit", false, "not permitted"),
            new HookStatus("connect6", "connect6", "cgroup", false, "not permitted"),
        ],
        Events = new Dictionary<EventKind, long> { [EventKind.Exec] = 7, [EventKind.Open] = 11, [EventKind.Syscall] = 5 },
        Lost = [new LossCount(EventKind.Open, "ring_full", 3)],
        LostByContainer = [new ContainerLoss("lossy", new LossCount(EventKind.Open, "ring_full", 2)), new ContainerLoss("lossy", new LossCount(EventKind.Exec, "ring_full", 1))],
        Rings = [new RingFill("critical", 4096, 0, 0), new RingFill("bulk", 4096, 512, 2048)],
        BatchesInFlight = 2,
        Containers = _containers.Count,
        Cgroups = _containers.Count,
    };

    public DateTimeOffset ToUtc(long bootNanoseconds) => DateTimeOffset.UnixEpoch.AddTicks(bootNanoseconds / 100);

    public void AddTo(IServiceCollection services)
    {
        services.AddSingleton<ISensor>(this);
        services.AddSingleton<IKernelClock>(this);
        if (Repeats is not null)
        {
            services.AddSingleton(Repeats);
        }
    }

    /// <summary>A container starts and runs programs.</summary>
    public async Task<ContainerDescription> StartContainerAsync(IGrainFactory grains, string node, string id, params string[] programs)
    {
        var now = DateTimeOffset.UtcNow;
        var container = new ContainerDescription
        {
            Id = id,
            Name = "web",
            Runtime = "containerd",
            Node = node,
            Workload = new WorkloadKey("default", "Container", id),
            Image = "busybox:latest",
            Pod = Pod,
            Origin = ContainerOrigin.Started,
            SeenAt = now,
            CgroupId = (ulong)id.GetHashCode(StringComparison.Ordinal),
            CgroupPath = $"/default/{id}",
            Revision = "0123456789abcdef",
        };
        var grain = grains.GetGrain<IContainerGrain>($"{node}/{id}");
        await grain.StartAsync(container);
        _containers.Add(id);
        await RunAsync(grains, node, id, EventFlags.None, programs);
        await grain.FlushAsync();
        return container;
    }

    /// <summary>Programs run in a container that has started.</summary>
    public static Task RunAsync(IGrainFactory grains, string node, string id, EventFlags flags, params string[] programs)
    {
        var batch = new EventBatch(Math.Max(1, programs.Length));
        foreach (var program in programs)
        {
            batch.Add() = new SensorEvent
            {
                Kind = EventKind.Exec,
                Flags = flags,
                Timestamp = (DateTimeOffset.UtcNow - DateTimeOffset.UnixEpoch).Ticks * 100,
                Process = new ProcessIdentity { Key = new ProcessKey(42, 1), Parent = new ProcessKey(1, 1), Comm = "sh" },
                Path = program,
                Executable = program,
                Details = new ExecDetails(program, "/", [program]),
                ParentComm = "sh",
            };
        }

        return grains.GetGrain<IContainerGrain>($"{node}/{id}").IngestAsync(batch);
    }
}
