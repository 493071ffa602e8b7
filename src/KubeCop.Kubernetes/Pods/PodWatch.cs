using System.Collections.Concurrent;
using System.Net;
using k8s;
using KubeCop.Core;
using KubeCop.Core.Workloads;
using KubeCop.Kubernetes.Api;
using KubeCop.Kubernetes.Watching;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace KubeCop.Kubernetes.Pods;

/// <summary>Follows the pods of this node, finds their workloads, and keeps both in the directory and, for the next start, in its file.</summary>
internal sealed partial class PodWatch : BackgroundService, IObjectTarget
{
    /// <summary>Of a mirror pod: the uid its containers have, which is a hash of the static pod (kubernetes, pkg/kubelet/types).</summary>
    private const string MirrorAnnotation = "kubernetes.io/config.mirror";

    /// <summary>Questions for owners at one time.</summary>
    private const int Concurrency = 4;

    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan SavePeriod = TimeSpan.FromSeconds(1);

    private readonly PodDirectory _directory;
    private readonly PodCache _cache;
    private readonly OwnerResolver _owners;
    private readonly TimeProvider _time;
    private readonly ILogger<PodWatch> _logger;
    private readonly ObjectWatch _watch;
    private readonly ConcurrentDictionary<PodKey, UnresolvedPod> _unresolved = new();
    private readonly SemaphoreSlim _work = new(0);
    private volatile string? _ownerFailure;

    public PodWatch(ApiClient api, PodDirectory directory, PodCache cache, OwnerResolver owners, IOptions<NodeOptions> node, TimeProvider time, ILogger<PodWatch> logger)
    {
        (_directory, _cache, _owners, _time, _logger) = (directory, cache, owners, time, logger);
        var pods = new ObjectSelection(ApiResource.Pods, FieldSelector: $"spec.nodeName={node.Value.Name}", MetadataOnly: true);
        _watch = new ObjectWatch(api, pods, this, time, logger);
    }

    /// <summary>Why this node does not know of new pods, or not which workload they belong to; null when it does.</summary>
    public string? Failure => _watch.Failure ?? _ownerFailure;

    /// <summary>Pods whose workload is asked for.</summary>
    internal int Unresolved => _unresolved.Count;

    public void Replace(IReadOnlyList<ApiObject> objects)
    {
        var there = objects.Select(KeyOf).ToHashSet();
        foreach (var pod in objects)
        {
            Set(pod);
        }

        foreach (var pod in _directory.Pods.Where(pod => !there.Contains(pod.Key)))
        {
            Gone(pod.Key);
        }

        _directory.Listed();
    }

    public void Apply(WatchEventType type, ApiObject changed)
    {
        if (type == WatchEventType.Deleted)
        {
            Gone(KeyOf(changed));
        }
        else
        {
            Set(changed);
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        _directory.Remember(_cache.Load());
        await Task.WhenAll(_watch.RunAsync(stoppingToken), ResolveAsync(stoppingToken), SaveAsync(stoppingToken));
    }

    private static PodKey KeyOf(ApiObject pod) => new(MirroredUidOf(pod) ?? pod.Metadata.Uid, pod.Metadata.NamespaceProperty, pod.Metadata.Name);

    private static string? MirroredUidOf(ApiObject pod) => pod.Metadata.Annotations?.TryGetValue(MirrorAnnotation, out var hash) == true ? hash : null;

    private void Set(ApiObject pod)
    {
        var (uid, ns, name) = KeyOf(pod);
        var owner = OwnerReference.ControllerOf(pod.Metadata);
        // A mirror pod may be deleted, and is made again, while its static pod runs: nothing may go with it.
        var itself = MirroredUidOf(pod) is null ? new WorkloadObject("v1", pod.Metadata.Uid) : null;
        var workload = owner is null ? new Workload(new WorkloadKey(ns, "Pod", name), itself) : _owners.Find(ns, owner);
        var labels = pod.Metadata.Labels is { } given ? new Dictionary<string, string>(given, StringComparer.Ordinal) : [];
        var known = new KnownPod(uid, ns, name, labels, workload);
        if (!_directory.Set(known) && _unresolved.TryAdd(known.Key, new UnresolvedPod(known, owner!)))
        {
            _work.Release();
        }
    }

    private void Gone(PodKey pod) => _directory.Gone(pod);

    private async Task ResolveAsync(CancellationToken stoppingToken)
    {
        var pause = new RetryPause(FirstPause, LongestPause);
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await _work.WaitAsync(stoppingToken);
                if (await ResolveAllAsync(stoppingToken) is { } failure)
                {
                    if (_ownerFailure != failure.Message)
                    {
                        LogWarningNoOwner(_unresolved.Count, failure.Message);
                    }

                    _ownerFailure = failure.Message;
                    await Task.Delay(pause.Next(failure.RetryAfter), _time, stoppingToken);
                    _work.Release();
                }
                else
                {
                    pause.Succeeded();
                    _ownerFailure = null;
                }
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
        }
    }

    /// <returns>Why some are not known yet; null when all are.</returns>
    private async Task<ApiException?> ResolveAllAsync(CancellationToken stoppingToken)
    {
        // Pods may come and go for hours without anybody saying whose they are.
        foreach (var pod in _unresolved.Keys.Where(pod => !_directory.Knows(pod)))
        {
            _unresolved.TryRemove(pod, out _);
        }

        ApiException? failure = null;
        try
        {
            var options = new ParallelOptions { MaxDegreeOfParallelism = Concurrency, CancellationToken = stoppingToken };
            await Parallel.ForEachAsync(_unresolved.Values.GroupBy(static pod => pod.Owner.Uid), options, async (pods, token) =>
            {
                try
                {
                    await ResolveAsync(pods, token);
                }
                catch (ApiException exception) when (exception.Code is < HttpStatusCode.InternalServerError and not HttpStatusCode.TooManyRequests)
                {
                    // An owner that may not be asked for keeps nobody from asking for the others.
                    failure = exception;
                }
            });
        }
        catch (ApiException exception)
        {
            failure = exception;
        }

        return failure;
    }

    private async Task ResolveAsync(IEnumerable<UnresolvedPod> podsOfOneOwner, CancellationToken cancellationToken)
    {
        foreach (var pod in podsOfOneOwner)
        {
            var workload = await _owners.ResolveAsync(pod.Pod.Namespace, pod.Owner, cancellationToken);
            _unresolved.TryRemove(pod.Pod.Key, out _);
            _directory.Resolve(pod.Pod.Key, workload);
        }
    }

    private async Task SaveAsync(CancellationToken stoppingToken)
    {
        for (var saved = 0L; !stoppingToken.IsCancellationRequested;)
        {
            await _directory.ChangedAsync(saved, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await Task.Delay(SavePeriod, _time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (_directory.Version is var version && version != saved)
            {
                saved = version;
                _cache.Save(_directory.Pods);
            }
        }
    }

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "The workloads of {Count} pods are not known yet; their containers are judged by signatures alone, what they do is kept, and it is tried again. {Reason}")]
    private partial void LogWarningNoOwner(int count, string reason);

    private sealed record UnresolvedPod(KnownPod Pod, OwnerReference Owner);
}
