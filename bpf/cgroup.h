/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Cgroups: containers come and go with them, and a runtime's processes enter a container by them. */
#pragma once

static __always_inline void send_cgroup(__u32 kind, __u64 id, const char *path)
{
	struct record_buffer *record = new_record();
	struct kc_cgroup *event = (struct kc_cgroup *)record;

	if (!event)
		return;
	__builtin_memset(event, 0, sizeof(*event));
	fill_head(&event->event, kind, id);
	event->path_len = append_string(record, sizeof(*event), path);
	send(&event->event, sizeof(*event) + event->path_len, true);
}

static __always_inline void send_cgroup_created(__u64 id, __u64 parent_id, const char *path)
{
	struct task_struct *maker = (struct task_struct *)bpf_get_current_task();
	struct record_buffer *record = new_record();
	struct kc_cgroup *event = (struct kc_cgroup *)record;
	struct path_walk walk = { .buffer = path_buffer() };
	__u32 size = sizeof(*event);

	if (!event || !walk.buffer)
		return;
	__builtin_memset(event, 0, sizeof(*event));
	fill_head(&event->event, KC_CGROUP_CREATED, id);
	fill_process(&event->event, maker);
	event->parent_cgroup_id = parent_id;
	event->path_len = append_string(record, size, path);
	size += event->path_len;
	resolve_path(&walk, BPF_CORE_READ(maker, fs, pwd.dentry), BPF_CORE_READ(maker, fs, pwd.mnt), maker);
	event->maker_cwd_len = append_path(record, size, &walk);
	size += event->maker_cwd_len;
	event->event.flags = walk.flags;
	send(&event->event, size, true);
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
		entry.state = KC_CGROUP_CONTAINER;
	} else {
		entry.container_cgroup_id = id;
		entry.state = KC_CGROUP_CANDIDATE;
	}
	if (bpf_map_update_elem(&cgroups, &id, &entry, BPF_ANY)) {
		count_lost(KC_CGROUP_CREATED, KC_LOST_CGROUPS_FULL);
		return 0;
	}
	if (entry.state == KC_CGROUP_CANDIDATE)
		send_cgroup_created(id, parent_id, path);
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
		send_cgroup(populated ? KC_CGROUP_POPULATED : KC_CGROUP_EMPTY, id, path);
	return 0;
}

SEC("tp_btf/cgroup_rmdir")
int BPF_PROG(cgroup_rmdir, struct cgroup *cgroup, const char *path)
{
	struct kc_cgroup_entry *entry;
	bool own;
	__u64 id;

	if (!in_default_hierarchy(cgroup))
		return 0;
	id = cgroup_id(cgroup);
	entry = cgroup_entry(id);
	if (!entry)
		return 0;
	own = entry->container_cgroup_id == id;
	bpf_map_delete_elem(&cgroups, &id);
	if (own)
		send_cgroup(KC_CGROUP_REMOVED, id, path);
	return 0;
}

/* A process was moved into a container by one that is not in it: the runtime's init, in set-up until its own exec. */
SEC("tp_btf/cgroup_attach_task")
int BPF_PROG(cgroup_attach_task, struct cgroup *cgroup, const char *path, struct task_struct *task, bool threadgroup)
{
	struct kc_cgroup_entry *entry, *mover;
	struct kc_fork *fork;

	if (!in_default_hierarchy(cgroup))
		return 0;
	entry = cgroup_entry(cgroup_id(cgroup));
	if (!entry)
		return 0;
	mover = cgroup_entry(bpf_get_current_cgroup_id());
	if (mover && mover->container_cgroup_id == entry->container_cgroup_id)
		return 0;
	begin_setup(BPF_CORE_READ(task, tgid), runtime_mount_namespace(task));

	fork = new_record();
	if (!fork)
		return 0;
	__builtin_memset(fork, 0, sizeof(*fork));
	fill_head(&fork->event, KC_FORK, entry->container_cgroup_id);
	fill_process(&fork->event, task);
	fill_parent_comm(fork->parent_comm, task);
	fork->event.flags = KC_SETUP | KC_ENTERED;
	send(&fork->event, sizeof(*fork), true);
	return 0;
}
