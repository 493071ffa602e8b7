/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Processes: fork, exec, exit. */
#pragma once

/*
 * Set-up ends with the first exec outside of the runtime's mount namespace. It is ended also where the cgroup is not
 * watched (any more): a mark that stayed would be inherited by the next process with this pid.
 */
static __always_inline __u32 exec_setup_flags(struct task_struct *task)
{
	__u32 tgid = task->tgid;
	struct setup_task *setup = find_setup(tgid);

	if (!setup)
		return 0;
	if (setup->mnt_ns == mount_namespace(task))
		return KC_SETUP;
	end_setup(tgid);
	return KC_ENTERED;
}

static __always_inline __u32 append_args(struct record_buffer *record, __u32 offset, struct task_struct *task,
					 bool running)
{
	struct kc_exec *exec = (struct kc_exec *)record;
	unsigned long start = task->mm->arg_start;
	unsigned long len = task->mm->arg_end - start;
	long error;

	if (len > KC_ARGS_MAX) {
		len = KC_ARGS_MAX;
		exec->event.flags |= KC_ARGS_TRUNCATED;
	}
	KC_OPAQUE(offset);
	KC_OPAQUE(len);
	if (offset > KC_RECORD_MAX - KC_ARGS_MAX || len > KC_ARGS_MAX)
		return 0;
	/* In an exec the strings were copied by the kernel, and the new program has not run yet: nobody could have changed them. */
	if (running)
		error = bpf_copy_from_user_task(&record->bytes[offset], len, (void *)start, task, 0);
	else
		error = bpf_probe_read_user(&record->bytes[offset], len, (void *)start);
	if (error) {
		exec->event.flags |= KC_ARGS_UNREADABLE;
		len = 0;
	}
	exec->lengths.args = len;
	return len;
}

/* Executable, name and working directory; returns their length. Without a name the executable is it. */
static __always_inline __u32 append_program(struct record_buffer *record, __u32 offset, struct path_buffer *path,
					    struct task_struct *task, struct file *file, const char *filename,
					    bool direct)
{
	struct kc_exec *exec = (struct kc_exec *)record;
	struct inode *inode = LOAD(direct, file, f_inode);
	struct super_block *super = LOAD(direct, inode, i_sb);
	struct fs_struct *fs = LOAD(direct, task, fs);
	__u32 size = offset;

	exec->inode = LOAD(direct, inode, i_ino);
	exec->device = LOAD(direct, super, s_dev);

	exec->event.flags |=
	    resolve_path(path, LOAD(direct, file, f_path.dentry), LOAD(direct, file, f_path.mnt), task, direct);
	exec->lengths.executable = append_path(record, size, path);
	size += exec->lengths.executable;

	exec->lengths.filename = filename ? append_string(record, size, filename) : append_path(record, size, path);
	size += exec->lengths.filename;

	exec->event.flags |= resolve_path(path, LOAD(direct, fs, pwd.dentry), LOAD(direct, fs, pwd.mnt), task, direct);
	exec->lengths.cwd = append_path(record, size, path);
	return size + exec->lengths.cwd - offset;
}

static __always_inline void fill_stream(struct kc_stream *stream, struct task_struct *task, __u32 descriptor,
					bool direct)
{
	struct file *file = open_file_of(task, descriptor, direct);
	struct inode *inode;
	__u32 major;

	if (!file)
		return;
	file = CAST(direct, file, struct file);
	inode = LOAD(direct, file, f_inode);
	switch (LOAD(direct, inode, i_mode) & S_IFMT) {
	case S_IFREG:
		stream->type = KC_STREAM_FILE;
		break;
	case S_IFIFO:
		stream->type = KC_STREAM_PIPE;
		fill_identity(stream, inode, direct);
		break;
	case S_IFSOCK:
		stream->type = KC_STREAM_SOCKET;
		fill_peer(stream, socket_of(file));
		if (!stream->family)
			fill_identity(stream, inode, direct);
		break;
	case S_IFCHR:
		/* include/uapi/linux/major.h: TTY_MAJOR, TTYAUX_MAJOR, UNIX98_PTY_SLAVE_MAJOR; dev_t keeps the major above 20 bits */
		major = LOAD(direct, inode, i_rdev) >> 20;
		stream->type =
		    major == 4 || major == 5 || (major >= 136 && major <= 143) ? KC_STREAM_TERMINAL : KC_STREAM_OTHER;
		break;
	default:
		stream->type = KC_STREAM_OTHER;
	}
}

/* Strings longer than this are not compared. */
#define KC_EXEC_COMPARED 512

/* Of everything that an exec's record tells except who did it when; 0 when that is too long. */
static __noinline __u64 exec_key(struct record_buffer *record, __u32 size)
{
	struct kc_exec *exec = (struct kc_exec *)record;
	__u32 start = __builtin_offsetof(struct kc_exec, lengths);
	__u64 key = seed;

	if (!record || size > start + KC_EXEC_COMPARED)
		return 0;
	KC_OPAQUE(size);
	*(__u64 *)&record->bytes[size & 1023] = 0;
	for (__u32 i = 0; i < KC_EXEC_COMPARED; i += sizeof(__u64)) {
		if (start + i >= size)
			break;
		key = mix(key, *(__u64 *)&record->bytes[start + i]);
	}
	key = mix(key, (__u64)exec->event.flags << 32 | exec->event.uid);
	key = mix(key, exec->streams[0].type | exec->streams[1].type << 8 | exec->streams[2].type << 16);
	return behaviour(KC_EXEC, mix(key, exec->inode), exec->device);
}

/*
 * Every exec is sent; one that the sensor has seen before with the same file, arguments and all need not wake it, which costs more
 * than all the rest.
 */
static __always_inline void send_exec(struct kc_slot *slot, struct kc_exec *exec, struct record_buffer *record,
				      __u32 size)
{
	__u64 key = exec_key(record, size);
	bool seen = slot && key && find_sighting(slot, exec->event.slot, key);

	if (send_with(slot, &exec->event, size, KC_CRITICAL, seen ? KC_SOON : KC_AT_ONCE) && key && !seen)
		remember(slot, exec->event.slot, key);
}

static __always_inline int on_exec(struct task_struct *task, struct linux_binprm *bprm, bool direct)
{
	struct kc_cgroup_entry *container = task_container(task);
	struct buffers buffers;
	struct record_buffer *record;
	struct kc_slot *slot;
	struct kc_exec *exec;
	struct file *file;
	__u32 setup_flags = exec_setup_flags(task);
	__u32 size = sizeof(*exec);

	if (!container)
		return 0;
	slot = slot_of(container);
	if (!take_buffers(&buffers, slot, KC_EXEC))
		return 0;
	record = buffers.record;
	exec = (struct kc_exec *)record;
	__builtin_memset(exec, 0, sizeof(*exec));
	fill_head(&exec->event, KC_EXEC, container->container_cgroup_id, container->slot);
	exec->event.flags = setup_flags;
	fill_process(&exec->event, task);
	for (int i = 0; i < 3; i++)
		fill_stream(&exec->streams[i], task, i, direct);
	fill_parent_comm(exec->parent_comm, task);

	file = bprm->file;
	exec->event.flags |= file_flags(file, direct);
	size += append_program(record, size, buffers.path, task, file, bprm->filename, direct);
	size += append_args(record, size, task, false);

	send_exec(slot, exec, record, size);
	put_buffers(&buffers);
	return 0;
}

static __always_inline int on_fork(struct task_struct *parent, struct task_struct *child)
{
	struct kc_cgroup_entry *container;
	__u32 tgid = child->tgid;
	struct setup_task *setup;
	struct kc_fork fork = {};

	if ((__u32)child->pid != tgid)
		return 0; /* a thread */
	container = task_container(child);
	if (!is_watched(container))
		return 0;
	fill_head(&fork.event, KC_FORK, container->container_cgroup_id, container->slot);
	fill_process(&fork.event, child);
	fill_parent_comm(fork.parent_comm, child);

	setup = find_setup(parent->tgid);
	if (setup) {
		begin_setup(tgid, setup->mnt_ns);
		fork.event.flags |= KC_SETUP;
	} else if (!task_container(parent)) {
		/* Born into the container by a process outside of it: clone3(CLONE_INTO_CGROUP). */
		begin_setup(tgid, runtime_mount_namespace(child));
		fork.event.flags |= KC_SETUP | KC_ENTERED;
	}
	send_with(slot_of(container), &fork.event, sizeof(fork), KC_CRITICAL, KC_SOON);
	return 0;
}

static __always_inline int on_exit(struct task_struct *task)
{
	struct kc_cgroup_entry *container = task_container(task);
	struct kc_exit exit = {};
	__u32 tgid = task->tgid;
	bool setup;

	/* exit and exit_group do not return. Of a runtime's init they are set-up, which ends below. */
	if (is_watched(container))
		note_current_syscall(container, task);

	/* do_exit counts 'live' down before the tracepoint: 0 is the last thread. */
	if (task->signal->live.counter != 0)
		return 0;
	setup = find_setup(tgid) != NULL;
	if (setup)
		end_setup(tgid);
	if (!is_watched(container))
		return 0;
	fill_head(&exit.event, KC_EXIT, container->container_cgroup_id, container->slot);
	fill_process(&exit.event, task);
	exit.exit_code = task->exit_code;
	if (setup)
		exit.event.flags |= KC_SETUP;
	send_with(slot_of(container), &exit.event, sizeof(exit), KC_CRITICAL, KC_SOON);
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(sched_process_exec, struct task_struct *task, int old_pid, struct linux_binprm *bprm)
{
	return on_exec(task, bprm, true);
}

/* Kernels before 6.2. */
SEC("tp_btf/sched_process_exec")
int BPF_PROG(sched_process_exec_probe, struct task_struct *task, int old_pid, struct linux_binprm *bprm)
{
	return on_exec(task, bprm, false);
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(sched_process_fork, struct task_struct *parent, struct task_struct *child)
{
	return on_fork(parent, child);
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(sched_process_exit, struct task_struct *task)
{
	return on_exit(task);
}
