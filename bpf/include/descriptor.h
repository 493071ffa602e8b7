/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* From a process's descriptor to the file or socket behind it. */
#pragma once

/* Of a typed pointer to a task. */
static __always_inline struct file *file_of(struct task_struct *task, __u32 descriptor)
{
	struct fdtable *table = task->files->fdt;
	struct file **files = table->fd;
	struct file *file = NULL;

	if (descriptor < table->max_fds)
		bpf_probe_read_kernel(&file, sizeof(file), &files[descriptor]);
	return file;
}

static __always_inline struct file *open_file_of(struct task_struct *task, __u32 descriptor, bool direct)
{
	struct fdtable *table = task->files->fdt;
	struct file **files = table->fd;
	struct llist_head *place;

	if (!direct)
		return file_of(task, descriptor);
	if (descriptor >= table->max_fds)
		return NULL;
	place = CAST(direct, &files[descriptor], struct llist_head);
	return (struct file *)place->first;
}

/* The socket of a file that is one. */
static __always_inline struct sock *socket_of(struct file *file)
{
	struct socket *socket;

	if ((BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK)
		return NULL;
	socket = BPF_CORE_READ(file, private_data);
	return BPF_CORE_READ(socket, sk);
}

static __always_inline __u16 host_order(__u16 port)
{
	return __builtin_bswap16(port);
}

/* ::ffff:a.b.c.d is written as the IPv4 address it is. Returns the family. */
static __always_inline __u8 normalize_address(__u8 *address)
{
	__u32 *words = (__u32 *)address;

	if (words[0] || words[1] || words[2] != __builtin_bswap32(0xffff))
		return AF_INET6;
	words[0] = words[3];
	words[1] = words[2] = words[3] = 0;
	return AF_INET;
}

/* Address of a socket's peer; returns its family, 0 for a socket of another kind. */
static __always_inline __u8 peer_address(struct sock *sk, __u8 *address)
{
	switch (BPF_CORE_READ(sk, __sk_common.skc_family)) {
	case AF_INET:
		*(__u32 *)address = BPF_CORE_READ(sk, __sk_common.skc_daddr);
		return AF_INET;
	case AF_INET6:
		bpf_core_read(address, 16, &sk->__sk_common.skc_v6_daddr);
		return normalize_address(address);
	}
	return 0;
}

/* The address a socket is bound to; returns its family, 0 for a socket of another kind. */
static __always_inline __u8 local_address(struct sock *sk, __u8 *address)
{
	switch (BPF_CORE_READ(sk, __sk_common.skc_family)) {
	case AF_INET:
		*(__u32 *)address = BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr);
		return AF_INET;
	case AF_INET6:
		bpf_core_read(address, 16, &sk->__sk_common.skc_v6_rcv_saddr);
		return normalize_address(address);
	}
	return 0;
}

static __always_inline void fill_identity(struct kc_stream *stream, struct inode *inode, bool direct)
{
	struct super_block *super = LOAD(direct, inode, i_sb);
	__u64 number = LOAD(direct, inode, i_ino);
	/* Words are aligned to four in a stream. */
	__u32 *words = (__u32 *)stream->address;

	words[0] = number;
	words[1] = number >> 32;
	/* There is one pipefs and one sockfs: their numbers alone tell. */
	if (stream->type == KC_STREAM_PIPE && LOAD(direct, super, s_magic) != PIPEFS_MAGIC)
		words[2] = LOAD(direct, super, s_dev);
}

static __always_inline void fill_peer(struct kc_stream *stream, struct sock *sk)
{
	if (!sk)
		return;
	stream->family = peer_address(sk, stream->address);
	if (stream->family)
		stream->port = host_order(BPF_CORE_READ(sk, __sk_common.skc_dport));
}
