using System.Globalization;

namespace KubeCop.Sensor.Privileges;

/// <summary>Capabilities of one thread, as <c>/proc/&lt;pid&gt;/task/&lt;tid&gt;/status</c> tells them (proc_pid_status(5)).</summary>
internal sealed record ThreadPrivileges
{
    public string Name { get; private init; } = "";

    public ulong Inheritable { get; private init; }

    public ulong Permitted { get; private init; }

    public ulong Effective { get; private init; }

    public ulong Bounding { get; private init; }

    public ulong Ambient { get; private init; }

    public bool NoNewPrivileges { get; private init; }

    /// <summary>Signals that wait for this thread alone, one bit each.</summary>
    public ulong Pending { get; private init; }

    /// <summary>Of the thread that asks.</summary>
    /// <exception cref="IOException">/proc is not mounted.</exception>
    public static ThreadPrivileges Current() => Parse(File.ReadLines("/proc/thread-self/status"));

    /// <summary>Of every thread of this process, by its id. Threads that end meanwhile are left out.</summary>
    /// <exception cref="IOException">/proc is not mounted.</exception>
    public static IReadOnlyDictionary<int, ThreadPrivileges> All() => All("self");

    /// <summary>The same of another process.</summary>
    internal static IReadOnlyDictionary<int, ThreadPrivileges> All(int process) => All(process.ToString(CultureInfo.InvariantCulture));

    private static Dictionary<int, ThreadPrivileges> All(string process)
    {
        var threads = new Dictionary<int, ThreadPrivileges>();
        foreach (var directory in Directory.EnumerateDirectories($"/proc/{process}/task"))
        {
            try
            {
                threads.Add(int.Parse(Path.GetFileName(directory), CultureInfo.InvariantCulture), Parse(File.ReadLines($"{directory}/status")));
            }
            catch (IOException)
            {
                // It has ended.
            }
        }

        return threads;
    }

    internal static ThreadPrivileges Parse(IEnumerable<string> status)
    {
        var privileges = new ThreadPrivileges();
        foreach (var line in status)
        {
            var colon = line.IndexOf(':', StringComparison.Ordinal);
            var value = line[(colon + 1)..].Trim();
            privileges = line[..Math.Max(colon, 0)] switch
            {
                "Name" => privileges with { Name = value },
                "SigPnd" => privileges with { Pending = Mask(value) },
                "CapInh" => privileges with { Inheritable = Mask(value) },
                "CapPrm" => privileges with { Permitted = Mask(value) },
                "CapEff" => privileges with { Effective = Mask(value) },
                "CapBnd" => privileges with { Bounding = Mask(value) },
                "CapAmb" => privileges with { Ambient = Mask(value) },
                "NoNewPrivs" => privileges with { NoNewPrivileges = value == "1" },
                _ => privileges,
            };
        }

        return privileges;
    }

    /// <summary>Whether this thread has nothing but what is kept, and cannot get anything.</summary>
    /// <param name="kept">One bit each.</param>
    /// <param name="bounding">What may be left in the bounding set.</param>
    public bool IsWithin(ulong kept, ulong bounding) =>
        ((Permitted | Effective) & ~kept) == 0 && Inheritable == 0 && Ambient == 0 && (Bounding & ~bounding) == 0 && NoNewPrivileges;

    private static ulong Mask(string text) => ulong.Parse(text, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
}
