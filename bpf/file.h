/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Files that were opened. */
#pragma once

/* Ancestors of a file whose names are part of its identity: renaming one of them makes it another file. */
#define KC_KEY_ANCESTORS 12
/* Names of a pseudo file system's path that are. */
#define KC_KEY_NAMES 6

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

/* Which file of which mount it is. */
static __always_inline __u64 inode_key(struct inode *inode, struct super_block *super, struct mount *place,
				       bool deleted, bool direct)
{
	__u64 key = mix(mix(seed, (__u64)LOAD(direct, super, s_dev) << 32 | LOAD(direct, inode, i_generation)),
			LOAD(direct, inode, i_ino));

	return mix(key, (__u64)LOAD(direct, place, mnt_id) << 1 | deleted);
}

static __always_inline __u64 file_key(struct file *file, __u32 flags, bool direct)
{
	struct dentry *dentry = LOAD(direct, file, f_path.dentry);
	struct vfsmount *mount = LOAD(direct, file, f_path.mnt);
	struct dentry *root = LOAD(direct, mount, mnt_root);
	struct inode *inode = LOAD(direct, file, f_inode);
	struct super_block *super = LOAD(direct, inode, i_sb);
	struct mount *place = CAST(direct, (void *)mount - bpf_core_field_offset(struct mount, mnt), struct mount);
	__u64 key;

	if (LOAD(direct, super, s_magic) == PROC_SUPER_MAGIC)
		return behaviour(KC_OPEN, flags, proc_key(dentry));
	/* A link that is gone or new (upper layer) shows in what is reported. */
	key = inode_key(inode, super, place, LOAD(direct, inode, i_nlink) == 0, direct);
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
	return behaviour(KC_OPEN, flags, key);
}

/*
 * The file's directory, for opens of its files with these flags. 0 where it says less than a path does: the file has no name in it or
 * is mounted there, a directory too far above could be renamed unnoticed, or it is a process's own.
 */
static __always_inline __u64 directory_key(struct file *file, __u32 flags, bool direct)
{
	struct dentry *dentry = LOAD(direct, file, f_path.dentry);
	struct vfsmount *mount = LOAD(direct, file, f_path.mnt);
	struct dentry *root = LOAD(direct, mount, mnt_root);
	struct inode *inode = LOAD(direct, file, f_inode);
	struct super_block *super = LOAD(direct, inode, i_sb);
	struct mount *place = CAST(direct, (void *)mount - bpf_core_field_offset(struct mount, mnt), struct mount);
	__u64 key;

	if (dentry == root || LOAD(direct, inode, i_nlink) == 0 || LOAD(direct, super, s_magic) == PROC_SUPER_MAGIC)
		return 0;
	dentry = LOAD(direct, dentry, d_parent);
	inode = LOAD(direct, dentry, d_inode);
	key = inode_key(inode, super, place, false, direct);
	for (int i = 0; i < KC_KEY_ANCESTORS && dentry != root; i++) {
		key = mix(key, LOAD(direct, dentry, d_name.hash));
		dentry = LOAD(direct, dentry, d_parent);
	}
	return dentry == root ? place_of_files(KC_OPEN, flags, key) : 0;
}

/* do_dentry_open forgets four of the flags. */
static __always_inline __u32 forgotten_flags(struct pt_regs *regs, __u32 number)
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
	return asked & (O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC);
}

static __always_inline int report_open(struct kc_cgroup_entry *container, struct file *file, __u32 flags, __u64 key,
				       __u32 repeats, bool direct)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct kc_slot *slot;
	struct buffers buffers;
	struct super_block *super;
	struct inode *inode;
	struct kc_open *open;
	__u32 size = sizeof(*open);
	__u64 directory;

	if (!container)
		return 0;
	slot = slot_of(container);
	file = CAST(direct, file, struct file);
	directory = directory_key(file, flags, direct);
	/* With repeats it is known by itself, and to be reported. */
	if (!repeats && ends_in(slot, container->slot, KC_OPEN, directory))
		return 0;
	if (!take_buffers(&buffers, slot, KC_OPEN))
		return 0;
	open = (struct kc_open *)buffers.record;
	__builtin_memset(open, 0, sizeof(*open));
	fill_head(&open->event, KC_OPEN, container->container_cgroup_id, container->slot);
	open->event.sighting = key;
	open->event.repeats = repeats;
	fill_process(&open->event, task);

	inode = LOAD(direct, file, f_inode);
	open->directory = directory;
	open->inode = LOAD(direct, inode, i_ino);
	super = LOAD(direct, inode, i_sb);
	open->device = LOAD(direct, super, s_dev);
	open->mode = LOAD(direct, inode, i_mode);
	open->open_flags = flags;
	open->event.flags = file_flags(file, direct);
	open->event.flags |=
	    resolve_path(buffers.path, LOAD(direct, file, f_path.dentry), LOAD(direct, file, f_path.mnt), task, direct);
	open->path_len = append_path(buffers.record, size, buffers.path);
	size += open->path_len;
	send_new(slot, &open->event, size, KC_BULK);
	put_buffers(&buffers);
	return 0;
}

static __noinline int report_open_direct(struct kc_cgroup_entry *container, struct file *file, __u32 flags, __u64 key,
					 __u32 repeats)
{
	return report_open(container, file, flags, key, repeats, true);
}

static __noinline int report_open_probed(struct kc_cgroup_entry *container, struct file *file, __u32 flags, __u64 key,
					 __u32 repeats)
{
	return report_open(container, file, flags, key, repeats, false);
}

/* The flags are the file's, not the caller's, but for those that it does not keep. */
static __always_inline int on_open(struct kc_cgroup_entry *container, struct task_struct *task, __u32 forgotten,
				   __u32 descriptor, bool direct)
{
	struct kc_slot *slot;
	struct file *file;
	__u32 flags, repeats;
	__u64 key;

	if (!container || in_setup(task))
		return 0; /* neither learned nor judged */
	slot = slot_of(container);
	file = open_file_of(task, descriptor, direct);
	if (!file) {
		/* Another thread has closed it already. */
		count_lost(slot, KC_OPEN, KC_LOST_NO_FILE);
		return 0;
	}
	file = CAST(direct, file, struct file);
	flags = (LOAD(direct, file, f_flags) & ~O_LARGEFILE) | forgotten;
	key = file_key(file, flags, direct);
	if (is_repeat(slot, container->slot, KC_OPEN, key, &repeats))
		return 0;
	return direct ? report_open_direct(container, file, flags, key, repeats)
		      : report_open_probed(container, file, flags, key, repeats);
}

static __noinline int on_open_direct(struct kc_cgroup_entry *container, struct task_struct *task, __u32 forgotten,
				     __u32 descriptor)
{
	return on_open(container, task, forgotten, descriptor, true);
}

static __noinline int on_open_probed(struct kc_cgroup_entry *container, struct task_struct *task, __u32 forgotten,
				     __u32 descriptor)
{
	return on_open(container, task, forgotten, descriptor, false);
}
