using System.Runtime.InteropServices;

namespace KubeCop.Core.Events;

/// <summary>The flags of open(2) by name, in the order of KubeCop's profiles: access mode first, then by bit.</summary>
public static class OpenFlags
{
    public const uint AccessMode = 3;

    public const uint Create = 0x40;

    /// <summary>What changes a file, in a set as of <see cref="ToSet"/>: O_WRONLY, O_RDWR, O_CREAT, O_TRUNC.</summary>
    public const uint Writing = 2 | 4 | Create | 0x200;

    // Four flags have other bits on arm64 (arch/arm64/include/uapi/asm/fcntl.h); the rest is include/uapi/asm-generic/fcntl.h.
    private static readonly bool Arm = RuntimeInformation.ProcessArchitecture == Architecture.Arm64;

    private static readonly (string Name, uint Bits)[] Named =
    [
        ("O_RDONLY", 1), ("O_WRONLY", 2), ("O_RDWR", 4),
        ("O_CREAT", Create), ("O_EXCL", 0x80), ("O_NOCTTY", 0x100), ("O_TRUNC", 0x200), ("O_APPEND", 0x400), ("O_NONBLOCK", 0x800),
        ("O_DSYNC", 0x1000), ("O_FASYNC", 0x2000), ("O_DIRECT", Arm ? 0x10000u : 0x4000u), ("O_LARGEFILE", Arm ? 0x20000u : 0x8000u),
        ("O_DIRECTORY", Arm ? 0x4000u : 0x10000u), ("O_NOFOLLOW", Arm ? 0x8000u : 0x20000u), ("O_NOATIME", 0x40000), ("O_CLOEXEC", 0x80000),
        ("O_PATH", 0x200000), ("O_TMPFILE", 0x400000),
    ];

    private static readonly uint NamedBits = Named.Aggregate(0u, static (bits, flag) => bits | flag.Bits);

    /// <summary>
    /// The flags as a set that can be united: the access mode, a number in the kernel's flags, becomes one bit of the lowest three
    /// (read-only, write-only, read-write; the reserved mode 3 counts as read-write). Bits without a name are left out: a profile,
    /// which holds names, could never have them. Never 0.
    /// </summary>
    public static uint ToSet(uint flags) => (1u << (int)Math.Min(flags & AccessMode, 2)) | (flags & NamedBits & ~7u);

    /// <summary>The names in a set made by <see cref="ToSet"/>; bits without a name are left out.</summary>
    public static IReadOnlyList<string> Names(uint set)
    {
        var names = new List<string>();
        foreach (var (name, bits) in Named)
        {
            if ((set & bits) == bits)
            {
                names.Add(name);
            }
        }

        return names;
    }

    /// <summary>The set that <see cref="Names"/> names; unknown names are left out.</summary>
    public static uint Parse(IEnumerable<string> names)
    {
        var set = 0u;
        foreach (var name in names)
        {
            foreach (var (known, bits) in Named)
            {
                if (string.Equals(name, known, StringComparison.Ordinal))
                {
                    set |= bits;
                }
            }
        }

        return set;
    }
}
