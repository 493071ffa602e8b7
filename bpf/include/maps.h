/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Maps, and the settings that the sensor writes while the programs run. */
#pragma once

#define KC_MAX_CGROUPS 16384
#define KC_MAX_SETUP_TASKS 4096
#define KC_MAX_DNS_SOCKETS 4096
/* An exec's fixed part, three paths and argv. A value of a per-CPU map may have at most 32 KiB. */
#define KC_RECORD_MAX (sizeof(struct kc_exec) + 3 * KC_PATH_MAX + KC_ARGS_MAX)
/* Programs that may interrupt each other on one CPU: a task's, another's that preempts it, and a network packet's. */
#define KC_BUFFERS 4

/* Records for the sensor; the sizes are options of the sensor. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4 * 1024 * 1024);
} critical SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4 * 1024 * 1024);
} bulk SEC(".maps");

/* Cgroup id to what it is. What is not in here is not watched. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, KC_MAX_CGROUPS);
	__type(key, __u64);
	__type(value, struct kc_cgroup_entry);
} cgroups SEC(".maps");

/*
 * Slots that are free. Taken here when a cgroup is made; given back by the sensor, once it has read the slot's counters. The last one given back
 * is taken first: the sensor maps what it needs of a slot's sightings, and keeps it.
 */
struct {
	__uint(type, BPF_MAP_TYPE_STACK);
	__uint(max_entries, 513);
	__uint(value_size, sizeof(__u32));
} free_slots SEC(".maps");

/* By slot. The sensor sets the number of slots. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 513);
	__type(key, __u32);
	__type(value, struct kc_slot);
} slots SEC(".maps");

/* By slot: what was reported already. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 513);
	__type(key, __u32);
	__type(value, struct kc_sightings);
} sightings SEC(".maps");

struct setup_task {
	/* The runtime's mount namespace; 0 when the process has left it already. */
	__u64 mnt_ns;
};

/* Processes of the container runtime now inside a container, by tgid: from their entry to their first exec in it. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, KC_MAX_SETUP_TASKS);
	__type(key, __u32);
	__type(value, struct setup_task);
} setup_tasks SEC(".maps");

struct dns_client {
	struct kc_event process; /* head of the event that addressed a server: who asks */
};

/* Sockets that talk to DNS servers, by cookie: a packet does not tell whose it is. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, KC_MAX_DNS_SOCKETS);
	__type(key, __u64);
	__type(value, struct dns_client);
} dns_clients SEC(".maps");

/* Lost events: index kind * KC_LOSS_REASONS + reason. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, KC_KINDS *KC_LOSS_REASONS);
	__type(key, __u32);
	__type(value, __u64);
} lost SEC(".maps");

struct record_buffer {
	__u8 bytes[KC_RECORD_MAX];
	__u32 busy;
};

/* Where records with strings are put together: too large for the stack. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, KC_BUFFERS);
	__type(key, __u32);
	__type(value, struct record_buffer);
} records SEC(".maps");

struct path_buffer {
	/*
	 * The path is bytes[start, KC_PATH_MAX). In memory, where the verifier forgets its range with each round of the walk: it would
	 * follow every number of names and mounts apart otherwise.
	 */
	volatile __u32 start;
	__u32 reserved;
	/* Where the walk begins, and as whose it is: addresses in the kernel. */
	__u64 dentry;
	__u64 mount;
	__u64 task;
	/* A path is written backwards from KC_PATH_MAX; the second half only lets the verifier see that a name fits. */
	char bytes[2 * KC_PATH_MAX];
};

/* Belongs to the record of the same index. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, KC_BUFFERS);
	__type(key, __u32);
	__type(value, struct path_buffer);
} paths SEC(".maps");

#define KC_TRACKED_BUCKETS 4096
/*
 * How many cgroups of the map 'cgroups' fall into each bucket: a glance tells for nearly every process that it is not watched.
 * Counted by whoever adds or deletes the entry.
 */
__u32 tracked[KC_TRACKED_BUCKETS];

/* Entries of 'setup_tasks': while there are none, nobody looks. */
__u32 setup_task_count;

/* The sensor reads the rings at short intervals by itself now: bulk events need not wake it. */
__u32 reader_polls;

/* Bytes that one container may have in a ring, unread. */
__u64 ring_share[KC_RINGS];

/* Bytes in the critical ring that wake the reader also for what is not urgent. */
__u64 soon_bytes;

/* Random for each load, so that nobody can choose behaviours that look the same to the filter. */
__u64 seed;
