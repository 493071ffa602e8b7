using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using KubeCop.Core.Workloads;
using KubeCop.Sensor.Containers;
using Microsoft.Extensions.Logging;

namespace KubeCop.Sensor.Routing;

/// <summary>A question: is this cgroup a container?</summary>
/// <param name="CgroupId">Its id.</param>
/// <param name="Path">Its path; empty when unknown.</param>
/// <param name="SeenAt">When it was made.</param>
/// <param name="Maker">Who made it; null when that is unknown.</param>
internal sealed record DiscoveryRequest(ulong CgroupId, string Path, DateTimeOffset SeenAt, CgroupMaker? Maker);

/// <summary>The answer.</summary>
/// <param name="CgroupId">The cgroup asked for.</param>
/// <param name="Container">The container it is, or is a part of; its own cgroup may be another one.</param>
/// <param name="IsNoContainer">Certain. Otherwise, without a container, it may become one.</param>
internal sealed record DiscoveryResult(ulong CgroupId, ContainerDescription? Container, bool IsNoContainer);

/// <summary>Finds out, in its own time, which cgroups are containers.</summary>
internal interface IContainerDiscovery
{
    bool HasResults { get; }

    /// <summary>Asks; the answer comes through <see cref="TryTake"/>. Bounded by the caller, who asks once at a time for each cgroup.</summary>
    void Ask(DiscoveryRequest request);

    bool TryTake([NotNullWhen(true)] out DiscoveryResult? result);

    /// <summary>The container has ended.</summary>
    void Forget(ContainerDescription container);
}

/// <summary>Reads runtimes' files on a thread of its own, so that the ring's reader never waits for a disk.</summary>
internal sealed partial class ContainerDiscovery : IContainerDiscovery, IDisposable
{
    private readonly CgroupTree _tree;
    private readonly ContainerResolver _resolver;
    private readonly ContainerInventory _inventory;
    private readonly Action _wake;
    private readonly ILogger<ContainerDiscovery> _logger;
    private readonly BlockingCollection<Action> _work = new(new ConcurrentQueue<Action>());
    private readonly ConcurrentQueue<DiscoveryResult> _results = new();
    private readonly Thread _thread;

    public ContainerDiscovery(CgroupTree tree, ContainerResolver resolver, ContainerInventory inventory, Action wake, ILogger<ContainerDiscovery> logger)
    {
        _tree = tree;
        _resolver = resolver;
        _inventory = inventory;
        _wake = wake;
        _logger = logger;
        _thread = new Thread(Run) { Name = "kubecop-discovery", IsBackground = true };
        _thread.Start();
    }

    public bool HasResults => !_results.IsEmpty;

    public void Ask(DiscoveryRequest request) => Enqueue(() => Answer(request));

    public void Forget(ContainerDescription container) => Enqueue(() => _inventory.Remove(container.Id));

    public bool TryTake([NotNullWhen(true)] out DiscoveryResult? result) => _results.TryDequeue(out result);

    public void Dispose()
    {
        _work.CompleteAdding();
        _thread.Join();
        _work.Dispose();
    }

    private void Enqueue(Action action)
    {
        if (!_work.IsAddingCompleted)
        {
            _work.Add(action);
        }
    }

    private void Run()
    {
        try
        {
            _resolver.Rehearse();
        }
        catch (Exception exception)
        {
            LogNotRehearsed(exception);
        }

        foreach (var action in _work.GetConsumingEnumerable())
        {
            try
            {
                action();
            }
            catch (Exception exception)
            {
                LogFailed(exception);
            }
        }
    }

    private void Answer(DiscoveryRequest request)
    {
        var result = new DiscoveryResult(request.CgroupId, null, false);
        try
        {
            result = Look(request);
        }
        finally
        {
            _results.Enqueue(result);
            _wake();
        }
    }

    private DiscoveryResult Look(DiscoveryRequest request)
    {
        // The kernel's path starts at the hierarchy's root, which in a machine that is itself a container is not ours; or its record was lost.
        var path = _tree.StartsAtRoot && request.Path.Length > 0
            ? request.Path
            : _tree.List(out _).FirstOrDefault(cgroup => cgroup.Id == request.CgroupId).Path;
        if (path is null || _resolver.Classify(path).Verdict == Verdict.NotAContainer)
        {
            return new DiscoveryResult(request.CgroupId, null, IsNoContainer: true);
        }

        var container = _resolver.Resolve(request.CgroupId, path, ContainerOrigin.Started, request.SeenAt, request.Maker);
        if (container is not null && container.CgroupId == request.CgroupId)
        {
            _inventory.Add(container);
        }

        return new DiscoveryResult(request.CgroupId, container, IsNoContainer: false);
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Looking up containers could not be rehearsed: the first one may be over before it is recognised")]
    private partial void LogNotRehearsed(Exception exception);

    [LoggerMessage(Level = LogLevel.Error, Message = "A container could not be looked up; its events are kept and it is asked again at its next exec")]
    private partial void LogFailed(Exception exception);
}
