/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Maps, and the settings that the sensor writes while the programs run. */
#pragma once

#define KC_MAX_CGROUPS 16384
#define KC_MAX_SETUP_TASKS 4096
/* An exec's fixed part, three paths and argv. A value of a per-CPU map may have at most 32 KiB. */
#define KC_RECORD_MAX (sizeof(struct kc_exec) + 3 * KC_PATH_MAX + KC_ARGS_MAX)

/* Records for the sensor; its size is an option of the sensor. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 8 * 1024 * 1024);
} events SEC(".maps");

/* Cgroup id to what it is. What is not in here is not watched. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, KC_MAX_CGROUPS);
	__type(key, __u64);
	__type(value, struct kc_cgroup_entry);
} cgroups SEC(".maps");

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

/* Lost events: index kind * KC_LOSS_REASONS + reason. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, KC_KINDS *KC_LOSS_REASONS);
	__type(key, __u32);
	__type(value, __u64);
} lost SEC(".maps");

struct record_buffer {
	__u8 bytes[KC_RECORD_MAX];
};

/* Where a record is put together: too large for the stack. A program holds its CPU while it runs, so one a CPU is enough. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
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
	/* A path is written backwards from KC_PATH_MAX; the second half only lets the verifier see that a name fits. */
	char bytes[2 * KC_PATH_MAX];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct path_buffer);
} paths SEC(".maps");

/* Entries of 'setup_tasks': while there are none, nobody looks. */
__u32 setup_task_count;

/* The sensor reads the ring at short intervals by itself now: bulk events need not wake it. */
__u32 reader_polls;
