namespace KubeCop.Core.Events;

/// <summary>
/// One thing that happened in a container, as the sensor saw it. A value in a batch's array: the hot path allocates nothing per event,
/// so strings are interned by the decoder. Which fields are set depends on <see cref="Kind"/>; docs/events.md lists them.
/// </summary>
[GenerateSerializer, Alias("kubecop.SensorEvent")]
public struct SensorEvent
{
    [Id(0)] public EventKind Kind;

    [Id(1)] public EventFlags Flags;

    /// <summary>When it happened, in nanoseconds of CLOCK_BOOTTIME.</summary>
    [Id(2)] public long Timestamp;

    [Id(3)] public ProcessIdentity Process;

    /// <summary>
    /// What it was done to, in the form profiles know it by.
    /// Exec: the invoked path made absolute against the working directory (<c>.</c> and <c>..</c> removed by text).
    /// Open: the resolved path in the container's view. Network: the address. DNS: the name asked for. Capability: its name without
    /// <c>CAP_</c>. Syscall: its name. Module: the file it was loaded from; empty when it came from memory. Otherwise empty.
    /// </summary>
    [Id(4)] public string Path;

    /// <summary>Exec: the executable resolved from the file object (the interpreter, for a script). Otherwise empty.</summary>
    [Id(5)] public string Executable;

    /// <summary>What else belongs to the kind; the same object for the same content, as long as it is used. Null for kinds without.</summary>
    [Id(6)] public EventDetails? Details;

    /// <summary>
    /// Open: the file's flags as asked for (O_ACCMODE and O_* bits of this architecture). Exit: the exit code as in wait(2). Network: the
    /// port. Capability: its number. Syscall: its number, from <see cref="SystemCalls.Compat"/> on of the 32-bit table. Ptrace: the request.
    /// Unshare, setns: the namespaces as CLONE_NEW* bits. Otherwise 0.
    /// </summary>
    [Id(7)] public uint Value;

    /// <summary>Name of the parent process where the kernel told it (exec, fork). Otherwise empty.</summary>
    [Id(8)] public string ParentComm;

    /// <summary>With <see cref="EventFlags.Refused"/>: the error number (errno). Otherwise 0.</summary>
    [Id(9)] public int Error;

    /// <summary>It was tried only: see <see cref="EventFlags.Refused"/>.</summary>
    public readonly bool IsRefused => (Flags & EventFlags.Refused) != 0;

    /// <summary>Names the behaviour in the sensor's filter of repeats; 0 for kinds it does not filter.</summary>
    [Id(10)] public ulong Sighting;

    /// <summary>How often it happened since it was reported last, not counted here: the sensor reports repeats only when asked to.</summary>
    [Id(11)] public uint Repeats;

    /// <summary>
    /// Open: names, in the sensor's filter of repeats, opens of any file of the same directory with the same flags. 0 where there is no
    /// such thing (a file without a name, or of /proc), and otherwise.
    /// </summary>
    [Id(12)] public ulong Directory;

    /// <summary>Of an exec.</summary>
    public readonly ExecDetails? Exec => Details as ExecDetails;

    /// <summary>Of a network event.</summary>
    public readonly NetworkDetails? Network => Details as NetworkDetails;

    /// <summary>Of a DNS event.</summary>
    public readonly DnsDetails? Dns => Details as DnsDetails;

    /// <summary>Of a capability check.</summary>
    public readonly CapabilityDetails? Capability => Details as CapabilityDetails;

    /// <summary>Of a ptrace.</summary>
    public readonly PtraceDetails? Ptrace => Details as PtraceDetails;
}
