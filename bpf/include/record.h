/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Putting records together and sending them. */
#pragma once

/* Keeps the compiler from undoing a bound that the verifier has to see. */
#define KC_OPAQUE(value) asm volatile("" : "+r"(value))

static __always_inline void count_lost(__u32 kind, __u32 reason)
{
	__u32 key = kind * KC_LOSS_REASONS + reason;
	__u64 *count = bpf_map_lookup_elem(&lost, &key);

	if (count)
		(*count)++;
}

static __always_inline void *new_record(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&records, &zero);
}

static __always_inline struct path_buffer *path_buffer(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&paths, &zero);
}

static __always_inline void fill_head(struct kc_event *event, __u32 kind, __u64 cgroup_id)
{
	__builtin_memset(event, 0, sizeof(*event));
	event->timestamp_ns = bpf_ktime_get_boot_ns();
	event->cgroup_id = cgroup_id;
	event->kind = kind;
	event->cpu = bpf_get_smp_processor_id();
}

static __always_inline void fill_process(struct kc_event *event, struct task_struct *task)
{
	struct task_struct *leader = BPF_CORE_READ(task, group_leader);
	struct task_struct *parent = BPF_CORE_READ(task, real_parent);
	const struct cred *cred = BPF_CORE_READ(task, cred);

	event->pid = BPF_CORE_READ(task, tgid);
	event->start_time_ns = BPF_CORE_READ(leader, start_boottime);
	event->parent_pid = BPF_CORE_READ(parent, tgid);
	event->parent_start_time_ns = BPF_CORE_READ(parent, group_leader, start_boottime);
	event->uid = BPF_CORE_READ(cred, euid.val);
	event->gid = BPF_CORE_READ(cred, egid.val);
	bpf_core_read(&event->comm, sizeof(event->comm), &task->comm);
}

static __always_inline void fill_parent_comm(char *comm, struct task_struct *task)
{
	struct task_struct *parent = BPF_CORE_READ(task, real_parent);

	bpf_core_read(comm, KC_COMM_LEN, &parent->comm);
}

/* Appends a resolved path at 'offset'; returns its length. */
static __always_inline __u32 append_path(struct record_buffer *record, __u32 offset, struct path_walk *walk)
{
	__u32 start = walk->buffer->start;
	__u32 len = KC_PATH_MAX - start;

	KC_OPAQUE(offset);
	KC_OPAQUE(start);
	KC_OPAQUE(len);
	if (offset > KC_RECORD_MAX - KC_PATH_MAX || len > KC_PATH_MAX || start >= KC_PATH_MAX)
		return 0;
	bpf_probe_read_kernel(&record->bytes[offset], len, &walk->buffer->bytes[start]);
	return len;
}

/* Appends a string of the kernel at 'offset' without its NUL; returns its length. */
static __always_inline __u32 append_string(struct record_buffer *record, __u32 offset, const char *text)
{
	long len;

	KC_OPAQUE(offset);
	if (offset > KC_RECORD_MAX - KC_PATH_MAX)
		return 0;
	len = bpf_probe_read_kernel_str(&record->bytes[offset], KC_PATH_MAX, text);
	return len > 0 ? len - 1 : 0;
}

/* Events that must not wait wake the reader at once. */
static __always_inline void send(struct kc_event *event, __u32 size, bool critical)
{
	__u64 flags = critical ? BPF_RB_FORCE_WAKEUP : reader_polls ? BPF_RB_NO_WAKEUP : 0;
	__u32 kind = event->kind;

	event->size = size;
	KC_OPAQUE(size);
	if (size > KC_RECORD_MAX)
		return;
	if (bpf_ringbuf_output(&events, event, size, flags))
		count_lost(kind, KC_LOST_RING_FULL);
}
