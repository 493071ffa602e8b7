using System.Collections.Concurrent;
using KubeCop.Core.Workloads;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace KubeCop.Sensor.Containers.Runtimes;

/// <summary>
/// The runtimes' sockets of this host. Nothing depends on them: containers are found by their cgroups and described by the runtimes' files;
/// a runtime is asked for what is on no disk, and its silence is reported.
/// </summary>
internal sealed class RuntimeSockets : BackgroundService
{
    private const int MaxKept = 4096;

    private static readonly TimeSpan Period = TimeSpan.FromSeconds(10);

    // /var/run is a link to /run everywhere.
    private static readonly string[] UsualPlaces =
    [
        "/run/containerd/containerd.sock", "/run/k3s/containerd/containerd.sock", "/run/k0s/containerd.sock",
        "/var/snap/microk8s/common/run/containerd.sock", "/run/crio/crio.sock", "/run/cri-dockerd.sock", "/run/docker.sock", "/run/podman/podman.sock",
    ];

    private readonly ConcurrentDictionary<string, RuntimeSocket> _sockets = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, RuntimeFacts> _answers = new(StringComparer.Ordinal);
    private readonly string _hostRoot;
    private readonly TimeSpan _timeout;
    private readonly bool _isSet;
    private readonly TimeProvider _time;
    private readonly ILogger<RuntimeSockets> _logger;
    private readonly CancellationTokenSource _stopping = new();

    public RuntimeSockets(IOptions<NodeOptions> node, IOptions<ContainersOptions> options, TimeProvider time, ILogger<RuntimeSockets> logger)
    {
        (_hostRoot, _timeout, _time, _logger) = (node.Value.HostRoot.TrimEnd('/'), options.Value.RuntimeTimeout, time, logger);
        _isSet = options.Value.RuntimeSockets.Count > 0;
        foreach (var path in options.Value.RuntimeSockets.Select(ContainersOptions.PathOf).OfType<string>())
        {
            Add(path);
        }

        LookAround();
    }

    public IReadOnlyList<RuntimeStatus> Status =>
        [.. _sockets.Values.Select(static socket => socket.Status).OrderBy(static status => status.Socket, StringComparer.Ordinal)];

    /// <summary>
    /// Asks the runtimes about a container. One that hangs costs the set time once and is then left alone; no other is asked after that time.
    /// </summary>
    /// <param name="id">The runtime's id of it.</param>
    /// <returns>Null when nobody knows it or answers.</returns>
    public RuntimeFacts? Describe(string id, RuntimeApi api)
    {
        if (_answers.TryGetValue(id, out var known))
        {
            return known;
        }

        LookAround();
        var started = _time.GetTimestamp();
        foreach (var socket in _sockets.Values
            .Where(socket => socket.Api == api && socket.MayBeAsked && _time.GetElapsedTime(started) < _timeout))
        {
            if (socket.DescribeAsync(id, _stopping.Token).GetAwaiter().GetResult() is { } facts)
            {
                if (_answers.Count >= MaxKept)
                {
                    // Of containers that run, an answer is only needed again for cgroups they make themselves.
                    _answers.Clear();
                }

                return _answers[id] = facts;
            }
        }

        return null;
    }

    /// <summary>Looks how each is doing.</summary>
    /// <param name="all">Also those that somebody's look would start.</param>
    public Task ProbeAsync(bool all, CancellationToken cancellationToken)
    {
        LookAround();
        return Task.WhenAll(_sockets.Values.Select(socket =>
        {
            if (socket.IsShy && !all && !_isSet)
            {
                socket.LookForFile();
                return Task.CompletedTask;
            }

            return socket.MayBeAsked ? socket.ProbeAsync(cancellationToken) : Task.CompletedTask;
        }));
    }

    /// <summary>Has asked everybody once when it returns, so that the containers that run already find open doors.</summary>
    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        await ProbeAsync(all: false, cancellationToken);
        await base.StartAsync(cancellationToken);
    }

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await _stopping.CancelAsync();
        await base.StopAsync(cancellationToken);
    }

    public override void Dispose()
    {
        base.Dispose();
        foreach (var socket in _sockets.Values)
        {
            socket.Dispose();
        }

        _stopping.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Period, _time);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
            {
                await ProbeAsync(all: false, stoppingToken);
            }
        }
        catch (OperationCanceledException)
        {
            // The end.
        }
    }

    private void LookAround()
    {
        foreach (var path in _isSet ? [] : UsualPlaces)
        {
            if (!_sockets.ContainsKey(path) && File.Exists(_hostRoot + path))
            {
                Add(path);
            }
        }
    }

    private void Add(string path) => _sockets.GetOrAdd(path, path => new RuntimeSocket(path, _hostRoot + path, _timeout, _time, _logger));
}
