using System.Globalization;

namespace KubeCop.Core.Events;

/// <summary>Names of Linux capabilities.</summary>
public static class Capabilities
{
    // include/uapi/linux/capability.h, by number.
    private static readonly string[] Names =
    [
        "CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP", "LINUX_IMMUTABLE",
        "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER", "SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT",
        "SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE", "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD", "LEASE",
        "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP", "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ",
        "PERFMON", "BPF", "CHECKPOINT_RESTORE",
    ];

    /// <summary>The name without <c>CAP_</c>; one too new to be known is called by its number, for example <c>UNKNOWN_63</c>.</summary>
    public static string Name(int number) => (uint)number < (uint)Names.Length ? Names[number] : $"UNKNOWN_{number}";

    /// <summary>The name as <see cref="Name"/> gives it, of a capability as people write it: <c>net_admin</c>, <c>CAP_NET_ADMIN</c>.</summary>
    /// <returns>False when there is none of this name.</returns>
    public static bool TryParse(string text, out string name)
    {
        var upper = text.ToUpperInvariant();
        name = upper.StartsWith("CAP_", StringComparison.Ordinal) ? upper["CAP_".Length..] : upper;
        return Names.Contains(name) || name == Name(NumberIn(name, "UNKNOWN_"));
    }

    internal static int NumberIn(string text, string prefix) =>
        text.StartsWith(prefix, StringComparison.Ordinal)
        && int.TryParse(text.AsSpan(prefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
            : -1;
}
