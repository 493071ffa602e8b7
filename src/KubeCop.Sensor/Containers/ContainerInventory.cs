using KubeCop.Core.Workloads;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace KubeCop.Sensor.Containers;

/// <summary>How a container that was watched before this start goes on.</summary>
/// <param name="Origin">Continued; or Attached, when its beginning had not been seen before either.</param>
/// <param name="SeenAt">When it was first seen by this node.</param>
/// <param name="Gap">The time in which nobody watched.</param>
/// <param name="Revision">As it was then: what a runtime does or does not answer after a restart changes nothing about what runs.</param>
internal sealed record KnownContainer(ContainerOrigin Origin, DateTimeOffset SeenAt, ObservationGap Gap, string Revision);

/// <summary>
/// The containers this node watches, kept in <c>inventory.json</c> of the data directory so that they are continued after a restart.
/// Written at most once a second, in the background; the file's time is the heartbeat that tells how long nobody watched. After kill -9
/// at most the last second is missing: a container started in it counts as first seen while running.
/// </summary>
internal sealed partial class ContainerInventory : IHostedService, IDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private readonly Lock _fileLock = new();
    private readonly Dictionary<string, InventoryEntry> _watched = new(StringComparer.Ordinal);
    private readonly Dictionary<string, InventoryEntry> _earlier = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (RuntimeEntry Entry, ulong CgroupId)> _unlisted = new(StringComparer.Ordinal);
    private readonly string _directory;
    private readonly string _bootId;
    private readonly InventoryFile _file;
    private readonly TimeProvider _time;
    private readonly ILogger<ContainerInventory> _logger;
    private DateTimeOffset _startedAt;
    private ITimer? _timer;
    private bool _changed = true;
    private bool _failing;

    public ContainerInventory(IOptions<NodeOptions> node, TimeProvider time, ILogger<ContainerInventory> logger)
        : this(node.Value.DataDirectory, File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim(), time, logger)
    {
    }

    internal ContainerInventory(string directory, string bootId, TimeProvider time, ILogger<ContainerInventory> logger)
    {
        (_directory, _bootId, _time, _logger) = (directory, bootId, time, logger);
        _file = new InventoryFile(Path.Combine(directory, "inventory.json"), time, logger);
    }

    /// <summary>When the sensor was last alive before this start; null when it never was.</summary>
    public DateTimeOffset? LastAlive { get; private set; }

    /// <summary>Reads what an earlier run knew, and writes from now on.</summary>
    /// <exception cref="SensorException">The data directory cannot be used.</exception>
    public void Start()
    {
        try
        {
            Directory.CreateDirectory(_directory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new SensorException($"The data directory '{_directory}' cannot be made: {e.Message}", "Name another one with --data-dir.", e);
        }

        _startedAt = _time.GetUtcNow();
        LastAlive = _file.Touched is { } touched && touched < _startedAt ? touched : null;
        if (_file.Load() is { } content && content.BootId == _bootId)
        {
            foreach (var entry in content.Containers)
            {
                _earlier[entry.Id] = entry;
                if (entry.BundlePath.Length > 0)
                {
                    Keep(new RuntimeEntry(entry.Id, entry.Runtime, "default", entry.BundlePath, entry.CgroupPath), entry.CgroupId);
                }
            }
        }

        // First write: reports a full or read-only disk at once, and starts the heartbeat.
        Save();
        _timer = _time.CreateTimer(_ => Tick(), null, Interval, Timeout.InfiniteTimeSpan);
    }

    /// <returns>Null unless the container was watched before this start of the sensor and has run since: same boot, same cgroup.</returns>
    public KnownContainer? Find(string id, ulong cgroupId)
    {
        lock (_lock)
        {
            return _earlier.TryGetValue(id, out var entry) && entry.CgroupId == cgroupId
                ? new KnownContainer(
                    entry.Origin == ContainerOrigin.Attached ? ContainerOrigin.Attached : ContainerOrigin.Continued,
                    entry.SeenAt,
                    new ObservationGap(LastAlive ?? _startedAt, _startedAt),
                    entry.Revision)
                : null;
        }
    }

    /// <summary>Remembers a container that no runtime's state told of, such as one of <c>runc --root ELSEWHERE</c>: once it runs, nothing says what it is.</summary>
    public void Keep(RuntimeEntry entry, ulong cgroupId)
    {
        lock (_lock)
        {
            _unlisted[entry.CgroupPath!] = (entry, cgroupId);
        }
    }

    /// <returns>What is remembered of the container whose own cgroup this was, and the cgroup's id then; null when nothing is.</returns>
    public (RuntimeEntry Entry, ulong CgroupId)? FindUnlisted(string cgroupPath)
    {
        lock (_lock)
        {
            return _unlisted.TryGetValue(cgroupPath, out var unlisted) ? unlisted : null;
        }
    }

    /// <summary>The container is watched from now on.</summary>
    public void Add(ContainerDescription container)
    {
        lock (_lock)
        {
            _watched[container.Id] = new InventoryEntry
            {
                Id = container.Id,
                Name = container.Name,
                Runtime = container.Runtime,
                Workload = container.Workload,
                Revision = container.Revision,
                CgroupId = container.CgroupId,
                CgroupPath = container.CgroupPath,
                BundlePath = _unlisted.TryGetValue(container.CgroupPath, out var unlisted) && unlisted.Entry.Id == container.Id ? unlisted.Entry.BundlePath : "",
                Origin = container.Origin,
                SeenAt = container.SeenAt,
            };
            _changed = true;
        }
    }

    /// <summary>The container has ended.</summary>
    public void Remove(string id)
    {
        lock (_lock)
        {
            Forget(_watched.GetValueOrDefault(id));
            Forget(_earlier.GetValueOrDefault(id));
            _changed |= _watched.Remove(id);
            _changed |= _earlier.Remove(id);
        }
    }

    /// <summary>
    /// All running containers have been added: those of the earlier run that are not among them ended while nobody watched. Until this is
    /// called they are kept, so that a start that fails half-way forgets nobody.
    /// </summary>
    /// <returns>The forgotten containers.</returns>
    public IReadOnlyList<InventoryEntry> ForgetEnded()
    {
        lock (_lock)
        {
            var ended = _earlier.Values.Where(entry => !IsWatched(entry)).ToList();
            foreach (var entry in ended)
            {
                _earlier.Remove(entry.Id);
                Forget(entry);
            }

            _changed |= ended.Count > 0;
            return ended;
        }
    }

    public void Dispose() => _timer?.Dispose();

    Task IHostedService.StartAsync(CancellationToken cancellationToken)
    {
        Start();
        return Task.CompletedTask;
    }

    Task IHostedService.StopAsync(CancellationToken cancellationToken)
    {
        _timer?.Dispose();
        Write();
        return Task.CompletedTask;
    }

    private bool IsWatched(InventoryEntry entry) => _watched.TryGetValue(entry.Id, out var now) && now.CgroupId == entry.CgroupId;

    private void Forget(InventoryEntry? entry)
    {
        if (entry is not null && _unlisted.TryGetValue(entry.CgroupPath, out var unlisted) && unlisted.CgroupId == entry.CgroupId)
        {
            _unlisted.Remove(entry.CgroupPath);
        }
    }

    private void Tick()
    {
        Write();
        try
        {
            _timer?.Change(Interval, Timeout.InfiniteTimeSpan);
        }
        catch (ObjectDisposedException)
        {
            // Stopped meanwhile.
        }
    }

    private void Write()
    {
        try
        {
            Save();
            _failing = false;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            if (!_failing)
            {
                LogWarningNotSaved(_directory, e.Message);
            }

            _failing = true;
        }
    }

    private void Save()
    {
        lock (_fileLock)
        {
            InventoryContent? content = null;
            lock (_lock)
            {
                if (_changed)
                {
                    _changed = false;
                    var entries = _earlier.Values.Where(entry => !_watched.ContainsKey(entry.Id)).Concat(_watched.Values);
                    content = new InventoryContent(InventoryContent.CurrentVersion, _bootId, [.. entries]);
                }
            }

            if (content is null)
            {
                _file.Touch();
                return;
            }

            try
            {
                _file.Save(content);
            }
            catch
            {
                lock (_lock)
                {
                    _changed = true;
                }

                throw;
            }
        }
    }

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "The container inventory in {Directory} cannot be written; until it can, containers started now will count as first seen while running after a restart. {Problem}")]
    private partial void LogWarningNotSaved(string directory, string problem);
}
