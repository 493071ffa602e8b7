/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Cgroups: containers come and go with them, and a runtime's processes enter a container by them. */
#pragma once

static __always_inline void send_cgroup(__u32 kind, __u64 id, __u32 slot, const char *path)
{
	struct buffers buffers;
	struct kc_cgroup *event;

	if (!take_buffers(&buffers, NULL, kind))
		return;
	event = (struct kc_cgroup *)buffers.record;
	__builtin_memset(event, 0, sizeof(*event));
	fill_head(&event->event, kind, id, slot);
	event->path_len = append_string(buffers.record, sizeof(*event), path);
	send(NULL, &event->event, sizeof(*event) + event->path_len, KC_CRITICAL);
	put_buffers(&buffers);
}

static __always_inline void send_cgroup_created(__u64 id, __u64 parent_id, __u32 slot, const char *path)
{
	struct task_struct *maker = bpf_get_current_task_btf();
	struct buffers buffers;
	struct record_buffer *record;
	struct kc_cgroup *event;
	__u32 size = sizeof(*event);

	if (!take_buffers(&buffers, NULL, KC_CGROUP_CREATED))
		return;
	record = buffers.record;
	event = (struct kc_cgroup *)record;
	__builtin_memset(event, 0, sizeof(*event));
	fill_head(&event->event, KC_CGROUP_CREATED, id, slot);
	fill_process(&event->event, maker);
	event->parent_cgroup_id = parent_id;
	event->path_len = append_string(record, size, path);
	size += event->path_len;
	event->event.flags = resolve_path(buffers.path, BPF_CORE_READ(maker, fs, pwd.dentry),
					  BPF_CORE_READ(maker, fs, pwd.mnt), maker, false);
	event->maker_cwd_len = append_path(record, size, buffers.path);
	size += event->maker_cwd_len;
	send(NULL, &event->event, size, KC_CRITICAL);
	put_buffers(&buffers);
}

/* A slot for a new container; 0 when there is none. The sensor has cleared it of its last use. */
static __always_inline __u32 take_slot(__u64 cgroup_id)
{
	struct kc_slot *slot;
	__u32 index;

	if (bpf_map_pop_elem(&free_slots, &index))
		return 0;
	slot = bpf_map_lookup_elem(&slots, &index);
	if (!slot)
		return 0;
	slot->cgroup_id = cgroup_id;
	return index;
}

static __always_inline bool in_default_hierarchy(struct cgroup *cgroup)
{
	return BPF_CORE_READ(cgroup, root, hierarchy_id) == KC_DEFAULT_HIERARCHY;
}

static __always_inline __u64 parent_cgroup_id(struct cgroup *cgroup)
{
	/* 'self' is the first member of struct cgroup, so a parent's css is its cgroup. */
	struct cgroup *parent = (struct cgroup *)BPF_CORE_READ(cgroup, self.parent);

	return parent ? cgroup_id(parent) : 0;
}

/* A cgroup below a container belongs to it; any other might be a new container until the sensor has looked. */
SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(cgroup_mkdir, struct cgroup *cgroup, const char *path)
{
	struct kc_cgroup_entry entry = {};
	struct kc_cgroup_entry *parent;
	__u64 parent_id;
	__u64 id;

	if (!in_default_hierarchy(cgroup))
		return 0;
	id = cgroup_id(cgroup);
	parent_id = parent_cgroup_id(cgroup);
	parent = cgroup_entry(parent_id);
	if (parent && parent->state == KC_CGROUP_CONTAINER) {
		entry.container_cgroup_id = parent->container_cgroup_id;
		entry.slot = parent->slot;
		entry.state = KC_CGROUP_CONTAINER;
	} else {
		entry.container_cgroup_id = id;
		entry.state = KC_CGROUP_CANDIDATE;
		entry.slot = take_slot(id);
	}
	if (bpf_map_update_elem(&cgroups, &id, &entry, BPF_ANY)) {
		count_lost(NULL, KC_CGROUP_CREATED, KC_LOST_CGROUPS_FULL);
		return 0;
	}
	__sync_fetch_and_add(tracked_bucket(id), 1);
	if (entry.state == KC_CGROUP_CANDIDATE)
		send_cgroup_created(id, parent_id, entry.slot, path);
	return 0;
}

SEC("tp_btf/cgroup_notify_populated")
int BPF_PROG(cgroup_notify_populated, struct cgroup *cgroup, const char *path, int populated)
{
	struct kc_cgroup_entry *entry;
	__u64 id;

	if (!in_default_hierarchy(cgroup))
		return 0;
	id = cgroup_id(cgroup);
	entry = cgroup_entry(id);
	if (entry && entry->container_cgroup_id == id)
		send_cgroup(populated ? KC_CGROUP_POPULATED : KC_CGROUP_EMPTY, id, entry->slot, path);
	return 0;
}

SEC("tp_btf/cgroup_rmdir")
int BPF_PROG(cgroup_rmdir, struct cgroup *cgroup, const char *path)
{
	struct kc_cgroup_entry *entry;
	__u32 slot;
	bool own;
	__u64 id;

	if (!in_default_hierarchy(cgroup))
		return 0;
	id = cgroup_id(cgroup);
	entry = cgroup_entry(id);
	if (!entry)
		return 0;
	own = entry->container_cgroup_id == id;
	slot = entry->slot;
	if (!bpf_map_delete_elem(&cgroups, &id))
		__sync_fetch_and_sub(tracked_bucket(id), 1);
	if (own)
		send_cgroup(KC_CGROUP_REMOVED, id, slot, path);
	return 0;
}

/* A process was moved into a container by one that is not in it: the runtime's init, in set-up until its own exec. */
SEC("tp_btf/cgroup_attach_task")
int BPF_PROG(cgroup_attach_task, struct cgroup *cgroup, const char *path, struct task_struct *task, bool threadgroup)
{
	struct kc_cgroup_entry *entry, *mover;
	struct kc_fork fork = {};

	if (!in_default_hierarchy(cgroup))
		return 0;
	entry = cgroup_entry(cgroup_id(cgroup));
	if (!entry)
		return 0;
	mover = cgroup_entry(bpf_get_current_cgroup_id());
	if (mover && mover->container_cgroup_id == entry->container_cgroup_id)
		return 0;
	begin_setup(BPF_CORE_READ(task, tgid), runtime_mount_namespace(task));

	fill_head(&fork.event, KC_FORK, entry->container_cgroup_id, entry->slot);
	fill_process(&fork.event, task);
	fill_parent_comm(fork.parent_comm, task);
	fork.event.flags = KC_SETUP | KC_ENTERED;
	send(slot_of(entry), &fork.event, sizeof(fork), KC_CRITICAL);
	return 0;
}
