/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Files that were opened. */
#pragma once

/* Ancestors of a file whose names are part of its identity: renaming one of them makes it another file. */
#define KC_KEY_ANCESTORS 12
/* Names of a pseudo file system's path that are. */
#define KC_KEY_NAMES 6

extern void *bpf_rdonly_cast(const void *object, __u32 btf_id) __ksym __weak;

/*
 * What is read here is read at every open of every container, so where the kernel has bpf_rdonly_cast (6.2), the verifier knows
 * what a pointer points to, and the members are loaded directly, not through a helper.
 */
#define LOAD(direct, pointer, member) ((direct) ? (pointer)->member : BPF_CORE_READ(pointer, member))

/*
 * A file of /proc by its names, with those that are numbers taken for one: each process has its own files there, and what is
 * done with them is the same.
 */
static __noinline __u64 proc_key(struct dentry *dentry)
{
	__u64 key = seed;

	for (int i = 0; i < KC_KEY_NAMES; i++) {
		struct dentry *parent = BPF_CORE_READ(dentry, d_parent);
		__u64 name[4] = {};

		if (!dentry || dentry == parent)
			break;
		bpf_probe_read_kernel_str(name, sizeof(name), BPF_CORE_READ(dentry, d_name.name));
		if ((name[0] & 0xff) >= '0' && (name[0] & 0xff) <= '9')
			key = mix(key, 1);
		else
			key = mix(mix(mix(mix(key, name[0]), name[1]), name[2]), name[3]);
		dentry = parent;
	}
	return key;
}

static __always_inline __u64 file_key(struct file *file, __u32 flags, bool direct)
{
	struct dentry *dentry = LOAD(direct, file, f_path.dentry);
	struct vfsmount *mount = LOAD(direct, file, f_path.mnt);
	struct dentry *root = LOAD(direct, mount, mnt_root);
	struct inode *inode = LOAD(direct, file, f_inode);
	struct super_block *super = LOAD(direct, inode, i_sb);
	__u64 place = 0;
	__u64 key;

	if (LOAD(direct, super, s_magic) == PROC_SUPER_MAGIC)
		return behaviour(KC_OPEN, flags, proc_key(dentry));
	key = mix(mix(seed, (__u64)LOAD(direct, super, s_dev) << 32 | LOAD(direct, inode, i_generation)),
		  LOAD(direct, inode, i_ino));
	for (int i = 0; i < KC_KEY_ANCESTORS; i++) {
		struct dentry *parent;

		if (dentry == root)
			break;
		/* The hash of a name is salted with its directory. */
		key = mix(key, LOAD(direct, dentry, d_name.hash));
		parent = LOAD(direct, dentry, d_parent);
		if (parent == dentry)
			break;
		dentry = parent;
	}
	/* As a number: the verifier lets nobody reckon with pointers. */
	bpf_probe_read_kernel(&place, sizeof(place), &file->f_path.mnt);
	key = mix(key, place);
	/* A link that is gone or new (upper layer) shows in what is reported. */
	key = mix(key, LOAD(direct, inode, i_nlink) == 0);
	return behaviour(KC_OPEN, flags, key);
}

static __always_inline __u32 open_flags(struct file *file, struct pt_regs *regs, __u32 number, bool direct)
{
	__u32 asked = 0;

	switch (number) {
	case SYS_OPEN:
	case COMPAT_OPEN:
		asked = argument(regs, number, 1);
		break;
	case SYS_OPENAT:
	case COMPAT_OPENAT:
	case SYS_OPEN_BY_HANDLE_AT:
	case COMPAT_OPEN_BY_HANDLE_AT:
		asked = argument(regs, number, 2);
		break;
	case SYS_CREAT:
	case COMPAT_CREAT:
		asked = O_CREAT | O_TRUNC;
		break;
	}
	/* do_dentry_open forgets four of the flags; the rest is from the file, not from the caller's registers. */
	return (LOAD(direct, file, f_flags) & ~O_LARGEFILE) | (asked & (O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC));
}

static __noinline int report_open(struct kc_cgroup_entry *container, struct kc_event *sighting, struct file *file,
				  __u32 flags)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct kc_slot *slot;
	struct buffers buffers;
	struct inode *inode;
	struct kc_open *open;
	__u32 size = sizeof(*open);

	if (!container || !sighting)
		return 0;
	slot = slot_of(container);
	if (!take_buffers(&buffers, slot, KC_OPEN))
		return 0;
	open = (struct kc_open *)buffers.record;
	__builtin_memset(open, 0, sizeof(*open));
	fill_head(&open->event, KC_OPEN, container->container_cgroup_id, container->slot);
	open->event.sighting = sighting->sighting;
	open->event.repeats = sighting->repeats;
	fill_process(&open->event, task);

	inode = BPF_CORE_READ(file, f_inode);
	open->inode = BPF_CORE_READ(inode, i_ino);
	open->device = BPF_CORE_READ(inode, i_sb, s_dev);
	open->mode = BPF_CORE_READ(inode, i_mode);
	open->open_flags = flags;
	open->event.flags = file_flags(file);
	open->event.flags |=
	    resolve_path(buffers.path, BPF_CORE_READ(file, f_path.dentry), BPF_CORE_READ(file, f_path.mnt), task);
	open->path_len = append_path(buffers.record, size, buffers.path);
	size += open->path_len;
	send_new(slot, &open->event, size, KC_BULK);
	put_buffers(&buffers);
	return 0;
}

static __always_inline int on_open(struct kc_cgroup_entry *container, struct task_struct *task, struct pt_regs *regs,
				   __u32 number, __u32 descriptor, bool direct)
{
	struct kc_slot *slot = slot_of(container);
	struct kc_event sighting = {};
	struct file *file;
	__u32 flags;

	if (in_setup(task))
		return 0; /* neither learned nor judged */
	file = file_of(task, descriptor);
	if (!file) {
		/* Another thread has closed it already. */
		count_lost(slot, KC_OPEN, KC_LOST_NO_FILE);
		return 0;
	}
	if (direct)
		file = bpf_rdonly_cast(file, bpf_core_type_id_kernel(struct file));
	flags = open_flags(file, regs, number, direct);
	if (is_repeat(slot, container->slot, &sighting, KC_OPEN, file_key(file, flags, direct)))
		return 0;
	return report_open(container, &sighting, file, flags);
}
