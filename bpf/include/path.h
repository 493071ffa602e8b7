/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Paths, resolved from dentries and mounts: neither a symlink nor a rewritten user buffer changes what is seen. */
#pragma once

/*
 * Walks from the dentry up to the root of the task's mount namespace, which is the container's root, and not to the
 * task's own root directory: a chroot does not change what a file is called here. Returns flags of enum kc_event_flags, to
 * be put into the record at once: kernels of old follow the rest of a program apart for each value that they find in a variable.
 */
static __noinline __u32 resolve_path(struct path_buffer *path, struct dentry *dentry, struct vfsmount *vfsmount,
				     struct task_struct *task)
{
	struct mount *mount = (void *)vfsmount - bpf_core_field_offset(struct mount, mnt);
	struct dentry *mount_root = BPF_CORE_READ(vfsmount, mnt_root);
	__u32 flags = KC_PATH_TRUNCATED;
	__u32 start;

	if (!path)
		return 0;
	path->start = KC_PATH_MAX;
	for (int i = 0; i < KC_PATH_COMPONENTS; i++) {
		struct dentry *parent = BPF_CORE_READ(dentry, d_parent);
		const unsigned char *name;
		__u32 len;

		if (dentry == mount_root) {
			struct mount *parent_mount = BPF_CORE_READ(mount, mnt_parent);

			if (parent_mount == mount) {
				flags = mount == BPF_CORE_READ(task, nsproxy, mnt_ns, root) ? 0 : KC_PATH_UNREACHABLE;
				break;
			}
			dentry = BPF_CORE_READ(mount, mnt_mountpoint);
			mount = parent_mount;
			mount_root = BPF_CORE_READ(mount, mnt.mnt_root);
			continue;
		}
		len = BPF_CORE_READ(dentry, d_name.len) & KC_NAME_MAX;
		name = BPF_CORE_READ(dentry, d_name.name);
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

/* struct ovl_inode keeps the upper dentry right behind its struct inode (fs/overlayfs/ovl_entry.h, unchanged since 4.19). */
static __always_inline bool in_upper_layer(struct inode *inode)
{
	struct dentry *upper = NULL;

	if (BPF_CORE_READ(inode, i_sb, s_magic) != OVERLAYFS_SUPER_MAGIC)
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

static __always_inline __u32 file_flags(struct file *file)
{
	struct inode *inode = BPF_CORE_READ(file, f_inode);
	__u32 flags = 0;

	if (BPF_CORE_READ(inode, i_nlink) == 0) {
		flags |= KC_FILE_DELETED;
		if (is_memfd(BPF_CORE_READ(file, f_path.dentry), inode))
			flags |= KC_FILE_MEMFD;
	}
	if (in_upper_layer(inode))
		flags |= KC_FILE_UPPER_LAYER;
	return flags;
}
