using System.Buffers.Text;
using System.Text;
using KubeCop.Core.Events;
using KubeCop.Core.Workloads;
using Microsoft.Extensions.Options;

namespace KubeCop.Sensor.Containers;

/// <summary>
/// The processes that already run in a container when it is first seen, as events. Start times are whole clock ticks, see
/// <see cref="ProcessStartTime"/>. Needs the initial pid namespace (in a pod: hostPID).
/// </summary>
internal sealed class ProcessSnapshot(CgroupTree tree, IOptions<NodeOptions> node)
{
    /// <summary>The most processes of one container that are taken.</summary>
    public const int MaxProcesses = 4096;

    // Bytes of argv that are kept: as many as the kernel side keeps (KC_ARGS_MAX).
    private const int MaxArguments = 16_384;
    private const int MaxStat = 4096;
    private const int MaxStatus = 16_384;

    private readonly string _proc = $"{node.Value.HostRoot.TrimEnd('/')}/proc";

    /// <summary>Events of kind Exec marked Snapshot, parents before children. Processes that end while they are read are left out.</summary>
    /// <param name="containerPath">The container's own cgroup.</param>
    /// <param name="omitted">Processes beyond <see cref="MaxProcesses"/>.</param>
    public IReadOnlyList<SensorEvent> Take(string containerPath, out int omitted)
    {
        var pids = tree.Processes(containerPath);
        omitted = Math.Max(0, pids.Count - MaxProcesses);
        var events = new List<SensorEvent>();
        foreach (var pid in pids.Order().Take(MaxProcesses))
        {
            if (Read(pid) is { } process)
            {
                events.Add(process);
            }
        }

        return Sorted(events);
    }

    /// <returns>Null when the process has ended.</returns>
    internal SensorEvent? Read(uint pid)
    {
        try
        {
            var directory = $"{_proc}/{pid}";
            if (ReadStat(pid) is not { } stat || HostFile.ReadBeginning($"{directory}/status", MaxStatus, out _) is not { } status
                || HostFile.ReadBeginning($"{directory}/cmdline", MaxArguments, out var truncated) is not { } arguments)
            {
                return null;
            }

            var executable = LinkTarget($"{directory}/exe");
            var workingDirectory = LinkTarget($"{directory}/cwd");
            var parent = ReadStat(stat.Parent);

            // The pid may have been used again while we read.
            if (ReadStat(pid)?.StartTime != stat.StartTime)
            {
                return null;
            }

            var flags = EventFlags.Snapshot | (truncated ? EventFlags.ArgumentsTruncated : EventFlags.None) | FileFlags(ref executable);
            return new SensorEvent
            {
                Kind = EventKind.Exec,
                Flags = flags,
                Timestamp = stat.StartTime,
                Process = new ProcessIdentity
                {
                    Key = new ProcessKey(pid, stat.StartTime),
                    Parent = parent is { } alive && alive.StartTime <= stat.StartTime ? new ProcessKey(stat.Parent, alive.StartTime) : default,
                    Uid = EffectiveId(status, "Uid:"u8),
                    Gid = EffectiveId(status, "Gid:"u8),
                    Comm = stat.Comm,
                },
                Path = executable,
                Executable = executable,
                Details = new ExecDetails(executable, workingDirectory, Split(arguments)),
                ParentComm = parent?.Comm ?? "",
            };
        }
        catch (IOException)
        {
            return null;
        }
    }

    // Parents started before their children, but ticks are coarse; a chain within one tick goes by who is whose parent.
    private static List<SensorEvent> Sorted(List<SensorEvent> events)
    {
        var byKey = events.ToDictionary(process => process.Process.Key);
        var sorted = new List<SensorEvent>(events.Count);
        var done = new HashSet<ProcessKey>();
        var chain = new Stack<SensorEvent>();
        foreach (var start in events.OrderBy(process => process.Timestamp))
        {
            var process = start;
            while (done.Add(process.Process.Key))
            {
                chain.Push(process);
                if (!byKey.TryGetValue(process.Process.Parent, out process))
                {
                    break;
                }
            }

            while (chain.TryPop(out var next))
            {
                sorted.Add(next);
            }
        }

        return sorted;
    }

    // procfs(5): pid (comm) state ppid … starttime is field 22; comm can contain anything, also parentheses.
    private Stat? ReadStat(uint pid)
    {
        if (pid == 0 || HostFile.ReadBeginning($"{_proc}/{pid}/stat", MaxStat, out _) is not { } bytes)
        {
            return null;
        }

        var open = bytes.AsSpan().IndexOf((byte)'(');
        var close = bytes.AsSpan().LastIndexOf((byte)')');
        if (open < 0 || close < open)
        {
            return null;
        }

        var fields = Encoding.ASCII.GetString(bytes.AsSpan(close + 1)).Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return fields.Length > 19 && fields[0] is not ("Z" or "X") && uint.TryParse(fields[1], out var parent) && long.TryParse(fields[19], out var ticks)
            ? new Stat(Encoding.UTF8.GetString(bytes.AsSpan(open + 1, close - open - 1)), parent, ProcessStartTime.FromTicks(ticks))
            : null;
    }

    // The kernel writes what became of the file behind its name: memfd_create(2), proc_pid_exe(5).
    private static EventFlags FileFlags(ref string executable)
    {
        const string Deleted = " (deleted)";
        var flags = executable.StartsWith("/memfd:", StringComparison.Ordinal) ? EventFlags.FileInMemory : EventFlags.None;
        if (executable.EndsWith(Deleted, StringComparison.Ordinal))
        {
            executable = executable[..^Deleted.Length];
            flags |= EventFlags.FileDeleted;
        }

        return flags;
    }

    private static string LinkTarget(string path)
    {
        try
        {
            return new FileInfo(path).LinkTarget ?? "";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }

    // "Uid:\treal\teffective\tsaved\tfilesystem"
    private static uint EffectiveId(ReadOnlySpan<byte> status, ReadOnlySpan<byte> label)
    {
        var line = status[(status.IndexOf(label) + label.Length)..];
        var effective = line[1..][(line[1..].IndexOf((byte)'\t') + 1)..];
        return Utf8Parser.TryParse(effective, out uint id, out _) ? id : uint.MaxValue;
    }

    private static IReadOnlyList<string> Split(ReadOnlySpan<byte> arguments) =>
        arguments.IsEmpty ? [] : Encoding.UTF8.GetString(arguments[^1] == 0 ? arguments[..^1] : arguments).Split('\0');

    private readonly record struct Stat(string Comm, uint Parent, long StartTime);
}
