using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Text.Json;
using KubeCop.Core.Workloads;
using KubeCop.Grains.Abstractions.Containers;
using KubeCop.Sensor.Bpf;
using KubeCop.Sensor.Decoding;
using KubeCop.Sensor.Routing;
using Microsoft.Extensions.Logging;

namespace KubeCop.Sensor.Recording;

/// <summary>What was replayed.</summary>
/// <param name="Events">Events of containers and of what might have become one.</param>
/// <param name="Containers">Containers that were watched.</param>
/// <param name="Duration">Of the recording.</param>
/// <param name="Lost">Events that were lost when it was recorded, and records its file misses.</param>
/// <param name="Damage">Why its end is missing; null when it is whole.</param>
public sealed record ReplayResult(long Events, int Containers, TimeSpan Duration, long Lost, string? Damage);

/// <summary>
/// Feeds a recording to decoder, router and whoever stands for the grains, as the sensor would, on the caller's thread and in recorded time.
/// Needs no privilege. The same recording always has the same outcome, if the grains answer at once.
/// </summary>
public sealed class RecordingReplay : IDisposable
{
    /// <summary>In recorded time, as the sensor does it in its own.</summary>
    private const long Second = 1_000_000_000;

    /// <summary>Records that are read before the batches go to the grains.</summary>
    private const int Chunk = 64;

    private readonly RecordingReader _reader;
    private readonly string _path;

    /// <exception cref="RecordingException">It is no recording that can be read.</exception>
    public RecordingReplay(string path)
    {
        _path = path;
        _reader = new RecordingReader(path);
        Time = new RecordedTime(_reader.Header.Booted, _reader.Header.Started);
    }

    /// <summary>The clock by which all is to be done.</summary>
    public RecordedTime Time { get; }

    /// <summary>Reads to the end.</summary>
    /// <param name="grains">Who takes a container's events. Its tasks must be complete when it returns them.</param>
    /// <param name="tick">Called about once a second of recorded time.</param>
    /// <exception cref="RecordingException">The file cannot be read, or holds what KubeCop never writes.</exception>
    public ReplayResult Run(Func<ContainerDescription, IContainerGrain> grains, SensorOptions options, Action tick, ILoggerFactory loggers, CancellationToken cancellationToken)
    {
        var kernel = new RecordedLosses();
        var discovery = new RecordedAnswers();
        var containers = new HashSet<string>(StringComparer.Ordinal);
        var router = new ContainerRouter(kernel, discovery, Grain, options, Time, static () => { }, loggers.CreateLogger<ContainerRouter>());
        var nextTick = _reader.Header.Started + Second;
        var missing = 0L;
        var frames = 0L;
        try
        {
            while (_reader.TryRead(out var type, out var content))
            {
                cancellationToken.ThrowIfCancellationRequested();
                frames++;
                switch (type)
                {
                    case FrameType.Record when content.Length >= Unsafe.SizeOf<EventHead>():
                        AdvanceTo((long)EventDecoder.Head(content).TimestampNs);
                        router.Consume(content);
                        break;
                    case FrameType.Discovered when JsonSerializer.Deserialize(content, RecordingJson.Default.DiscoveryResult) is { } result:
                        discovery.Add(result);
                        router.Settle();
                        break;
                    case FrameType.Adopted when JsonSerializer.Deserialize(content, RecordingJson.Default.ContainerDescription) is { } container:
                        router.Adopt(container);
                        break;
                    case FrameType.Lost when content.Length == 16:
                        kernel.Add(BinaryPrimitives.ReadUInt64LittleEndian(content), BinaryPrimitives.ReadInt64LittleEndian(content[8..]));
                        break;
                    case FrameType.Missing when content.Length == 8:
                        missing += BinaryPrimitives.ReadInt64LittleEndian(content);
                        break;
                    case FrameType.End when content.Length == 8:
                        AdvanceTo(BinaryPrimitives.ReadInt64LittleEndian(content));
                        break;
                    default:
                        throw new RecordingException($"{_path} is no recording that KubeCop wrote: frame {frames} is not understood.");
                }

                if (frames % Chunk == 0)
                {
                    router.Settle();
                }
            }
        }
        catch (Exception exception) when (exception is ArgumentException or IndexOutOfRangeException or JsonException or OverflowException)
        {
            throw new RecordingException($"{_path} is no recording that KubeCop wrote: frame {frames} is not understood.", exception);
        }

        router.Settle();
        router.Expire();
        router.Settle();
        tick();
        var events = router.Events.Total;
        return new ReplayResult(events, containers.Count, TimeSpan.FromTicks((Time.GetTimestamp() - _reader.Header.Started) / TimeSpan.NanosecondsPerTick), kernel.Total + missing, Damage());

        IContainerGrain Grain(ContainerDescription container)
        {
            containers.Add(container.Id);
            return grains(container);
        }

        void AdvanceTo(long now)
        {
            if (now < nextTick)
            {
                Time.AdvanceTo(now);
                return;
            }

            // What was seen before belongs to the time before.
            router.Settle();
            Time.AdvanceTo(now);
            nextTick = now + Second;
            router.Expire();
            router.Settle();
            tick();
        }
    }

    public void Dispose() => _reader.Dispose();

    private string? Damage() => _reader.Damage;

    /// <summary>Answers as they were, when the recording has come to them.</summary>
    private sealed class RecordedAnswers : IContainerDiscovery
    {
        private readonly Queue<DiscoveryResult> _results = new();

        public bool HasResults => _results.Count > 0;

        public void Add(DiscoveryResult result) => _results.Enqueue(result);

        public void Ask(DiscoveryRequest request)
        {
        }

        public bool TryTake([NotNullWhen(true)] out DiscoveryResult? result) => _results.TryDequeue(out result);

        public void Forget(ContainerDescription container)
        {
        }
    }

    /// <summary>A kernel side that has lost what it lost then, and filters nothing.</summary>
    private sealed class RecordedLosses : IKernelCgroups
    {
        private readonly Dictionary<ulong, long> _lost = [];

        public long Total { get; private set; }

        public void Add(ulong cgroupId, long count)
        {
            _lost[cgroupId] = _lost.GetValueOrDefault(cgroupId) + count;
            Total += count;
        }

        public bool Knows(ulong cgroupId) => true;

        public long TakeLost(ulong cgroupId) => _lost.Remove(cgroupId, out var lost) ? lost : 0;

        public void Watch(ulong cgroupId, ulong containerCgroupId)
        {
        }

        public void ForgetAll(ulong cgroupId)
        {
        }

        public void Removed(ulong cgroupId)
        {
        }

        public void Sweep()
        {
        }

        public void Rest(ulong cgroupId)
        {
        }

        public void Ignore(ulong cgroupId)
        {
        }
    }
}
