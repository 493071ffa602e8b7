/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* What reaches beyond the process: capabilities, kernel modules, other processes, namespaces; and programs it may not run. */
#pragma once

static __always_inline void refuse(struct kc_event *event, long ret)
{
	if (ret < 0) {
		event->flags |= KC_REFUSED;
		event->error = -ret;
	}
}

/* argv and the executable are not known: the kernel has not got that far. */
static __noinline int on_refused_exec(struct kc_cgroup_entry *container, struct task_struct *task, __u64 filename,
				      long ret)
{
	struct buffers buffers;
	struct kc_slot *slot;
	struct kc_exec *exec;
	__u32 size = sizeof(*exec);

	if (!container || in_setup(task))
		return 0;
	slot = slot_of(container);
	if (!take_buffers(&buffers, slot, KC_EXEC))
		return 0;
	exec = (struct kc_exec *)buffers.record;
	__builtin_memset(exec, 0, sizeof(*exec));
	fill_head(&exec->event, KC_EXEC, container->container_cgroup_id, container->slot);
	fill_process(&exec->event, task);
	fill_parent_comm(exec->parent_comm, task);
	exec->lengths.filename = append_user_string(buffers.record, size, (const char *)filename);
	size += exec->lengths.filename;
	exec->event.flags = resolve_path(buffers.path, BPF_CORE_READ(task, fs, pwd.dentry),
					 BPF_CORE_READ(task, fs, pwd.mnt), task, false);
	exec->lengths.cwd = append_path(buffers.record, size, buffers.path);
	size += exec->lengths.cwd;
	refuse(&exec->event, ret);
	send(slot, &exec->event, size, KC_BULK);
	put_buffers(&buffers);
	return 0;
}

static __noinline int on_module(struct kc_cgroup_entry *container, struct task_struct *task, __u32 descriptor, long ret)
{
	struct buffers buffers;
	struct kc_slot *slot;
	struct kc_module *module;
	struct file *file;
	__u32 size = sizeof(*module);

	if (!container || in_setup(task))
		return 0;
	slot = slot_of(container);
	if (!take_buffers(&buffers, slot, KC_MODULE))
		return 0;
	module = (struct kc_module *)buffers.record;
	__builtin_memset(module, 0, sizeof(*module));
	fill_head(&module->event, KC_MODULE, container->container_cgroup_id, container->slot);
	fill_process(&module->event, task);
	file = file_of(task, descriptor);
	if (file) {
		module->event.flags = file_flags(file, false);
		module->event.flags |= resolve_path(buffers.path, BPF_CORE_READ(file, f_path.dentry),
						    BPF_CORE_READ(file, f_path.mnt), task, false);
		module->path_len = append_path(buffers.record, size, buffers.path);
		size += module->path_len;
	}
	refuse(&module->event, ret);
	send(slot, &module->event, size, KC_CRITICAL);
	put_buffers(&buffers);
	return 0;
}

/* include/uapi/linux/ptrace.h: requests that begin control or change the other process; looking at it comes after one of them. */
static __always_inline bool takes_control(__u64 request)
{
	switch (request) {
	case 0: /* TRACEME */
	case 4: /* POKETEXT */
	case 5: /* POKEDATA */
	case 6: /* POKEUSR */
	case 13: /* SETREGS */
	case 15: /* SETFPREGS */
	case 16: /* ATTACH */
	case 0x4205: /* SETREGSET */
	case 0x4206: /* SEIZE */
		return true;
	}
	return false;
}

static __noinline int on_ptrace(struct kc_cgroup_entry *container, struct task_struct *task, __u64 request,
				__u64 target, long ret)
{
	__u64 key = behaviour(KC_PTRACE, request, target << 1 | (ret < 0));
	struct kc_ptrace event = {};
	struct kc_slot *slot;

	if (!container || !takes_control(request) || in_setup(task))
		return 0;
	slot = slot_of(container);
	fill_head(&event.event, KC_PTRACE, container->container_cgroup_id, container->slot);
	/* A debugger writes thousands of words into one process. */
	if (is_repeat(slot, container->slot, KC_PTRACE, key, &event.event.repeats))
		return 0;
	event.event.sighting = key;
	fill_process(&event.event, task);
	event.request = request;
	event.target = target;
	refuse(&event.event, ret);
	send_new(slot, &event.event, sizeof(event), KC_CRITICAL);
	return 0;
}

static __noinline int on_namespaces(struct kc_cgroup_entry *container, struct task_struct *task, __u32 kind,
				    __u64 flags, long ret)
{
	struct kc_namespaces event = {};

	if (!container || in_setup(task))
		return 0;
	fill_head(&event.event, kind, container->container_cgroup_id, container->slot);
	fill_process(&event.event, task);
	event.flags = flags;
	refuse(&event.event, ret);
	send(slot_of(container), &event.event, sizeof(event), KC_CRITICAL);
	return 0;
}

static __always_inline __u64 capability_key(__u32 number, int capability, long ret)
{
	return behaviour(KC_CAPABILITY, (__u64)number << 32 | capability, ret == 0);
}

static __noinline int report_capability(struct kc_cgroup_entry *container, __u32 number, int capability, long ret,
					__u32 repeats)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct kc_capability event = {};

	if (!container || in_setup(task))
		return 0;
	fill_head(&event.event, KC_CAPABILITY, container->container_cgroup_id, container->slot);
	event.event.sighting = capability_key(number, capability, ret);
	event.event.repeats = repeats;
	fill_process(&event.event, task);
	event.capability = capability;
	event.syscall = number;
	refuse(&event.event, ret);
	send_new(slot_of(container), &event.event, sizeof(event), KC_BULK);
	return 0;
}

static __always_inline int on_capability(int capability, long ret)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct kc_cgroup_entry *container = task_container(task);
	struct pt_regs *regs;
	__u32 number, repeats;
	__u64 key;

	if (!is_watched(container))
		return 0;
	/* Overlay acts for the process with the credentials of who mounted it (override_creds): that is no use the process makes of its own. */
	if (task->cred != task->real_cred)
		return 0;
	regs = (struct pt_regs *)bpf_task_pt_regs(task);
	number = running_syscall(task, regs);
	key = capability_key(number, capability, ret);
	if (is_repeat(slot_of(container), container->slot, KC_CAPABILITY, key, &repeats))
		return 0;
	return report_capability(container, number, capability, ret, repeats);
}

SEC("tp_btf/cap_capable")
int BPF_PROG(cap_capable, const struct cred *cred, struct user_namespace *target, const struct user_namespace *capable,
	     int capability, int ret)
{
	return on_capability(capability, ret);
}

/* Kernels before 6.14, where functions can be traced. */
SEC("fexit/cap_capable")
int BPF_PROG(cap_capable_exit, const struct cred *cred, struct user_namespace *target, int capability,
	     unsigned int options, int ret)
{
	return on_capability(capability, ret);
}
