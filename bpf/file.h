/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Files: open, openat, openat2, creat, in their native and 32-bit compat forms. */
#pragma once

#if defined(__TARGET_ARCH_x86)
/* arch/x86/include/asm/thread_info.h: the system call came in through the 32-bit entry. */
#define TS_COMPAT 0x0002

enum open_flags_argument {
	NOT_OPEN,
	FLAGS_SECOND,
	FLAGS_THIRD,
	FLAGS_CREAT,
	FLAGS_IN_MEMORY,
};

/* arch/x86/entry/syscalls/syscall_64.tbl and syscall_32.tbl */
static __always_inline enum open_flags_argument open_kind(struct task_struct *task, struct pt_regs *regs)
{
	switch ((__u32)BPF_CORE_READ(regs, orig_ax)) {
	case 257: /* openat; 32-bit: remap_file_pages, which gives no descriptor */
		return FLAGS_THIRD;
	case 2: /* open; 32-bit: fork */
		return BPF_CORE_READ(task, thread_info.status) & TS_COMPAT ? NOT_OPEN : FLAGS_SECOND;
	case 437: /* openat2, both */
		return FLAGS_IN_MEMORY;
	case 85: /* creat; 32-bit: readlink */
		return BPF_CORE_READ(task, thread_info.status) & TS_COMPAT ? NOT_OPEN : FLAGS_CREAT;
	case 5: /* 32-bit open; 64-bit: fstat */
		return BPF_CORE_READ(task, thread_info.status) & TS_COMPAT ? FLAGS_SECOND : NOT_OPEN;
	case 8: /* 32-bit creat; 64-bit: lseek */
		return BPF_CORE_READ(task, thread_info.status) & TS_COMPAT ? FLAGS_CREAT : NOT_OPEN;
	case 295: /* 32-bit openat; 64-bit: preadv */
		return BPF_CORE_READ(task, thread_info.status) & TS_COMPAT ? FLAGS_THIRD : NOT_OPEN;
	}
	return NOT_OPEN;
}

static __always_inline __u32 flags_argument(struct task_struct *task, struct pt_regs *regs,
					    enum open_flags_argument kind)
{
	bool compat = BPF_CORE_READ(task, thread_info.status) & TS_COMPAT;

	switch (kind) {
	case FLAGS_SECOND: /* rsi, ecx */
		return compat ? BPF_CORE_READ(regs, cx) : BPF_CORE_READ(regs, si);
	case FLAGS_THIRD: /* rdx, edx */
		return BPF_CORE_READ(regs, dx);
	case FLAGS_CREAT:
		return O_CREAT | O_TRUNC;
	default:
		return 0;
	}
}
#else
#error "open is not yet known on this architecture"
#endif

static __always_inline int on_open(struct task_struct *task, struct pt_regs *regs, long fd)
{
	struct kc_cgroup_entry *container = cgroup_entry(bpf_get_current_cgroup_id());
	enum open_flags_argument kind;
	struct path_walk walk = {};
	struct record_buffer *record;
	struct kc_open *open;
	struct fdtable *table;
	struct inode *inode;
	struct file *file = NULL;
	__u32 size = sizeof(*open);
	struct file **files;

	if (!is_watched(container))
		return 0;
	kind = open_kind(task, regs);
	if (kind == NOT_OPEN)
		return 0;
	if (find_setup(BPF_CORE_READ(task, tgid)))
		return 0; /* set-up: neither learned nor judged */

	table = BPF_CORE_READ(task, files, fdt);
	files = BPF_CORE_READ(table, fd);
	if (fd < BPF_CORE_READ(table, max_fds))
		bpf_probe_read_kernel(&file, sizeof(file), &files[fd]);
	if (!file) {
		/* Another thread has closed it already. */
		count_lost(KC_OPEN, KC_LOST_NO_FILE);
		return 0;
	}

	record = new_record();
	walk.buffer = path_buffer();
	if (!record || !walk.buffer)
		return 0;
	open = (struct kc_open *)record;
	__builtin_memset(open, 0, sizeof(*open));
	fill_head(&open->event, KC_OPEN, container->container_cgroup_id);
	fill_process(&open->event, task);

	inode = BPF_CORE_READ(file, f_inode);
	open->inode = BPF_CORE_READ(inode, i_ino);
	open->device = BPF_CORE_READ(inode, i_sb, s_dev);
	open->mode = BPF_CORE_READ(inode, i_mode);
	/* do_dentry_open forgets four of the flags; the rest is from the file, not from the caller's registers. */
	open->open_flags = (BPF_CORE_READ(file, f_flags) & ~O_LARGEFILE) |
			   (flags_argument(task, regs, kind) & (O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC));

	walk.flags = file_flags(file);
	resolve_path(&walk, BPF_CORE_READ(file, f_path.dentry), BPF_CORE_READ(file, f_path.mnt), task);
	open->path_len = append_path(record, size, &walk);
	size += open->path_len;
	open->event.flags = walk.flags;
	send(&open->event, size, false);
	return 0;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(sys_exit, struct pt_regs *regs, long ret)
{
	if (ret < 0)
		return 0;
	return on_open((struct task_struct *)bpf_get_current_task(), regs, ret);
}
