/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * System calls: the set that a container uses, and what no other hook that loads everywhere tells: opens, accepts, refused execs,
 * modules, ptrace, namespaces. Native and 32-bit compat calls, all at their exit: a program at their entry too would cost every call
 * of the machine as much again. Calls that have no exit, or have it late, are noted by rarer hooks.
 */
#pragma once

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
	struct task_struct *task = bpf_get_current_task_btf();
	struct kc_cgroup_entry *container = task_container(task);
	__u32 number;

	if (!is_watched(container))
		return 0;
	number = ended_syscall(task, regs, ret);
	if (ret || !is_exec(number))
		note_syscall(container, number);
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
		return ret < 0	? 0
		       : direct ? on_open_direct(container, task, forgotten_flags(regs, number), ret)
				: on_open_probed(container, task, forgotten_flags(regs, number), ret);
	case SYS_ACCEPT:
	case SYS_ACCEPT4:
	case COMPAT_ACCEPT:
	case COMPAT_ACCEPT4:
		return ret < 0 ? 0 : on_accept(container, task, ret);
	case SYS_BIND:
	case COMPAT_BIND:
		return ret < 0 ? 0 : on_bind(container, task, argument(regs, number, 0));
	case COMPAT_SOCKETCALL:
		return ret < 0
			   ? 0
			   : on_socketcall(container, task, argument(regs, number, 0), argument(regs, number, 1), ret);
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

/* A program is about to be replaced: whatever call does it, the kernel makes it execve after that. */
SEC("tp_btf/task_rename")
int BPF_PROG(task_rename)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct kc_cgroup_entry *container = task_container(task);

	if (is_watched(container))
		note_current_syscall(container, task);
	return 0;
}
