/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * System calls: the set that a container uses, at their entry; and, at their exit, what no other hook that loads everywhere
 * tells: opens, accepts, refused execs, modules, ptrace, namespaces. Native and 32-bit compat calls.
 */
#pragma once

static __noinline int on_new_syscall(struct kc_cgroup_entry *container, struct kc_slot *slot, __u32 number)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct kc_syscall event = {};

	if (!container || !slot || in_setup(task))
		return 0; /* set-up: neither learned nor judged */
	fill_head(&event.event, KC_SYSCALL, container->container_cgroup_id, container->slot);
	fill_process(&event.event, task);
	event.number = number;
	if (send(slot, &event.event, sizeof(event), KC_BULK))
		__sync_fetch_and_or(&slot->syscalls[(number / 64) % (KC_SYSCALLS / 64)], 1ULL << (number % 64));
	return 0;
}

SEC("tp_btf/sys_enter")
int BPF_PROG(sys_enter, struct pt_regs *regs, long id)
{
	struct kc_cgroup_entry *container = cgroup_entry(bpf_get_current_cgroup_id());
	struct kc_slot *slot;
	__u32 number;

	if (!is_watched(container))
		return 0;
	slot = slot_of(container);
	if (!slot)
		return 0;
	number = syscall_number(bpf_get_current_task_btf(), id);
	if (number >= KC_SYSCALLS || slot->syscalls[(number / 64) % (KC_SYSCALLS / 64)] >> (number % 64) & 1)
		return 0;
	return on_new_syscall(container, slot, number);
}

/* The old 32-bit call for everything that sockets do. */
static __always_inline int on_socketcall(struct kc_cgroup_entry *container, struct task_struct *task, __u32 call,
					 __u32 arguments, __u32 ret)
{
	__u32 descriptor;

	/* include/uapi/linux/net.h: SYS_BIND, SYS_ACCEPT, SYS_ACCEPT4 */
	switch (call) {
	case 2:
		if (bpf_probe_read_user(&descriptor, sizeof(descriptor), (void *)(__u64)arguments))
			return 0;
		return on_bind(container, task, descriptor);
	case 5:
	case 18:
		return on_accept(container, task, ret);
	}
	return 0;
}

static __always_inline int on_exit_of_syscall(struct pt_regs *regs, long ret, bool direct)
{
	struct kc_cgroup_entry *container = cgroup_entry(bpf_get_current_cgroup_id());
	struct task_struct *task;
	__u32 number;

	if (!is_watched(container))
		return 0;
	task = bpf_get_current_task_btf();
	number = syscall_number(task, regs->orig_ax);
	switch (number) {
	case SYS_OPENAT:
	case SYS_OPEN:
	case SYS_OPENAT2:
	case SYS_CREAT:
	case SYS_OPEN_BY_HANDLE_AT:
	case COMPAT_OPEN:
	case COMPAT_OPENAT:
	case COMPAT_OPENAT2:
	case COMPAT_CREAT:
	case COMPAT_OPEN_BY_HANDLE_AT:
		return ret < 0 ? 0 : on_open(container, task, regs, number, ret, direct);
	case SYS_ACCEPT:
	case SYS_ACCEPT4:
	case COMPAT_ACCEPT4:
		return ret < 0 ? 0 : on_accept(container, task, ret);
	case SYS_BIND:
	case COMPAT_BIND:
		return ret < 0 ? 0 : on_bind(container, task, argument(regs, number, 0));
	case COMPAT_SOCKETCALL:
		return ret < 0 ? 0 : on_socketcall(container, task, regs->bx, regs->cx, ret);
	case SYS_EXECVE:
	case COMPAT_EXECVE:
		return ret == -EACCES || ret == -EPERM
			   ? on_refused_exec(container, task, argument(regs, number, 0), ret)
			   : 0;
	case SYS_EXECVEAT:
	case COMPAT_EXECVEAT:
		return ret == -EACCES || ret == -EPERM
			   ? on_refused_exec(container, task, argument(regs, number, 1), ret)
			   : 0;
	case SYS_INIT_MODULE:
	case COMPAT_INIT_MODULE:
		return on_module(container, task, -1, ret);
	case SYS_FINIT_MODULE:
	case COMPAT_FINIT_MODULE:
		return on_module(container, task, argument(regs, number, 0), ret);
	case SYS_PTRACE:
	case COMPAT_PTRACE:
		return on_ptrace(container, task, argument(regs, number, 0), argument(regs, number, 1), ret);
	case SYS_UNSHARE:
	case COMPAT_UNSHARE:
		return on_namespaces(container, task, KC_UNSHARE, argument(regs, number, 0), ret);
	case SYS_SETNS:
	case COMPAT_SETNS:
		return on_namespaces(container, task, KC_SETNS, argument(regs, number, 1), ret);
	}
	return 0;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(sys_exit, struct pt_regs *regs, long ret)
{
	return on_exit_of_syscall(regs, ret, true);
}

/* Kernels before 6.2. */
SEC("tp_btf/sys_exit")
int BPF_PROG(sys_exit_probe, struct pt_regs *regs, long ret)
{
	return on_exit_of_syscall(regs, ret, false);
}
