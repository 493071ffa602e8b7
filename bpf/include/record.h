/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Putting records together and sending them. */
#pragma once

/* Keeps the compiler from undoing a bound that the verifier has to see. */
#define KC_OPAQUE(value) asm volatile("" : "+r"(value))

static __always_inline void count_lost(struct kc_slot *slot, __u32 kind, __u32 reason)
{
	__u32 key = kind * KC_LOSS_REASONS + reason;
	__u64 *count = bpf_map_lookup_elem(&lost, &key);

	if (count)
		(*count)++;
	if (slot && key < KC_KINDS * KC_LOSS_REASONS)
		__sync_fetch_and_add(&slot->lost[key], 1);
}

/* Where a record with strings is put together; given back with put_buffers. */
struct buffers {
	struct record_buffer *record;
	struct path_buffer *path;
};

/* A program can be preempted by another task's on the same CPU, and interrupted by a packet's: each takes a free one. */
static __always_inline bool take_buffers(struct buffers *buffers, struct kc_slot *slot, __u32 kind)
{
	for (__u32 i = 0; i < KC_BUFFERS; i++) {
		__u32 index = i;
		struct record_buffer *record = bpf_map_lookup_elem(&records, &index);

		if (!record)
			return false;
		if (__sync_val_compare_and_swap(&record->busy, 0, 1))
			continue;
		buffers->record = record;
		buffers->path = bpf_map_lookup_elem(&paths, &index);
		if (buffers->path)
			return true;
		record->busy = 0;
		return false;
	}
	count_lost(slot, kind, KC_LOST_NO_BUFFER);
	return false;
}

static __always_inline void put_buffers(struct buffers *buffers)
{
	buffers->record->busy = 0;
}

static __always_inline void fill_head(struct kc_event *event, __u32 kind, __u64 cgroup_id, __u32 slot)
{
	__builtin_memset(event, 0, sizeof(*event));
	event->timestamp_ns = bpf_ktime_get_boot_ns();
	event->cgroup_id = cgroup_id;
	event->kind = kind;
	event->slot = slot;
}

/* Of a typed pointer to a task. */
static __always_inline void fill_process(struct kc_event *event, struct task_struct *task)
{
	struct task_struct *parent = task->real_parent;
	const struct cred *cred = task->cred;

	event->pid = task->tgid;
	event->start_time_ns = task->group_leader->start_boottime;
	event->parent_pid = parent->tgid;
	event->parent_start_time_ns = parent->group_leader->start_boottime;
	event->uid = cred->euid.val;
	event->gid = cred->egid.val;
	bpf_core_read(&event->comm, sizeof(event->comm), &task->comm);
}

static __always_inline void fill_parent_comm(char *comm, struct task_struct *task)
{
	struct task_struct *parent = task->real_parent;

	bpf_core_read(comm, KC_COMM_LEN, &parent->comm);
}

/* Appends a resolved path at 'offset'; returns its length. */
static __always_inline __u32 append_path(struct record_buffer *record, __u32 offset, struct path_buffer *path)
{
	__u32 start = path->start;
	__u32 len = KC_PATH_MAX - start;

	KC_OPAQUE(offset);
	KC_OPAQUE(start);
	KC_OPAQUE(len);
	if (offset > KC_RECORD_MAX - KC_PATH_MAX || len > KC_PATH_MAX || start >= KC_PATH_MAX)
		return 0;
	bpf_probe_read_kernel(&record->bytes[offset], len, &path->bytes[start]);
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

/* Appends a string of the process, which can change it meanwhile: only for what the kernel did not keep. */
static __always_inline __u32 append_user_string(struct record_buffer *record, __u32 offset, const char *text)
{
	long len;

	KC_OPAQUE(offset);
	if (offset > KC_RECORD_MAX - KC_PATH_MAX)
		return 0;
	len = bpf_probe_read_user_str(&record->bytes[offset], KC_PATH_MAX, text);
	return len > 0 ? len - 1 : 0;
}

/* How soon the reader is to have a record of the critical ring: waking it costs more than all else. */
enum urgency {
	KC_AT_ONCE,
	/* Within the reader's own interval, or when 'soon_bytes' wait. */
	KC_SOON,
};

/*
 * A container may have its share of a ring unread, and never more than is still free: however many flood, each leaves room for
 * the next and for the life of cgroups.
 */
static __always_inline bool has_room(struct kc_slot *slot, __u32 size, enum kc_ring ring)
{
	__u64 used = slot->produced[ring] - slot->consumed[ring] + size;
	__u64 free;

	if (ring == KC_CRITICAL)
		free = bpf_ringbuf_query(&critical, BPF_RB_RING_SIZE) - bpf_ringbuf_query(&critical, BPF_RB_AVAIL_DATA);
	else
		free = bpf_ringbuf_query(&bulk, BPF_RB_RING_SIZE) - bpf_ringbuf_query(&bulk, BPF_RB_AVAIL_DATA);
	return used <= ring_share[ring] && used <= free;
}

/*
 * Sends a record. A container that has used its share of the ring loses its own events, and nobody else's. Returns false,
 * with the loss counted, when it was not sent.
 */
static __always_inline bool send_with(struct kc_slot *slot, struct kc_event *event, __u32 size, enum kc_ring ring,
				      enum urgency urgency)
{
	__u32 kind = event->kind;
	long error;

	event->size = size;
	KC_OPAQUE(size);
	if (size > KC_RECORD_MAX)
		return false;
	if (slot) {
		event->sequence = __sync_fetch_and_add(&slot->sequence[ring], 1);
		if (!has_room(slot, size, ring)) {
			count_lost(slot, kind, KC_LOST_SHARE_USED);
			return false;
		}
		__sync_fetch_and_add(&slot->produced[ring], size);
	}
	if (ring == KC_CRITICAL)
		error = bpf_ringbuf_output(&critical, event, size,
					   urgency == KC_SOON &&
						   bpf_ringbuf_query(&critical, BPF_RB_AVAIL_DATA) < soon_bytes
					       ? BPF_RB_NO_WAKEUP
					       : BPF_RB_FORCE_WAKEUP);
	else
		error = bpf_ringbuf_output(&bulk, event, size, reader_polls ? BPF_RB_NO_WAKEUP : 0);
	if (error) {
		count_lost(slot, kind, KC_LOST_RING_FULL);
		if (slot)
			__sync_fetch_and_sub(&slot->produced[ring], size);
	}
	return !error;
}

static __always_inline bool send(struct kc_slot *slot, struct kc_event *event, __u32 size, enum kc_ring ring)
{
	return send_with(slot, event, size, ring, KC_AT_ONCE);
}
