using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using KubeCop.Core.Events;
using KubeCop.Sensor.Decoding;

namespace KubeCop.Sensor.Bpf;

/// <summary>
/// The loaded and attached kernel side. A hook that this kernel refuses is left out and reported; only without the required ones is there
/// no sensor.
/// </summary>
internal sealed unsafe partial class KernelPrograms : IKernelCgroups, IDisposable
{
    /// <summary>The programs of bpf/*.h. Without a required one nothing could be detected or attributed.</summary>
    private static readonly (string Name, bool Required)[] Programs =
    [
        ("cgroup_mkdir", true),
        ("cgroup_rmdir", true),
        ("cgroup_notify_populated", true),
        ("cgroup_attach_task", true),
        ("sched_process_fork", true),
        ("sched_process_exec", true),
        ("sched_process_exit", true),
        ("sys_exit", false),
    ];

    /// <summary>BPF_EXIST</summary>
    private const ulong UpdateExisting = 2;

    private readonly nint _object;
    private readonly List<nint> _links = [];
    private readonly int _cgroups;
    private readonly int _setupTasks;
    private readonly int _lost;
    private readonly uint* _readerPolls;
    private readonly int _cpus = LibBpf.PossibleCpus();

    private KernelPrograms(nint bpfObject, int ringBytes, IReadOnlyList<HookStatus> hooks)
    {
        _object = bpfObject;
        Hooks = hooks;
        _cgroups = MapDescriptor("cgroups");
        _setupTasks = MapDescriptor("setup_tasks");
        _lost = MapDescriptor("lost");
        _readerPolls = (uint*)Variable("reader_polls");
        Ring = new RingBuffer(MapDescriptor("events"), ringBytes);
    }

    public RingBuffer Ring { get; }

    public IReadOnlyList<HookStatus> Hooks { get; private set; }

    /// <summary>Whether the reader looks at the ring at short intervals by itself, so that bulk events need not wake it.</summary>
    public bool ReaderPolls
    {
        set => Volatile.Write(ref *_readerPolls, value ? 1u : 0u);
    }

    /// <summary>Loads the programs and attaches them.</summary>
    /// <param name="ringBytes">Size of the ring, a power of two.</param>
    /// <exception cref="SensorException">The kernel does not take them: says why and what to do.</exception>
    public static KernelPrograms Load(int ringBytes)
    {
        var refused = new Dictionary<string, string>(StringComparer.Ordinal);
        while (true)
        {
            var (bpfObject, error, log) = TryLoad(ringBytes, refused.Keys);
            if (error == 0)
            {
                var programs = new KernelPrograms(bpfObject, ringBytes, []);
                programs.AttachAll(refused);
                return programs;
            }

            // libbpf stops at the first program it cannot load and names it only in its log.
            var failed = FailedProgram().Match(log) is { Success: true } match ? match.Groups[1].Value : "";
            if (!Programs.Any(program => program.Name == failed && !program.Required) || !refused.TryAdd(failed, LastLine(log)))
            {
                throw KernelSupport.Explain(error, log);
            }
        }
    }

    // Only what is there: an entry made after the cgroup's removal would stay for good.
    public void Watch(ulong cgroupId, ulong containerCgroupId) => _ = Set(cgroupId, containerCgroupId, CgroupState.Container, UpdateExisting);

    public void Rest(ulong cgroupId) => _ = Set(cgroupId, cgroupId, CgroupState.Dormant, UpdateExisting);

    /// <summary>Makes a cgroup known that was there before the programs.</summary>
    /// <param name="cgroupId">The cgroup.</param>
    /// <param name="containerCgroupId">The container it belongs to; null when it is not (yet) one.</param>
    /// <returns>False when the map is full.</returns>
    public bool Add(ulong cgroupId, ulong? containerCgroupId) =>
        Set(cgroupId, containerCgroupId ?? cgroupId, containerCgroupId is null ? CgroupState.Dormant : CgroupState.Container, 0);

    public void Ignore(ulong cgroupId) => _ = LibBpf.Delete(_cgroups, &cgroupId);

    /// <summary>Whether the kernel side knows a cgroup: it was made since the programs are attached, or is watched.</summary>
    public bool Knows(ulong cgroupId)
    {
        CgroupEntry entry;
        return LibBpf.Lookup(_cgroups, &cgroupId, &entry) == 0;
    }

    /// <summary>Cgroups the kernel side knows now.</summary>
    public int CountCgroups() => CountEntries(_cgroups);

    /// <summary>Processes of container runtimes now in set-up.</summary>
    public int CountSetupTasks() => CountEntries(_setupTasks);

    /// <summary>Events the kernel side lost since it was loaded.</summary>
    public List<LossCount> ReadLost()
    {
        var counts = new List<LossCount>();
        var perCpu = stackalloc ulong[_cpus];
        for (var kind = 0; kind < Wire.Kinds; kind++)
        {
            for (var reason = 0; reason < Wire.LossReasons.Length; reason++)
            {
                var key = (uint)((kind * Wire.LossReasons.Length) + reason);
                if (LibBpf.Lookup(_lost, &key, perCpu) != 0)
                {
                    continue;
                }

                var sum = 0ul;
                for (var cpu = 0; cpu < _cpus; cpu++)
                {
                    sum += perCpu[cpu];
                }

                if (sum > 0)
                {
                    counts.Add(new LossCount(Enum.IsDefined((EventKind)kind) ? (EventKind)kind : EventKind.None, Wire.LossReasons[reason], (long)sum));
                }
            }
        }

        return counts;
    }

    public void Dispose()
    {
        foreach (var link in _links)
        {
            _ = LibBpf.DestroyLink(link);
        }

        _links.Clear();
        Ring.Dispose();
        LibBpf.CloseObject(_object);
    }

    /// <summary>The BPF object as it is embedded in this assembly.</summary>
    internal static byte[] ReadObject()
    {
        using var stream = typeof(KernelPrograms).Assembly.GetManifestResourceStream("kubecop.bpf.o")
            ?? throw new SensorException("The BPF object is missing in this build.", "Build with clang installed.");
        var bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return bytes;
    }

    private static (nint Object, int Error, string Log) TryLoad(int ringBytes, IEnumerable<string> refused)
    {
        KernelSupport.RequireLibrary();
        var bytes = ReadObject();
        LibBpfLog.Begin();
        nint bpfObject;
        fixed (byte* start = bytes)
        {
            bpfObject = LibBpf.OpenObject(start, (nuint)bytes.Length, 0);
        }

        if (bpfObject == 0)
        {
            return (0, Marshal.GetLastPInvokeError(), LibBpfLog.End());
        }

        foreach (var name in refused)
        {
            _ = LibBpf.SetAutoload(LibBpf.FindProgram(bpfObject, name), false);
        }

        _ = LibBpf.SetMaxEntries(LibBpf.FindMap(bpfObject, "events"), (uint)ringBytes);
        var error = -LibBpf.LoadObject(bpfObject);
        var log = LibBpfLog.End();
        if (error != 0)
        {
            LibBpf.CloseObject(bpfObject);
        }

        return (bpfObject, error, log);
    }

    private static string LastLine(string log) => log.TrimEnd().Split('\n')[^1].Trim();

    [GeneratedRegex("prog '([a-z0-9_]+)': .*(?:fail|BPF program load)", RegexOptions.IgnoreCase)]
    private static partial Regex FailedProgram();

    private void AttachAll(Dictionary<string, string> refused)
    {
        var hooks = new List<HookStatus>();
        foreach (var (name, required) in Programs)
        {
            if (refused.TryGetValue(name, out var reason))
            {
                hooks.Add(new HookStatus(name, "BTF tracepoint", false, reason));
                continue;
            }

            LibBpfLog.Begin();
            var link = LibBpf.Attach(LibBpf.FindProgram(_object, name));
            var error = Marshal.GetLastPInvokeError();
            var log = LibBpfLog.End();
            if (link != 0)
            {
                _links.Add(link);
                hooks.Add(new HookStatus(name, "BTF tracepoint", true, ""));
            }
            else if (required)
            {
                Dispose();
                throw KernelSupport.Explain(error, log);
            }
            else
            {
                hooks.Add(new HookStatus(name, "BTF tracepoint", false, LastLine(log)));
            }
        }

        Hooks = hooks;
    }

    private static int CountEntries(int map)
    {
        var count = 0;
        ulong key; // long enough for the keys of both maps
        for (var error = LibBpf.NextKey(map, null, &key); error == 0; error = LibBpf.NextKey(map, &key, &key))
        {
            count++;
        }

        return count;
    }

    private bool Set(ulong cgroupId, ulong containerCgroupId, CgroupState state, ulong flags)
    {
        var entry = new CgroupEntry { ContainerCgroupId = containerCgroupId, State = state };
        return LibBpf.Update(_cgroups, &cgroupId, &entry, flags) == 0;
    }

    private int MapDescriptor(string name) => LibBpf.MapDescriptor(LibBpf.FindMap(_object, name));

    /// <summary>Address of a global variable of the kernel side, in the memory that both share.</summary>
    private byte* Variable(string name)
    {
        var memory = LibBpf.MapMemory(LibBpf.FindMap(_object, ".bss"), out _);
        return memory + BtfLayout.OfVariable(LibBpf.ObjectBtf(_object), ".bss", name);
    }
}
