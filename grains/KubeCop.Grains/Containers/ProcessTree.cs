using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using KubeCop.Core.Alerts;
using KubeCop.Core.Events;

namespace KubeCop.Grains.Containers;

/// <summary>
/// The processes of one container: what each runs, and which process created it. Ended ones are kept for a while, because the creator of a
/// daemon has usually ended when the daemon does something. Bounded in both; allocates nothing once it has grown. Not thread safe.
/// </summary>
/// <param name="maxLive">The most live processes; when there are more (exits were lost), the oldest but the first are forgotten.</param>
/// <param name="maxEnded">The most ended processes.</param>
internal sealed class ProcessTree(int maxLive = 16_384, int maxEnded = 1024)
{
    private const int MaxAncestors = 64;

    private readonly Dictionary<ProcessKey, Entry> _processes = [];
    private readonly Queue<ProcessKey> _ended = new();

    /// <summary>Live processes.</summary>
    public int Count => _processes.Count - _ended.Count;

    /// <summary>Live processes that were forgotten to make room.</summary>
    public long Dropped { get; private set; }

    /// <summary>Ended processes that were forgotten to make room.</summary>
    public long EndedForgotten { get; private set; }

    /// <summary>Brings the tree up to date with an event; kinds that do not change it are ignored.</summary>
    public void Apply(in SensorEvent sensorEvent)
    {
        switch (sensorEvent.Kind)
        {
            case EventKind.Fork:
                Fork(sensorEvent);
                break;
            case EventKind.Exec when !sensorEvent.IsRefused:
                Exec(sensorEvent);
                break;
            case EventKind.Exit:
                Exit(sensorEvent.Process.Key);
                break;
        }
    }

    /// <summary>What a process runs, as far as that is known; else empty.</summary>
    public string ExecutableOf(ProcessKey key) => _processes.TryGetValue(key, out var entry) ? entry.Executable ?? "" : "";

    /// <summary>The process an event is about. An exec describes it itself; for other events, and one that was refused, the tree knows what it runs.</summary>
    public AlertProcess Describe(in SensorEvent sensorEvent, IKernelClock clock)
    {
        var process = sensorEvent.Process;
        var known = _processes.TryGetValue(process.Key, out var entry);
        var isExec = sensorEvent is { Kind: EventKind.Exec, IsRefused: false };
        var details = isExec ? sensorEvent.Exec : entry.Exec;
        return new AlertProcess
        {
            Pid = process.Key.Pid,
            ParentPid = process.Parent.Pid,
            Uid = process.Uid,
            Gid = process.Gid,
            Comm = process.Comm,
            Executable = (isExec ? sensorEvent.Executable : entry.Executable) ?? "",
            Arguments = details?.Arguments ?? [],
            WorkingDirectory = details?.WorkingDirectory ?? "",
            StartTime = clock.ToUtc(process.Key.StartTime),
            Ancestors = known ? AncestorsOf(entry) : AncestorsOf(new Entry { Parent = process.Parent, ParentComm = sensorEvent.ParentComm }),
        };
    }

    /// <summary>Creators up to the first one outside of the container, the runtime's, of which only pid and name are known.</summary>
    private List<AncestorProcess> AncestorsOf(Entry entry)
    {
        var ancestors = new List<AncestorProcess>();
        while (ancestors.Count < MaxAncestors)
        {
            var key = entry.Parent;
            var parentComm = entry.ParentComm;

            // A runtime's init is left out: the container begins with the program it starts.
            if (!_processes.TryGetValue(key, out entry) || entry.IsSetup)
            {
                if (!string.IsNullOrEmpty(parentComm))
                {
                    ancestors.Add(new AncestorProcess(key.Pid, parentComm, ""));
                }

                break;
            }

            ancestors.Add(new AncestorProcess(key.Pid, entry.Comm, entry.Executable));
        }

        return ancestors;
    }

    private void Fork(in SensorEvent sensorEvent)
    {
        var process = sensorEvent.Process;
        if (_processes.ContainsKey(process.Key))
        {
            return;
        }

        // The child runs its parent's program until it executes another.
        var known = _processes.TryGetValue(process.Parent, out var parent);
        ref var entry = ref Add(process.Key);
        entry.Parent = process.Parent;
        entry.ParentComm = sensorEvent.ParentComm;
        entry.Comm = process.Comm;
        entry.Executable = known ? parent.Executable : "";
        entry.Exec = parent.Exec;
        entry.IsSetup = (sensorEvent.Flags & EventFlags.Setup) != 0;
    }

    private void Exec(in SensorEvent sensorEvent)
    {
        var process = sensorEvent.Process;
        ref var entry = ref CollectionsMarshal.GetValueRefOrNullRef(_processes, process.Key);
        if (Unsafe.IsNullRef(ref entry))
        {
            entry = ref Add(process.Key);
            entry.Parent = process.Parent;
            entry.ParentComm = sensorEvent.ParentComm;
        }

        entry.Comm = process.Comm;
        entry.Executable = sensorEvent.Executable;
        entry.Exec = sensorEvent.Exec;
        entry.IsSetup = (sensorEvent.Flags & EventFlags.Setup) != 0;
    }

    private void Exit(ProcessKey key)
    {
        ref var entry = ref CollectionsMarshal.GetValueRefOrNullRef(_processes, key);
        if (Unsafe.IsNullRef(ref entry) || entry.HasEnded)
        {
            return;
        }

        entry.HasEnded = true;
        _ended.Enqueue(key);
        if (_ended.Count > maxEnded)
        {
            _processes.Remove(_ended.Dequeue());
            EndedForgotten++;
        }
    }

    private ref Entry Add(ProcessKey key)
    {
        if (Count >= maxLive)
        {
            MakeRoom();
        }

        return ref CollectionsMarshal.GetValueRefOrAddDefault(_processes, key, out _)!;
    }

    // Only after exits were lost, so it may cost something: forgets a quarter at once. Processes whose parent is outside stay, as the
    // first one is everybody's ancestor.
    private void MakeRoom()
    {
        var oldest = _processes
            .Where(process => !process.Value.HasEnded && _processes.ContainsKey(process.Value.Parent))
            .Select(static process => process.Key)
            .OrderBy(static key => key.StartTime)
            .Take(Math.Max(1, maxLive / 4))
            .ToList();

        // All of them came from outside: then the oldest of these.
        if (oldest.Count == 0)
        {
            oldest.Add(_processes.Where(static process => !process.Value.HasEnded).Select(static process => process.Key).MinBy(static key => key.StartTime));
        }

        foreach (var key in oldest)
        {
            _processes.Remove(key);
            Dropped++;
        }
    }

    private struct Entry
    {
        public ProcessKey Parent;
        public string ParentComm;
        public string Comm;
        public string Executable;
        public ExecDetails? Exec;
        public bool HasEnded;
        public bool IsSetup;
    }
}
