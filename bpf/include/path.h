/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Paths, resolved from dentries and mounts: neither a symlink nor a rewritten user buffer changes what is seen. */
#pragma once

/*
 * Walks from the dentry up to the root of the task's mount namespace, which is the container's root, and not to the
 * task's own root directory: a chroot does not change what a file is called here. Returns flags of enum kc_event_flags, to
 * be put into the record at once: kernels of old follow the rest of a program apart for each value that they find in a variable.
 */
static __always_inline __u32 walk_up(struct path_buffer *path, bool direct)
{
	struct task_struct *task;
	struct dentry *mount_root, *dentry;
	struct mount *mount;
	__u32 flags = KC_PATH_TRUNCATED;
	__u32 start;

	if (!path)
		return 0;
	task = (struct task_struct *)path->task;
	mount = CAST(direct, (void *)path->mount - bpf_core_field_offset(struct mount, mnt), struct mount);
	mount_root = LOAD(direct, mount, mnt.mnt_root);
	dentry = CAST(direct, (void *)path->dentry, struct dentry);
	path->start = KC_PATH_MAX;
	for (int i = 0; i < KC_PATH_COMPONENTS; i++) {
		struct dentry *parent = LOAD(direct, dentry, d_parent);
		const unsigned char *name;
		__u32 len;

		if (dentry == mount_root) {
			struct mount *parent_mount = LOAD(direct, mount, mnt_parent);

			if (parent_mount == mount) {
				flags = mount == BPF_CORE_READ(task, nsproxy, mnt_ns, root) ? 0 : KC_PATH_UNREACHABLE;
				break;
			}
			dentry = LOAD(direct, mount, mnt_mountpoint);
			mount = parent_mount;
			mount_root = LOAD(direct, mount, mnt.mnt_root);
			continue;
		}
		len = LOAD(direct, dentry, d_name.len) & KC_NAME_MAX;
		name = LOAD(direct, dentry, d_name.name);
		if (dentry == parent) {
			char first = 0;

			/* A tree that hangs nowhere: pipes, sockets, directories moved out of a bind mount. */
			flags = KC_PATH_UNREACHABLE;
			bpf_probe_read_kernel(&first, sizeof(first), name);
			if (first == '/')
				break;
			/* A file without a directory, as of memfd_create, has a name all the same. */
			parent = NULL;
		}
		start = path->start;
		if (start < len + 1)
			break;
		start -= len;
		bpf_probe_read_kernel(&path->bytes[start & (KC_PATH_MAX - 1)], len, name);
		start--;
		path->bytes[start & (KC_PATH_MAX - 1)] = '/';
		path->start = start;
		if (!parent)
			break;
		dentry = parent;
	}
	if (path->start == KC_PATH_MAX) {
		path->start = KC_PATH_MAX - 1;
		path->bytes[KC_PATH_MAX - 1] = '/';
	}
	return flags;
}

/*
 * Not static, so that the verifier goes through them once and not again at each call and with all that it knows there. It lets no
 * pointers of the kernel into such a function; they go by the buffer.
 */
__noinline __u32 walk_up_direct(struct path_buffer *path)
{
	return walk_up(path, true);
}

__noinline __u32 walk_up_probed(struct path_buffer *path)
{
	return walk_up(path, false);
}

static __always_inline __u32 resolve_path(struct path_buffer *path, struct dentry *dentry, struct vfsmount *mount,
					  struct task_struct *task, bool direct)
{
	path->dentry = (__u64)dentry;
	path->mount = (__u64)mount;
	path->task = (__u64)task;
	return direct ? walk_up_direct(path) : walk_up_probed(path);
}

/* struct ovl_inode keeps the upper dentry right behind its struct inode (fs/overlayfs/ovl_entry.h, unchanged since 4.19). */
static __always_inline bool in_upper_layer(struct inode *inode, bool direct)
{
	struct super_block *super = LOAD(direct, inode, i_sb);
	struct dentry *upper = NULL;

	if (LOAD(direct, super, s_magic) != OVERLAYFS_SUPER_MAGIC)
		return false;
	bpf_probe_read_kernel(&upper, sizeof(upper), (void *)inode + bpf_core_type_size(struct inode));
	return upper != NULL;
}

/* shmem_file_setup gives the file of memfd_create the name "memfd:..." (mm/memfd.c); it never has a link. */
static __always_inline bool is_memfd(struct dentry *dentry, struct inode *inode)
{
	char prefix[6] = {};

	if (BPF_CORE_READ(inode, i_sb, s_magic) != TMPFS_MAGIC)
		return false;
	bpf_probe_read_kernel(prefix, sizeof(prefix), BPF_CORE_READ(dentry, d_name.name));
	return prefix[0] == 'm' && prefix[1] == 'e' && prefix[2] == 'm' && prefix[3] == 'f' && prefix[4] == 'd' &&
	       prefix[5] == ':';
}

static __always_inline __u32 file_flags(struct file *file, bool direct)
{
	struct inode *inode = LOAD(direct, file, f_inode);
	__u32 flags = 0;

	if (LOAD(direct, inode, i_nlink) == 0) {
		flags |= KC_FILE_DELETED;
		if (is_memfd(BPF_CORE_READ(file, f_path.dentry), inode))
			flags |= KC_FILE_MEMFD;
	}
	if (in_upper_layer(inode, direct))
		flags |= KC_FILE_UPPER_LAYER;
	return flags;
}
