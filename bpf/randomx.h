/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * RandomX, the proof of work of Monero, changes the rounding mode of floating-point arithmetic all the time; hardly anything
 * else does at all. Seen when a task's registers are saved with a changed mode.
 */
#pragma once

#if defined(__TARGET_ARCH_x86)
/* Intel SDM, volume 1, 10.2.3: rounding control of MXCSR. */
#define MXCSR_ROUNDING 0x6000
#define KC_ROUNDING_CHANGES 50
#define KC_ROUNDING_GAP_NS 5000000000ULL

static __always_inline __u32 saved_mxcsr(struct fpu *fpu)
{
	if (bpf_core_field_exists(fpu->fpstate))
		return fpu->fpstate->regs.fxsave.mxcsr;
	return ((struct fpu___old *)fpu)->state.fxsave.mxcsr;
}

static __noinline int on_changed_rounding(struct kc_cgroup_entry *container, struct task_struct *task)
{
	struct kc_randomx event = {};
	struct kc_slot *slot;
	__u64 now;

	if (!container)
		return 0;
	slot = slot_of(container);
	if (!slot)
		return 0;
	now = bpf_ktime_get_boot_ns();
	if (now - slot->rounding_changed_ns > KC_ROUNDING_GAP_NS)
		slot->rounding_changes = 0;
	slot->rounding_changed_ns = now;
	if (++slot->rounding_changes < KC_ROUNDING_CHANGES)
		return 0;
	slot->rounding_changes = 0;
	fill_head(&event.event, KC_RANDOMX, container->container_cgroup_id, container->slot);
	event.event.sighting = behaviour(KC_RANDOMX, 0, 0);
	if (is_repeat(slot, container->slot, KC_RANDOMX, event.event.sighting, &event.event.repeats))
		return 0;
	fill_process(&event.event, task);
	send_new(slot, &event.event, sizeof(event), KC_CRITICAL);
	return 0;
}

/* The task leaves its processor: in a system call, if it waits. */
SEC("tp_btf/x86_fpu_regs_deactivated")
int BPF_PROG(x86_fpu_regs_deactivated, struct fpu *fpu)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct kc_cgroup_entry *container = task_container(task);

	if (!is_watched(container))
		return 0;
	/* The last call was noted already, while the task's set-up, if it was one, was still marked. */
	if (!(task->flags & PF_EXITING))
		note_current_syscall(container, task);
	return saved_mxcsr(fpu) & MXCSR_ROUNDING ? on_changed_rounding(container, task) : 0;
}
#endif
