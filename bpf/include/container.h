/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Which container a process is in, and whether it is still the runtime setting it up. */
#pragma once

/* The default (v2) hierarchy is made first, so also beside v1 hierarchies it is number 0, as in /proc/PID/cgroup. */
#define KC_DEFAULT_HIERARCHY 0

static __always_inline __u64 cgroup_id(struct cgroup *cgroup)
{
	return BPF_CORE_READ(cgroup, kn, id);
}

/* Fibonacci hashing: the high bits of the product depend on all of the id. */
static __always_inline __u32 *tracked_bucket(__u64 id)
{
	return &tracked[((id * 0x9e3779b97f4a7c15ULL) >> 52) % KC_TRACKED_BUCKETS];
}

static __always_inline struct kc_cgroup_entry *cgroup_entry(__u64 id)
{
	if (!*tracked_bucket(id))
		return NULL;
	return bpf_map_lookup_elem(&cgroups, &id);
}

/* Of a typed pointer, as BTF tracepoints and bpf_get_current_task_btf give them: its members are loaded without a helper. */
static __always_inline struct kc_cgroup_entry *task_container(struct task_struct *task)
{
	return cgroup_entry(task->cgroups->dfl_cgrp->kn->id);
}

static __always_inline bool is_watched(struct kc_cgroup_entry *entry)
{
	return entry && entry->state != KC_CGROUP_DORMANT;
}

static __always_inline __u64 mount_namespace(struct task_struct *task)
{
	return (__u64)BPF_CORE_READ(task, nsproxy, mnt_ns);
}

/*
 * The mount namespace in which a process that has just entered may still execute the runtime's own binary (runc copies and
 * re-executes itself): its parent's, the runtime's. 0 when it has left that already, as for 'runc exec', which joins the
 * container's namespaces before its cgroup: then its first exec is the container's.
 */
static __always_inline __u64 runtime_mount_namespace(struct task_struct *task)
{
	struct task_struct *parent = BPF_CORE_READ(task, real_parent);
	__u64 mnt_ns = mount_namespace(task);

	return mnt_ns == mount_namespace(parent) ? mnt_ns : 0;
}

static __always_inline struct setup_task *find_setup(__u32 tgid)
{
	if (!setup_task_count)
		return NULL;
	return bpf_map_lookup_elem(&setup_tasks, &tgid);
}

static __always_inline void begin_setup(__u32 tgid, __u64 mnt_ns)
{
	struct setup_task setup = { .mnt_ns = mnt_ns };
	long error = bpf_map_update_elem(&setup_tasks, &tgid, &setup, BPF_NOEXIST);

	if (!error)
		__sync_fetch_and_add(&setup_task_count, 1);
	else if (error != -EEXIST)
		count_lost(NULL, KC_FORK, KC_LOST_SETUP_FULL);
}

/*
 * Whether a process has just been moved into a container from outside, and the tracepoint that marks it is yet to come: 'runc exec'
 * moves its init while that starts threads. It was forked by the runtime into the container's pid namespace, has not executed
 * anything, and has the runtime as its parent still. Nothing of the container's can look like that: an orphan never gets a parent
 * outside of its pid namespace. In a container with the host's pid namespace such a process is not told from others.
 */
static __always_inline bool is_entering(struct task_struct *task)
{
	struct task_struct *parent;

	if (!(BPF_CORE_READ(task, flags) & PF_FORKNOEXEC))
		return false;
	parent = BPF_CORE_READ(task, real_parent);
	return BPF_CORE_READ(task, thread_pid, level) != BPF_CORE_READ(parent, thread_pid, level) &&
	       !cgroup_entry(BPF_CORE_READ(parent, cgroups, dfl_cgrp, kn, id));
}

static __always_inline bool in_setup(struct task_struct *task)
{
	return (setup_task_count && find_setup(BPF_CORE_READ(task, tgid)) != NULL) || is_entering(task);
}

static __always_inline void end_setup(__u32 tgid)
{
	if (!bpf_map_delete_elem(&setup_tasks, &tgid))
		__sync_fetch_and_sub(&setup_task_count, 1);
}
