/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Numbers and arguments of system calls, native and 32-bit. */
#pragma once

#if defined(__TARGET_ARCH_x86)
/* arch/x86/include/asm/thread_info.h: the system call came in through the 32-bit entry. */
#define TS_COMPAT 0x0002
/* arch/x86/include/uapi/asm/unistd.h: the x32 interface, whose own calls are numbered from 512 on. */
#define X32_SYSCALL_BIT 0x40000000
#define X32_FIRST 512
#define X32_PLACE 984

static __always_inline bool is_compat(struct task_struct *task)
{
	return task->thread_info.status & TS_COMPAT;
}

/* Number in struct kc_syscall's sense. */
static __always_inline __u32 syscall_number(struct task_struct *task, __u32 number)
{
	if (is_compat(task))
		return number + KC_SYSCALL_COMPAT;
	number &= ~X32_SYSCALL_BIT;
	return number < X32_FIRST ? number : number - X32_FIRST + X32_PLACE;
}

/* The call that a task is in. */
static __always_inline __u32 running_syscall(struct task_struct *task, struct pt_regs *regs)
{
	return syscall_number(task, regs->orig_ax);
}

/* arch/x86/entry/syscalls/syscall_64.tbl and syscall_32.tbl */
#define NATIVE(number) number
#define COMPAT(number) (KC_SYSCALL_COMPAT + (number))
enum {
	SYS_OPEN = NATIVE(2),
	SYS_CREAT = NATIVE(85),
	SYS_OPENAT = NATIVE(257),
	SYS_OPENAT2 = NATIVE(437),
	SYS_OPEN_BY_HANDLE_AT = NATIVE(304),
	SYS_ACCEPT = NATIVE(43),
	SYS_BIND = NATIVE(49),
	SYS_ACCEPT4 = NATIVE(288),
	SYS_EXECVE = NATIVE(59),
	SYS_EXECVEAT = NATIVE(322),
	SYS_PTRACE = NATIVE(101),
	SYS_INIT_MODULE = NATIVE(175),
	SYS_FINIT_MODULE = NATIVE(313),
	SYS_UNSHARE = NATIVE(272),
	SYS_SETNS = NATIVE(308),
	COMPAT_OPEN = COMPAT(5),
	COMPAT_CREAT = COMPAT(8),
	COMPAT_OPENAT = COMPAT(295),
	COMPAT_OPENAT2 = COMPAT(437),
	COMPAT_OPEN_BY_HANDLE_AT = COMPAT(342),
	COMPAT_SOCKETCALL = COMPAT(102),
	COMPAT_ACCEPT = 0x7fff0000, /* no number there is: socketcall does it */
	COMPAT_ACCEPT4 = COMPAT(364),
	COMPAT_BIND = COMPAT(361),
	COMPAT_EXECVE = COMPAT(11),
	COMPAT_EXECVEAT = COMPAT(358),
	COMPAT_PTRACE = COMPAT(26),
	COMPAT_INIT_MODULE = COMPAT(128),
	COMPAT_FINIT_MODULE = COMPAT(350),
	COMPAT_UNSHARE = COMPAT(310),
	COMPAT_SETNS = COMPAT(346),
	SYS_RT_SIGRETURN = NATIVE(15),
	COMPAT_RT_SIGRETURN = COMPAT(173),
};

/* The call that ends with 'ret'. Those that return from a signal restore all registers and leave no number. */
static __always_inline __u32 ended_syscall(struct task_struct *task, struct pt_regs *regs, long ret)
{
	if (regs->orig_ax == -1UL && ret != -ENOSYS)
		return is_compat(task) ? COMPAT_RT_SIGRETURN : SYS_RT_SIGRETURN;
	return running_syscall(task, regs);
}

static __always_inline bool is_exec(__u32 number)
{
	return number == SYS_EXECVE || number == SYS_EXECVEAT || number == COMPAT_EXECVE || number == COMPAT_EXECVEAT;
}

static __always_inline __u64 argument(struct pt_regs *regs, __u32 number, int index)
{
	bool compat = number >= KC_SYSCALL_COMPAT && number < X32_PLACE;

	switch (index) {
	case 0:
		return compat ? (__u32)regs->bx : regs->di;
	case 1:
		return compat ? (__u32)regs->cx : regs->si;
	default:
		return compat ? (__u32)regs->dx : regs->dx;
	}
}
#elif defined(__TARGET_ARCH_arm64)
/* arch/arm64/include/asm/thread_info.h, TIF_32BIT: the task runs AArch32 code. */
#define FLAG_32BIT (1UL << 22)
/* arch/arm64/include/asm/ptrace.h, NO_SYSCALL: so does a return from a signal leave it. */
#define NO_SYSCALL (-1)

static __always_inline bool is_compat(struct task_struct *task)
{
	return task->thread_info.flags & FLAG_32BIT;
}

/* Number in struct kc_syscall's sense. */
static __always_inline __u32 syscall_number(struct task_struct *task, __u32 number)
{
	return is_compat(task) ? number + KC_SYSCALL_COMPAT : number;
}

/* The call that a task is in. */
static __always_inline __u32 running_syscall(struct task_struct *task, struct pt_regs *regs)
{
	return syscall_number(task, regs->syscallno);
}

/* include/uapi/asm-generic/unistd.h and arch/arm/tools/syscall.tbl; ABSENT ones are in neither, and equal to no number there is. */
#define NATIVE(number) number
#define COMPAT(number) (KC_SYSCALL_COMPAT + (number))
#define ABSENT(index) (0x7fff0000 + (index))
enum {
	SYS_OPEN = ABSENT(0),
	SYS_CREAT = ABSENT(1),
	SYS_OPENAT = NATIVE(56),
	SYS_OPENAT2 = NATIVE(437),
	SYS_OPEN_BY_HANDLE_AT = NATIVE(265),
	SYS_ACCEPT = NATIVE(202),
	SYS_BIND = NATIVE(200),
	SYS_ACCEPT4 = NATIVE(242),
	SYS_EXECVE = NATIVE(221),
	SYS_EXECVEAT = NATIVE(281),
	SYS_PTRACE = NATIVE(117),
	SYS_INIT_MODULE = NATIVE(105),
	SYS_FINIT_MODULE = NATIVE(273),
	SYS_UNSHARE = NATIVE(97),
	SYS_SETNS = NATIVE(268),
	COMPAT_OPEN = COMPAT(5),
	COMPAT_CREAT = COMPAT(8),
	COMPAT_OPENAT = COMPAT(322),
	COMPAT_OPENAT2 = COMPAT(437),
	COMPAT_OPEN_BY_HANDLE_AT = COMPAT(371),
	COMPAT_SOCKETCALL = ABSENT(2),
	COMPAT_ACCEPT = COMPAT(285),
	COMPAT_ACCEPT4 = COMPAT(366),
	COMPAT_BIND = COMPAT(282),
	COMPAT_EXECVE = COMPAT(11),
	COMPAT_EXECVEAT = COMPAT(387),
	COMPAT_PTRACE = COMPAT(26),
	COMPAT_INIT_MODULE = COMPAT(128),
	COMPAT_FINIT_MODULE = COMPAT(379),
	COMPAT_UNSHARE = COMPAT(337),
	COMPAT_SETNS = COMPAT(375),
	SYS_RT_SIGRETURN = NATIVE(139),
	COMPAT_RT_SIGRETURN = COMPAT(173),
};

/* The call that ends with 'ret'. Those that return from a signal restore all registers and leave no number. */
static __always_inline __u32 ended_syscall(struct task_struct *task, struct pt_regs *regs, long ret)
{
	if (regs->syscallno == NO_SYSCALL && ret != -ENOSYS)
		return is_compat(task) ? COMPAT_RT_SIGRETURN : SYS_RT_SIGRETURN;
	return running_syscall(task, regs);
}

static __always_inline bool is_exec(__u32 number)
{
	return number == SYS_EXECVE || number == SYS_EXECVEAT || number == COMPAT_EXECVE || number == COMPAT_EXECVEAT;
}

/* The result takes the place of the first argument, which is kept beside. */
static __always_inline __u64 argument(struct pt_regs *regs, __u32 number, int index)
{
	__u64 value = index == 0 ? regs->orig_x0 : index == 1 ? regs->regs[1] : regs->regs[2];

	return number >= KC_SYSCALL_COMPAT ? (__u32)value : value;
}
#else
#error "the system calls of this architecture are not known"
#endif
