/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* The set of system calls that a container uses. */
#pragma once

static __noinline int report_syscall(struct kc_cgroup_entry *container, struct kc_slot *slot, __u32 number)
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

static __always_inline void note_syscall(struct kc_cgroup_entry *container, __u32 number)
{
	struct kc_slot *slot = slot_of(container);

	if (slot && number < KC_SYSCALLS && !(slot->syscalls[(number / 64) % (KC_SYSCALLS / 64)] >> (number % 64) & 1))
		report_syscall(container, slot, number);
}

/* The call that the current task is in. It is in none (-1) where it left its program for another reason. */
static __always_inline void note_current_syscall(struct kc_cgroup_entry *container, struct task_struct *task)
{
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);

	note_syscall(container, running_syscall(task, regs));
}
