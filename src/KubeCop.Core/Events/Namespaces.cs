namespace KubeCop.Core.Events;

/// <summary>The namespaces of unshare(2) and setns(2) by name.</summary>
public static class Namespaces
{
    // include/uapi/linux/sched.h
    private static readonly (string Name, uint Bit)[] Named =
    [
        ("time", 0x80), ("mount", 0x20000), ("cgroup", 0x0200_0000), ("uts", 0x0400_0000), ("ipc", 0x0800_0000), ("user", 0x1000_0000),
        ("pid", 0x2000_0000), ("net", 0x4000_0000),
    ];

    /// <summary>The CLONE_NEW* bits of all of them.</summary>
    public static readonly uint All = Named.Aggregate(0u, static (bits, name) => bits | name.Bit);

    /// <param name="flags">CLONE_NEW* bits; others are left out.</param>
    public static IReadOnlyList<string> Names(uint flags) => [.. Named.Where(name => (flags & name.Bit) != 0).Select(static name => name.Name)];
}
