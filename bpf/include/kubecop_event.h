/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * The wire contract between the kernel programs and the sensor: every record in the ring buffer starts with
 * struct kc_event and continues with the fixed part of its kind and then its strings.
 *
 * Layout rules: fields are naturally aligned and padding is explicit, so that no compiler inserts any. 'packed' is not
 * used, because clang would then access members byte by byte. The C# mirror is src/KubeCop.Sensor/Decoding/WireFormat.cs;
 * a test compares every size and offset with this object's BTF.
 */
#pragma once

#define KC_COMM_LEN 16
/* PATH_MAX of Linux: the longest path a system call accepts, with its NUL. A resolved path can be longer; it is then cut
 * at its root end and marked KC_PATH_TRUNCATED. */
#define KC_PATH_MAX 4096
/* Components a resolved path may have before it is cut: bounds the walk for the verifier. */
#define KC_PATH_COMPONENTS 128
/* The longest name in a directory (NAME_MAX). */
#define KC_NAME_MAX 255
/* A DNS message up to this length is carried whole: more than EDNS asks for; a longer one is cut. */
#define KC_DNS_MAX 4096
/* Numbers of 32-bit system calls start here. */
#define KC_SYSCALL_COMPAT 512
#define KC_SYSCALLS 1024
/* Bytes of argv that are kept, NUL separated; the rest is dropped and KC_ARGS_TRUNCATED set. */
#define KC_ARGS_MAX 16384

enum kc_kind {
	KC_EXEC = 1,
	KC_FORK = 2,
	KC_EXIT = 3,
	KC_OPEN = 4,
	KC_NETWORK = 5,
	KC_DNS = 6,
	KC_CAPABILITY = 7,
	KC_SYSCALL = 8,
	KC_RANDOMX = 9,
	KC_MODULE = 10,
	KC_PTRACE = 11,
	KC_UNSHARE = 12,
	KC_SETNS = 13,
	/* Life of cgroups: the sensor finds containers by them. */
	KC_CGROUP_CREATED = 16,
	KC_CGROUP_EMPTY = 17,
	KC_CGROUP_POPULATED = 18,
	KC_CGROUP_REMOVED = 19,
};

/* Flags of struct kc_event. */
enum kc_event_flags {
	/* Done by the container runtime's init inside the cgroup, before its own first exec: set-up, not behaviour. */
	KC_SETUP = 1 << 0,
	/* A path was cut at its root end, or has more components than KC_PATH_COMPONENTS. */
	KC_PATH_TRUNCATED = 1 << 1,
	/* The path does not lead to the root of the process's mount namespace (detached mount, unlinked directory). */
	KC_PATH_UNREACHABLE = 1 << 2,
	/* The file had no name left in any directory when it was used. */
	KC_FILE_DELETED = 1 << 3,
	/* The file lives in memory only (memfd_create). */
	KC_FILE_MEMFD = 1 << 4,
	/* The file is in the upper layer of an overlay file system: it was not in the image. */
	KC_FILE_UPPER_LAYER = 1 << 5,
	/* argv is longer than KC_ARGS_MAX. */
	KC_ARGS_TRUNCATED = 1 << 6,
	/* argv could not be read from the new program's stack. */
	KC_ARGS_UNREADABLE = 1 << 7,
	/* The process entered the container from outside (a runtime's exec), or descends from one that did in set-up. */
	KC_ENTERED = 1 << 8,
	/* It was tried and refused; 'error' says why. */
	KC_REFUSED = 1 << 9,
	/* Nothing that happened now: a process that ran already when its container became known. */
	KC_SNAPSHOT = 1 << 10,
};

/* Head of every event. */
struct kc_event {
	__u64 timestamp_ns; /* CLOCK_BOOTTIME */
	__u64 cgroup_id; /* of the container: nested cgroups report their container's */
	__u64 start_time_ns; /* of the process, CLOCK_BOOTTIME: with pid an identity that survives pid reuse */
	__u64 parent_start_time_ns;
	__u64 sighting; /* the behaviour's key in the filter of repeats; 0 for what is never filtered */
	__u32 size; /* of the whole record, in bytes */
	__u32 flags; /* enum kc_event_flags */
	__u32 pid; /* thread group id, in the initial pid namespace; 0 for most cgroup events */
	__u32 parent_pid;
	__u32 uid; /* effective, in the initial user namespace */
	__u32 gid;
	__u16 kind; /* enum kc_kind */
	__u16 slot; /* of the container; 0 for none */
	__u32 sequence; /* counts what was to be sent of this slot through this ring: a gap is a loss */
	__u32 repeats; /* since it was sent last */
	__s32 error; /* with KC_REFUSED: errno */
	char comm[KC_COMM_LEN];
};

/* Lengths of the strings behind struct kc_exec, none NUL terminated, in this order: executable, filename, cwd, args. */
struct kc_exec_lengths {
	__u32 args; /* argv, NUL separated */
	__u16 executable; /* resolved from the file object; of a script: the interpreter */
	__u16 filename; /* as given to execve: the script's path for a script, may be relative */
	__u16 cwd;
	__u16 reserved;
};

enum kc_stream_type {
	KC_STREAM_CLOSED = 0,
	KC_STREAM_OTHER = 1,
	KC_STREAM_TERMINAL = 2,
	KC_STREAM_PIPE = 3,
	KC_STREAM_FILE = 4,
	/* Its peer is known for IPv4 and IPv6. */
	KC_STREAM_SOCKET = 5,
};

/*
 * What a descriptor leads to. Of a pipe, and of a socket without a family, 'address' holds its identity instead: the inode's number
 * in eight bytes and, of a FIFO, the device in four, in the kernel's encoding. Both ends of a pipe have the same.
 */
struct kc_stream {
	__u8 type; /* enum kc_stream_type */
	__u8 family; /* AF_INET or AF_INET6 of a socket that is one of these */
	__u16 port; /* of its peer, in host order */
	__u8 address[16]; /* of its peer; IPv4 in the first four bytes */
};

/*
 * After a successful exec, or a refused one, of which only file name and cwd are known. What the sensor interns stands last:
 * streams, lengths, strings.
 */
struct kc_exec {
	struct kc_event event;
	__u64 inode; /* of the executable */
	__u32 device; /* the kernel's encoding of st_dev */
	__u32 reserved;
	char parent_comm[KC_COMM_LEN];
	struct kc_stream streams[3]; /* descriptors 0, 1, 2 */
	struct kc_exec_lengths lengths;
};

/* A process (not a thread) was created; the head identifies the child. */
struct kc_fork {
	struct kc_event event;
	char parent_comm[KC_COMM_LEN];
};

/* The last thread of a process ended. */
struct kc_exit {
	struct kc_event event;
	__s32 exit_code; /* as in wait(2) */
	__u32 reserved;
};

/* After a successful open, openat, openat2 or creat. The resolved path follows. */
struct kc_open {
	struct kc_event event;
	__u64 inode;
	__u64 directory; /* the file's, with these flags, as a key in the filter of repeats; 0 where there is none */
	__u32 device;
	__u32 open_flags; /* O_ACCMODE bits and O_* as they were asked for */
	__u16 path_len;
	__u16 mode; /* file type and permission bits of the file */
	__u32 reserved;
};

/* enum NetworkAction */
enum kc_network_action {
	KC_CONNECT = 1,
	KC_ACCEPT = 2,
	KC_LISTEN = 3,
};

/* A connection was begun (or a datagram addressed), one was accepted, a port was opened. */
struct kc_network {
	struct kc_event event;
	__u8 address[16]; /* of the peer; of a listen the local one. IPv4 in the first four bytes */
	__u16 port; /* the service's: the peer's of a connect, else the local one; in host order */
	__u8 family; /* AF_INET or AF_INET6; IPv4-mapped addresses are AF_INET */
	__u8 protocol; /* IPPROTO_* */
	__u8 action; /* enum kc_network_action */
	__u8 reserved[3];
};

/* A DNS message was sent to a server or received from one. The message follows. */
struct kc_dns {
	struct kc_event event;
	__u8 address[16]; /* of the server */
	__u16 len; /* of the message, at most KC_DNS_MAX */
	__u8 family;
	__u8 protocol; /* IPPROTO_UDP or IPPROTO_TCP */
	__u8 received;
	__u8 reserved[3];
};

/* A capability was checked; KC_REFUSED when the process does not have it. */
struct kc_capability {
	struct kc_event event;
	__u32 capability;
	__u32 syscall; /* the system call in which it was checked, as in struct kc_syscall */
};

/* The first call of a system call in its container. */
struct kc_syscall {
	struct kc_event event;
	__u32 number; /* of the 32-bit table from KC_SYSCALL_COMPAT on */
	__u32 reserved;
};

/* The rounding mode was found changed 50 times, at most 5 s apart. */
struct kc_randomx {
	struct kc_event event;
};

/* init_module or finit_module. The file's path follows; there is none when the module came from memory. */
struct kc_module {
	struct kc_event event;
	__u16 path_len;
	__u16 reserved[3];
};

/* ptrace with a request that takes control of, or changes, another process. */
struct kc_ptrace {
	struct kc_event event;
	__u32 request;
	__u32 target; /* as the caller calls it, in its pid namespace */
};

/* unshare or setns. */
struct kc_namespaces {
	struct kc_event event;
	__u32 flags; /* CLONE_NEW*; of a setns 0 for whatever kind the descriptor is */
	__u32 reserved;
};

/*
 * A cgroup of the default hierarchy was made, emptied, populated or removed. Its path in the hierarchy follows. Of one that was
 * made, the head identifies the maker, whose working directory comes last: a runtime's is the container's bundle.
 */
struct kc_cgroup {
	struct kc_event event;
	__u64 parent_cgroup_id;
	__u16 path_len;
	__u16 maker_cwd_len;
	__u32 reserved;
};

/* How the sensor treats a cgroup: value of the map 'cgroups'. */
enum kc_cgroup_state {
	/* Made since the sensor started and not yet recognised: its events are sent. */
	KC_CGROUP_CANDIDATE = 1,
	/* A container, or a cgroup inside one. */
	KC_CGROUP_CONTAINER = 2,
	/* Not recognised for long: only its execs and its life are sent, so that it can still be. */
	KC_CGROUP_DORMANT = 3,
};

struct kc_cgroup_entry {
	__u64 container_cgroup_id;
	__u32 state; /* enum kc_cgroup_state */
	__u32 slot; /* of the container; 0 for none: nothing is filtered then */
};

/* Reasons for which the kernel side loses an event: index of the map 'lost', counted per kind. */
enum kc_loss {
	KC_LOST_RING_FULL = 0,
	KC_LOST_CGROUPS_FULL = 1,
	KC_LOST_SETUP_FULL = 2,
	KC_LOST_NO_FILE = 3,
	/* The container had used its share of the ring. */
	KC_LOST_SHARE_USED = 4,
	/* Too many programs interrupted each other on one CPU. */
	KC_LOST_NO_BUFFER = 5,
	KC_LOSS_REASONS = 6,
};

/* Kinds are counted in arrays of this size. */
#define KC_KINDS 32

enum kc_ring {
	/* What must not be lost: processes, cgroups and what is rare. */
	KC_CRITICAL = 0,
	KC_BULK = 1,
	KC_RINGS = 2,
};

/* What is kept of one container, in memory that the sensor shares: value of the map 'slots'. Slot 0 is nobody's. */
struct kc_slot {
	__u64 cgroup_id;
	__u64 produced[KC_RINGS]; /* bytes sent */
	__u64 consumed[KC_RINGS]; /* bytes the sensor has read, written by it */
	__u64 syscalls[KC_SYSCALLS / 64];
	__u64 repeats[KC_KINDS]; /* events that ended in the kernel because they were known */
	__u64 lost[KC_KINDS * KC_LOSS_REASONS];
	__u64 rounding_changed_ns;
	__u32 rounding_changes;
	__u32 sequence[KC_RINGS];
	/* Of the slot's present use: sightings of another one are nobody's. */
	__u32 epoch;
	/* The second that is under way, and the repeats reported in it of behaviours with KC_REPORT_EACH. */
	__u64 each_since_ns;
	__u32 each_reported;
	__u32 reserved;
};

/* Behaviours remembered of a container. */
#define KC_SIGHTING_WAYS 4
#define KC_SIGHTING_SETS 256

/* In place of a time: each repeat is reported, as far as the container's budget goes. */
#define KC_REPORT_EACH 1
/* Repeats of such behaviours that a container has reported in a second; the next one reported tells how many more there were. */
#define KC_EACH_BUDGET 100

/* Ways of a set that the sensor gives to directories at most, so that each set has room for what containers do. */
#define KC_DIRECTORY_WAYS 2

/* A behaviour that was reported; or, written by the sensor, a directory of whose files nothing is to be reported. */
struct kc_sighting {
	__u64 key; /* odd of a behaviour, even of a directory */
	__u64 report_after_ns; /* written by the sensor to have repeats reported again; 0: never, or KC_REPORT_EACH */
	__u32 epoch;
	__u32 repeats; /* since it was reported last */
};

struct kc_sightings {
	struct kc_sighting entries[KC_SIGHTING_SETS * KC_SIGHTING_WAYS];
};
