using System.Runtime.InteropServices;
using KubeCop.Core.Events;
using KubeCop.Core.Malware;

namespace KubeCop.Grains.Containers;

/// <summary>
/// Who opened which files of a container for writing, the last ones only. It knows what the sensor reports: of the same opens of one file the
/// first, and not at all what the kernel ends by a pattern of the profile. Allocates nothing once it has begun. Not thread safe.
/// </summary>
/// <param name="limit">The most files.</param>
internal sealed class FileWriters(int limit = FileWriters.DefaultLimit)
{
    public const int DefaultLimit = 64;

    private readonly Dictionary<string, int> _places = new(limit + 1, StringComparer.Ordinal);
    private readonly Entry[] _entries = new Entry[limit];
    private int _next;

    /// <summary>Whether it is an open that can change a file.</summary>
    public static bool IsWriting(in SensorEvent sensorEvent) =>
        sensorEvent.Kind == EventKind.Open && (OpenFlags.ToSet(sensorEvent.Value) & OpenFlags.Writing) != 0;

    /// <param name="executable">What the process runs.</param>
    public void Add(in SensorEvent open, string executable)
    {
        ref var place = ref CollectionsMarshal.GetValueRefOrAddDefault(_places, open.Path, out var isKnown);
        if (!isKnown)
        {
            place = _next;
            _next = (_next + 1) % limit;
        }

        ref var entry = ref _entries[place];
        var forgotten = isKnown ? null : entry.Path;
        entry = new Entry { Path = open.Path, Process = open.Process, Executable = executable, Timestamp = open.Timestamp };
        if (forgotten is not null)
        {
            _places.Remove(forgotten);
        }
    }

    /// <summary>Whether somebody was seen to open the file for writing.</summary>
    public bool Knows(string path) => _places.ContainsKey(path);

    /// <summary>Who opened the file for writing last, as far as that is known; null when it is not.</summary>
    public FileWriter? Of(string path, IKernelClock clock)
    {
        if (!_places.TryGetValue(path, out var place))
        {
            return null;
        }

        ref readonly var entry = ref _entries[place];
        return new FileWriter(entry.Process.Key.Pid, entry.Process.Uid, entry.Process.Comm, entry.Executable, clock.ToUtc(entry.Timestamp));
    }

    private struct Entry
    {
        public string? Path;
        public ProcessIdentity Process;
        public string Executable;
        public long Timestamp;
    }
}
