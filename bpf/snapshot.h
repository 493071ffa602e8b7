/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * The processes that run in containers already when the sensor comes to know these: each as the exec that made it what it is. Read by
 * the sensor through an iterator, not sent through the rings, so that no number of processes is too large for them.
 */
#pragma once

static __always_inline int on_running(struct seq_file *seq, struct task_struct *task, bool sleepable)
{
	struct kc_cgroup_entry *container;
	struct buffers buffers;
	struct record_buffer *record;
	struct kc_exec *exec;
	struct file *file;
	__u32 size = sizeof(*exec);

	if (!task || BPF_CORE_READ(task, pid) != BPF_CORE_READ(task, tgid))
		return 0;
	container = task_container(task);
	if (!container || container->state != KC_CGROUP_CONTAINER)
		return 0;
	file = BPF_CORE_READ(task, mm, exe_file);
	if (!file)
		return 0; /* it has ended, and its parent has not yet noticed */
	if (!take_buffers(&buffers, slot_of(container), KC_EXEC))
		return 0;
	record = buffers.record;
	exec = (struct kc_exec *)record;
	__builtin_memset(exec, 0, sizeof(*exec));
	fill_head(&exec->event, KC_EXEC, container->container_cgroup_id, container->slot);
	fill_process(&exec->event, task);
	for (int i = 0; i < 3; i++)
		fill_stream(&exec->streams[i], task, i, false);
	fill_parent_comm(exec->parent_comm, task);
	exec->event.flags = KC_SNAPSHOT | file_flags(file, false);
	size += append_program(record, size, buffers.path, task, file, NULL, false);
	if (sleepable)
		size += append_args(record, size, task, true);
	else
		exec->event.flags |= KC_ARGS_UNREADABLE;
	exec->event.size = size;
	KC_OPAQUE(size);
	if (size <= KC_RECORD_MAX)
		bpf_seq_write(seq, record, size);
	put_buffers(&buffers);
	return 0;
}

SEC("iter.s/task")
int running_tasks(struct bpf_iter__task *context)
{
	return on_running(context->meta->seq, context->task, true);
}

/* Kernels before 5.18 cannot read another process's memory here: its arguments are left to the sensor. */
SEC("iter/task")
int running_tasks_plain(struct bpf_iter__task *context)
{
	return on_running(context->meta->seq, context->task, false);
}
