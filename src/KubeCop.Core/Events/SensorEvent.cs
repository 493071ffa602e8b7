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
    /// Exec: the invoked path made absolute against the working directory (<c>.</c> and <c>..</c> removed by text).
    /// Open: the resolved path in the container's view. Otherwise empty.
    /// </summary>
    [Id(4)] public string Path;

    /// <summary>Exec: the executable resolved from the file object (the interpreter, for a script). Otherwise empty.</summary>
    [Id(5)] public string Executable;

    /// <summary>Exec: what is needed beside the paths; the same object for the same content. Otherwise null.</summary>
    [Id(6)] public ExecDetails? Exec;

    /// <summary>Open: the file's flags as asked for (O_ACCMODE and O_* bits of this architecture). Exit: the exit code as in wait(2).</summary>
    [Id(7)] public uint Value;

    /// <summary>Name of the parent process where the kernel told it (exec, fork). Otherwise empty.</summary>
    [Id(8)] public string ParentComm;
}

/// <summary>The parts of an exec that are looked at only when it is reported or learned.</summary>
/// <param name="Filename">The path as given to the system call, possibly relative.</param>
/// <param name="WorkingDirectory">The working directory in the container's view.</param>
/// <param name="Arguments">argv, the program's name included.</param>
[GenerateSerializer, Immutable, Alias("kubecop.ExecDetails")]
public sealed record ExecDetails(string Filename, string WorkingDirectory, IReadOnlyList<string> Arguments);
