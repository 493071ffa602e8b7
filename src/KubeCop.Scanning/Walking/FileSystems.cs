namespace KubeCop.Scanning.Walking;

internal enum FileSystemKind
{
    /// <summary>Files on this machine's disks or in its memory: tmpfs and overlay are.</summary>
    Local,

    /// <summary>Shows the kernel's state; has no content that anybody stored.</summary>
    Pseudo,

    /// <summary>On another machine, in a cluster, or served by a program (FUSE): a read may wait for ever.</summary>
    Network,
}

/// <summary>
/// What a file system is by its type in statfs(2). Numbers: include/uapi/linux/magic.h, the file systems' own sources, and coreutils' stat.c.
/// </summary>
internal static class FileSystems
{
    /// <summary>
    /// Whether its files are in memory alone (tmpfs, ramfs). Nothing is ever written back there, so who has mapped a file can go on changing it without
    /// its times being changed (mm/memory.c, fault_dirty_shared_page): they tell of the first write through the mapping only.
    /// </summary>
    public static bool IsInMemory(uint type) => type is 0x01021994 or 0x858458f6;

    /// <summary>One that is in no list counts as local: what is stored there is rather scanned than missed.</summary>
    public static FileSystemKind KindOf(uint type) => type switch
    {
        0x9fa0 // proc
            or 0x62656572 // sysfs
            or 0x27e0eb // cgroup
            or 0x63677270 // cgroup2
            or 0x64626720 // debugfs
            or 0x74726163 // tracefs
            or 0x73636673 // securityfs
            or 0xf97cff8c // selinuxfs
            or 0x43415d53 // smackfs
            or 0x5a3c69f0 // AppArmor's
            or 0xcafe4a11 // bpf
            or 0x6165676c // pstore
            or 0xde5e81e4 // efivarfs
            or 0x62656570 // configfs
            or 0x65735543 // fusectl
            or 0x19800202 // mqueue
            or 0x1cd1 // devpts
            or 0x42494e4d // binfmt_misc
            or 0x958458f6 // hugetlbfs
            or 0x67596969 // rpc_pipefs
            or 0x6e667364 // nfsd
            or 0x6e736673 // nsfs
            or 0x50494446 // pidfs
            or 0x6c6f6f70 // binderfs
            or 0x7655821 // resctrl
            or 0xabba1974 // xenfs
            or 0x9fa1 // openpromfs
            or 0x9fa2 // usbdevfs
            or 0x50495045 // pipefs
            or 0x534f434b // sockfs
            or 0x09041934 // anonymous inodes
            or 0x5345434d // secretmem
            or 0x62646576 // bdevfs
            => FileSystemKind.Pseudo,
        0x6969 // nfs
            or 0x517b // smb
            or 0xff534d42 // cifs
            or 0xfe534d42 // smb2
            or 0x00c36400 // ceph
            or 0x5346414f // OpenAFS
            or 0x6b414653 // the kernel's AFS
            or 0x73757245 // coda
            or 0x01021997 // 9p
            or 0x65735546 // FUSE
            or 0x0187 // autofs
            or 0x47504653 // gpfs
            or 0x0bd00bd0 // lustre
            or 0x7461636f // ocfs2
            or 0x01161970 // gfs2
            or 0x564c // ncp
            or 0x61636673 // acfs
            or 0xaad7aaea // panfs
            or 0xbeefdead // snfs
            or 0x19830326 // BeeGFS
            or 0x20030528 // orangefs
            or 0x013111a8 // ibrix
            or 0x786f4256 // vboxsf
            or 0xbacbacbc // vmhgfs
            or 0x7c7c6673 // prl_fs
            => FileSystemKind.Network,
        _ => FileSystemKind.Local,
    };

    /// <summary>As <see cref="KindOf(uint)"/>, by the name in a mount table.</summary>
    public static FileSystemKind KindOf(string name) => name switch
    {
        "proc" or "sysfs" or "cgroup" or "cgroup2" or "debugfs" or "tracefs" or "securityfs" or "selinuxfs" or "smackfs" or "bpf" or "pstore" or "efivarfs"
            or "configfs" or "fusectl" or "mqueue" or "devpts" or "devtmpfs" or "binfmt_misc" or "hugetlbfs" or "rpc_pipefs" or "nfsd" or "nsfs" or "binder"
            or "resctrl" or "xenfs" or "openpromfs" or "usbdevfs" => FileSystemKind.Pseudo,
        "nfs" or "nfs4" or "smb3" or "cifs" or "ceph" or "afs" or "coda" or "9p" or "autofs" or "gpfs" or "lustre" or "ocfs2" or "gfs2" or "ncpfs" or "acfs"
            or "panfs" or "beegfs" or "orangefs" or "vboxsf" or "vmhgfs" or "prl_fs" or "fuse" or "fuseblk" => FileSystemKind.Network,
        _ when name.StartsWith("fuse.", StringComparison.Ordinal) => FileSystemKind.Network,
        _ => FileSystemKind.Local,
    };
}
