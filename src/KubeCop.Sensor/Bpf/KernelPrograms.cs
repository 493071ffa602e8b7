using System.Runtime.InteropServices;
using System.Security.Cryptography;
using KubeCop.Core.Events;
using KubeCop.Sensor.Decoding;
using KubeCop.Sensor.Privileges;

namespace KubeCop.Sensor.Bpf;

/// <summary>
/// The loaded and attached kernel side. A hook that this kernel refuses is left out and reported; only without the required ones is there
/// no sensor.
/// </summary>
internal sealed unsafe class KernelPrograms : IKernelCgroups, IDisposable
{
    private const string Tracepoint = "BTF tracepoint";
    private const string Cgroup = "cgroup";
    private const string Iterator = "iterator";

    /// <summary>
    /// The hooks of bpf/*.h. Without a required one nothing could be detected or attributed. A hook can have several programs with the same
    /// body: the first that this kernel takes is used. What one needs of the kernel beyond Linux 5.11 is said here if an older kernel would
    /// be found out only by verifying them all again.
    /// </summary>
    private static readonly Hook[] AllHooks =
    [
        new(true, new Variant("cgroup_mkdir", Tracepoint)),
        new(true, new Variant("cgroup_rmdir", Tracepoint)),
        new(true, new Variant("cgroup_notify_populated", Tracepoint)),
        new(true, new Variant("cgroup_attach_task", Tracepoint)),
        new(true, new Variant("sched_process_fork", Tracepoint)),
        new(true, new Variant("sched_process_exec", Tracepoint, BtfLayout.KindFunction, "bpf_rdonly_cast"), new Variant("sched_process_exec_probe", Tracepoint)),
        new(true, new Variant("sched_process_exit", Tracepoint)),
        new(false, new Variant("sys_exit", Tracepoint, BtfLayout.KindFunction, "bpf_rdonly_cast"), new Variant("sys_exit_probe", Tracepoint)),
        new(false, new Variant("task_rename", Tracepoint)),
        new(false, new Variant("cap_capable", Tracepoint, BtfLayout.KindTypedef, "btf_trace_cap_capable"), new Variant("cap_capable_exit", "fexit")),
        new(false, new Variant("inet_sock_set_state", Tracepoint)),
        new(false, new Variant("connect4", Cgroup)),
        new(false, new Variant("connect6", Cgroup)),
        new(false, new Variant("sendmsg4", Cgroup)),
        new(false, new Variant("sendmsg6", Cgroup)),
        new(false, new Variant("packet_sent", Cgroup)),
        new(false, new Variant("packet_received", Cgroup)),
        new(false, new Variant("x86_fpu_regs_deactivated", Tracepoint)),
        new(false, new Variant("running_tasks", Iterator), new Variant("running_tasks_plain", Iterator)),
    ];

    /// <summary>BPF_EXIST</summary>
    private const ulong UpdateExisting = 2;

    private readonly nint _object;
    private readonly List<nint> _links = [];
    private readonly List<nint> _attached = [];
    private nint _runningTasks;
    private readonly int _cgroups;
    private readonly int _setupTasks;
    private readonly int _lost;
    private readonly byte* _variables;
    private readonly nuint _variablesSize;
    private readonly uint* _readerPolls;
    private readonly int* _tracked;
    private readonly KernelSlots _slots;
    private readonly Dictionary<ulong, long> _lostTaken = [];
    private HashSet<ulong> _suspects = [];
    private readonly int _cpus = LibBpf.PossibleCpus();

    private KernelPrograms(nint bpfObject, SensorOptions options)
    {
        _object = bpfObject;
        _cgroups = MapDescriptor("cgroups");
        _setupTasks = MapDescriptor("setup_tasks");
        _lost = MapDescriptor("lost");
        _variables = MapVariables(out _variablesSize);
        _readerPolls = (uint*)Variable("reader_polls");
        _tracked = (int*)Variable("tracked");
        *(long*)Variable("seed") = BitConverter.ToInt64(RandomNumberGenerator.GetBytes(sizeof(long)));
        var shares = (long*)Variable("ring_share");
        shares[0] = Share(options.CriticalRingBytes);
        shares[1] = Share(options.BulkRingBytes);
        *(long*)Variable("soon_bytes") = Math.Min(options.CriticalRingBytes / 8, 64 * 1024);
        _slots = new KernelSlots(MapDescriptor("free_slots"), MapDescriptor("slots"), MapDescriptor("sightings"), options.MaxContainers + 1);
        Rings = new EventRings(
            new RingBuffer(MapDescriptor("critical"), options.CriticalRingBytes),
            new RingBuffer(MapDescriptor("bulk"), options.BulkRingBytes),
            _slots);
        MapsNeedCapability = ThreadCapabilities.Without(() =>
        {
            var nobody = 0ul;
            CgroupEntry entry;
            return LibBpf.Lookup(_cgroups, &nobody, &entry) == -KernelSupport.OperationNotPermitted;
        });
    }

    public EventRings Rings { get; }

    public IReadOnlyList<HookStatus> Hooks { get; private set; } = [];

    /// <summary>Whether the reader looks at the rings at short intervals by itself, so that bulk events need not wake it.</summary>
    public bool ReaderPolls
    {
        set => Volatile.Write(ref *_readerPolls, value ? 1u : 0u);
    }

    /// <summary>Whether this kernel lets only those with CAP_BPF use maps that they have open. Found out by trying, when the programs were loaded.</summary>
    public bool MapsNeedCapability { get; }

    /// <summary>Containers that have a slot.</summary>
    public int UsedSlots => _slots.Used;

    /// <summary>Loads the programs and attaches them.</summary>
    /// <param name="options">Sizes.</param>
    /// <param name="cgroupMount">Where the v2 cgroup hierarchy is mounted: the cgroup programs see what is below.</param>
    /// <param name="without">Programs that are not to be tried.</param>
    /// <exception cref="SensorException">The kernel does not take them: says why and what to do.</exception>
    public static KernelPrograms Load(SensorOptions options, string cgroupMount, params IEnumerable<string> without) =>
        Load(ReadObject(), options, cgroupMount, without);

    /// <inheritdoc cref="Load(SensorOptions, string, IEnumerable{string})"/>
    /// <param name="bytes">Another object than the embedded one.</param>
    internal static KernelPrograms Load(byte[] bytes, SensorOptions options, string cgroupMount, params IEnumerable<string> without)
    {
        KernelSupport.RequireLibrary();
        var refused = FindUnfit();
        foreach (var program in without)
        {
            refused.TryAdd(program, "not wanted");
        }

        while (true)
        {
            var (bpfObject, error, log) = TryLoad(bytes, options, refused);
            if (error == 0)
            {
                var programs = new KernelPrograms(bpfObject, options);
                if (programs.TryAttachAll(refused, cgroupMount))
                {
                    // libbpf has read the types of the whole kernel; glibc would keep the 12 MiB that took.
                    _ = LibC.TrimHeap(0);
                    return programs;
                }

                programs.Dispose();
                continue;
            }

            // libbpf stops at the first program it cannot load.
            var failed = LoadFailure.ProgramOf(log);
            if (!AllHooks.Any(hook => hook.CanLose(failed)) || !refused.TryAdd(failed, KernelSupport.ReasonOf(error, log)))
            {
                throw KernelSupport.Explain(error, log);
            }
        }
    }

    // Only what is there: an entry made after the cgroup's removal would stay for good.
    public void Watch(ulong cgroupId, ulong containerCgroupId)
    {
        CgroupEntry entry, container;
        if (LibBpf.Lookup(_cgroups, &cgroupId, &entry) != 0)
        {
            return;
        }

        var slot = entry.Slot;
        if (cgroupId != containerCgroupId)
        {
            slot = LibBpf.Lookup(_cgroups, &containerCgroupId, &container) == 0 ? container.Slot : 0;
            _slots.Release(entry.Slot, cgroupId);
        }
        else if (slot == 0)
        {
            slot = _slots.Take(cgroupId);
        }

        if (!Set(cgroupId, containerCgroupId, CgroupState.Container, slot, UpdateExisting))
        {
            _slots.Release(slot, cgroupId);
        }
    }

    public void Rest(ulong cgroupId)
    {
        ReleaseSlot(cgroupId);
        _ = Set(cgroupId, cgroupId, CgroupState.Dormant, 0, UpdateExisting);
    }

    /// <summary>Makes a cgroup known that was there before the programs.</summary>
    /// <param name="cgroupId">The cgroup.</param>
    /// <param name="containerCgroupId">The container it belongs to; null when it is not (yet) one.</param>
    /// <returns>False when the map is full.</returns>
    public bool Add(ulong cgroupId, ulong? containerCgroupId)
    {
        CgroupEntry container;
        var slot = containerCgroupId switch
        {
            null => 0u,
            { } id when id == cgroupId => _slots.Take(cgroupId),
            { } id => LibBpf.Lookup(_cgroups, &id, &container) == 0 ? container.Slot : 0,
        };
        Track(cgroupId, 1);
        if (Set(cgroupId, containerCgroupId ?? cgroupId, containerCgroupId is null ? CgroupState.Dormant : CgroupState.Container, slot, 0))
        {
            return true;
        }

        Track(cgroupId, -1);
        _slots.Release(slot, cgroupId);
        return false;
    }

    public void Ignore(ulong cgroupId)
    {
        ReleaseSlot(cgroupId);
        if (LibBpf.Delete(_cgroups, &cgroupId) == 0)
        {
            Track(cgroupId, -1);
        }
    }

    public void Removed(ulong cgroupId)
    {
        for (var slot = 1u; slot < _slots.Count; slot++)
        {
            if (_slots.CgroupOf(slot) == cgroupId)
            {
                _slots.Release(slot, cgroupId);
                _lostTaken.Remove(cgroupId);
                return;
            }
        }
    }

    public void Sweep()
    {
        var suspects = new HashSet<ulong>();
        for (var slot = 1u; slot < _slots.Count; slot++)
        {
            if (_slots.CgroupOf(slot) is var cgroupId and not 0 && !Knows(cgroupId))
            {
                // Twice in a row: a cgroup just being made has its slot a moment before its entry.
                if (_suspects.Contains(cgroupId))
                {
                    _slots.Release(slot, cgroupId);
                    _lostTaken.Remove(cgroupId);
                }
                else
                {
                    suspects.Add(cgroupId);
                }
            }
        }

        _suspects = suspects;
    }

    public long TakeLost(ulong cgroupId)
    {
        var lost = _slots.LostOf(SlotOf(cgroupId));
        var taken = _lostTaken.GetValueOrDefault(cgroupId);
        if (lost > taken)
        {
            _lostTaken[cgroupId] = lost;
        }

        return Math.Max(lost - taken, 0);
    }

    public void ReportRepeats(ulong cgroupId, ulong sighting, bool each) => _slots.ReportRepeats(SlotOf(cgroupId), sighting, each);

    public void EndOpensIn(ulong cgroupId, ulong directory) => _slots.EndOpensIn(SlotOf(cgroupId), cgroupId, directory);

    public void ForgetAll(ulong cgroupId) => _slots.ForgetAll(SlotOf(cgroupId));

    /// <summary>Events of this kind that ended in the kernel because they were known.</summary>
    public long RepeatsOf(EventKind kind) => _slots.RepeatsOf((int)kind);

    /// <summary>What containers that are watched now have lost in the kernel, by their cgroup.</summary>
    public IEnumerable<(ulong CgroupId, LossCount Loss)> LostByContainer()
    {
        for (var slot = 1u; slot < _slots.Count; slot++)
        {
            if (_slots.CgroupOf(slot) is var cgroupId and not 0 && _slots.LostOf(slot) > 0)
            {
                foreach (var loss in _slots.LossesOf(slot))
                {
                    yield return (cgroupId, loss);
                }
            }
        }
    }

    /// <summary>
    /// The processes that run now in the containers that are watched, as records of execs marked as a snapshot, in the order in which they
    /// were created. Needs the initial pid namespace (in a pod: hostPID).
    /// </summary>
    /// <exception cref="SensorException">The kernel gave up in the middle.</exception>
    public IReadOnlyList<byte[]> ReadRunning() => _runningTasks == 0 ? [] : RunningTasks.Read(LibBpf.LinkDescriptor(_runningTasks));

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

    /// <summary>Whether a process is a container runtime's, in set-up.</summary>
    public bool IsInSetup(int pid)
    {
        ulong mountNamespace;
        return LibBpf.Lookup(_setupTasks, &pid, &mountNamespace) == 0;
    }

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

        if (CountSkippedRuns() is var skipped and > 0)
        {
            counts.Add(new LossCount(EventKind.None, LossCount.ProgramBusy, skipped));
        }

        return counts;
    }

    /// <summary>Runs the kernel skipped because the program was already running on that processor.</summary>
    private long CountSkippedRuns()
    {
        // struct bpf_prog_info (include/uapi/linux/bpf.h); recursion_misses is there since Linux 5.12.
        const int RecursionMisses = 208;
        const int Size = RecursionMisses + sizeof(ulong);
        var info = stackalloc byte[Size];
        var sum = 0L;
        foreach (var program in _attached)
        {
            new Span<byte>(info, Size).Clear();
            var length = (uint)Size;
            if (LibBpf.GetInfo(LibBpf.ProgramDescriptor(program), info, &length) == 0)
            {
                sum += *(long*)(info + RecursionMisses);
            }
        }

        return sum;
    }

    public void Dispose()
    {
        foreach (var link in _links)
        {
            _ = LibBpf.DestroyLink(link);
        }

        _links.Clear();
        _attached.Clear();
        Rings.Dispose();
        _slots.Dispose();
        _ = LibC.Unmap(_variables, _variablesSize);
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

    /// <returns>Programs that this kernel cannot take, with the reason.</returns>
    private static Dictionary<string, string> FindUnfit()
    {
        var unfit = new Dictionary<string, string>(StringComparer.Ordinal);
        LibBpfLog.Begin();
        var kernel = LibBpf.LoadKernelBtf();
        _ = LibBpfLog.End();
        if (kernel == 0)
        {
            return unfit; // no BTF: the reason why loading fails
        }

        foreach (var variant in AllHooks.SelectMany(static hook => hook.Variants))
        {
            if (variant.NeededName.Length > 0 && LibBpf.FindBtfType(kernel, variant.NeededName, variant.NeededKind) < 0)
            {
                unfit.Add(variant.Program, $"this kernel has no {variant.NeededName}");
            }
        }

        LibBpf.FreeBtf(kernel);
        return unfit;
    }

    private static (nint Object, int Error, string Log) TryLoad(byte[] bytes, SensorOptions options, Dictionary<string, string> refused)
    {
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

        foreach (var hook in AllHooks)
        {
            var chosen = hook.Choose(refused);
            foreach (var variant in hook.Variants.Where(variant => variant != chosen))
            {
                _ = LibBpf.SetAutoload(LibBpf.FindProgram(bpfObject, variant.Program), false);
            }
        }

        SetEntries("critical", options.CriticalRingBytes);
        SetEntries("bulk", options.BulkRingBytes);
        SetEntries("free_slots", options.MaxContainers + 1);
        SetEntries("slots", options.MaxContainers + 1);
        SetEntries("sightings", options.MaxContainers + 1);
        var error = -LibBpf.LoadObject(bpfObject);
        var log = LibBpfLog.End();
        if (error != 0)
        {
            LibBpf.CloseObject(bpfObject);
        }

        return (bpfObject, error, log);

        void SetEntries(string map, int entries) => _ = LibBpf.SetMaxEntries(LibBpf.FindMap(bpfObject, map), (uint)entries);
    }

    /// <summary>A quarter, so that no container can fill the ring; but never less than the longest record needs.</summary>
    private static long Share(int ringBytes) => Math.Max(ringBytes / 4, Math.Min(ringBytes, 32 * 1024));

    /// <returns>False when a hook has another program to try.</returns>
    private bool TryAttachAll(Dictionary<string, string> refused, string cgroupMount)
    {
        var hooks = new List<HookStatus>();
        foreach (var hook in AllHooks)
        {
            if (hook.Choose(refused) is not { } variant)
            {
                hooks.Add(new HookStatus(hook.Name, hook.Variants[^1].Program, hook.Variants[^1].Type, false, refused[hook.Variants[^1].Program]));
                continue;
            }

            LibBpfLog.Begin();
            var link = Attach(variant, cgroupMount);
            var error = Marshal.GetLastPInvokeError();
            var log = LibBpfLog.End();
            if (link != 0)
            {
                _links.Add(link);
                _attached.Add(LibBpf.FindProgram(_object, variant.Program));
                _runningTasks = variant.Type == Iterator ? link : _runningTasks;
                hooks.Add(new HookStatus(hook.Name, variant.Program, variant.Type, true, ""));
            }
            else if (hook.Required)
            {
                Dispose();
                throw KernelSupport.Explain(error, log);
            }
            else
            {
                refused.Add(variant.Program, KernelSupport.ReasonOf(error, log));
                if (hook.Choose(refused) is not null)
                {
                    return false;
                }

                hooks.Add(new HookStatus(hook.Name, variant.Program, variant.Type, false, refused[variant.Program]));
            }
        }

        Hooks = hooks;
        return true;
    }

    private nint Attach(Variant variant, string cgroupMount)
    {
        var program = LibBpf.FindProgram(_object, variant.Program);
        if (variant.Type != Cgroup)
        {
            return LibBpf.Attach(program);
        }

        var descriptor = LibC.Open(cgroupMount, LibC.OpenDirectory);
        if (descriptor < 0)
        {
            return 0;
        }

        var link = LibBpf.AttachCgroup(program, descriptor);
        var error = Marshal.GetLastPInvokeError();
        _ = LibC.Close(descriptor);
        Marshal.SetLastPInvokeError(error);
        return link;
    }

    private uint SlotOf(ulong cgroupId)
    {
        CgroupEntry entry;
        if (LibBpf.Lookup(_cgroups, &cgroupId, &entry) == 0)
        {
            return entry.Slot;
        }

        // Removed, but not yet given back.
        for (var slot = 1u; slot < _slots.Count; slot++)
        {
            if (_slots.CgroupOf(slot) == cgroupId)
            {
                return slot;
            }
        }

        return 0;
    }

    private void ReleaseSlot(ulong cgroupId)
    {
        CgroupEntry entry;
        if (LibBpf.Lookup(_cgroups, &cgroupId, &entry) == 0)
        {
            _slots.Release(entry.Slot, cgroupId);
            _lostTaken.Remove(cgroupId);
        }
    }

    // As tracked_bucket in bpf/include/container.h.
    private void Track(ulong cgroupId, int change) => Interlocked.Add(ref _tracked[(cgroupId * 0x9e3779b97f4a7c15UL) >> 52], change);

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

    private bool Set(ulong cgroupId, ulong containerCgroupId, CgroupState state, uint slot, ulong flags)
    {
        var entry = new CgroupEntry { ContainerCgroupId = containerCgroupId, State = state, Slot = slot };
        return LibBpf.Update(_cgroups, &cgroupId, &entry, flags) == 0;
    }

    private int MapDescriptor(string name) => LibBpf.MapDescriptor(LibBpf.FindMap(_object, name));

    /// <summary>Address of a global variable of the kernel side, in the memory that both share.</summary>
    private byte* Variable(string name) => _variables + BtfLayout.OfVariable(LibBpf.ObjectBtf(_object), ".bss", name);

    // What libbpf itself offers is only the initial content, except for objects loaded through its skeletons.
    private byte* MapVariables(out nuint size)
    {
        _ = LibBpf.MapMemory(LibBpf.FindMap(_object, ".bss"), out size);
        var memory = LibC.Map(0, size, LibC.ProtRead | LibC.ProtWrite, LibC.MapShared, MapDescriptor(".bss"), 0);
        return memory != (byte*)-1
            ? memory
            : throw new SensorException(
                $"The kernel side's settings could not be mapped: {Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError())}.",
                "Give the process more memory.");
    }

    /// <param name="Program">Its name in the object.</param>
    /// <param name="Type">What it is attached to.</param>
    /// <param name="NeededKind">Kind of what it needs in the kernel's BTF.</param>
    /// <param name="NeededName">Name of what it needs in the kernel's BTF; empty for nothing.</param>
    private sealed record Variant(string Program, string Type, uint NeededKind = 0, string NeededName = "");

    /// <summary>A place in the kernel, and the programs that can stand there, the best first.</summary>
    private sealed record Hook(bool Required, params Variant[] Variants)
    {
        public string Name => Variants[0].Program;

        /// <summary>Whether the sensor works without this one of its programs.</summary>
        public bool CanLose(string program) =>
            Variants.Any(variant => variant.Program == program) && (!Required || Variants[^1].Program != program);

        public Variant? Choose(Dictionary<string, string> refused) => Variants.FirstOrDefault(variant => !refused.ContainsKey(variant.Program));
    }
}
