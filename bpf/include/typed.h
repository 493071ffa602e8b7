/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Where the kernel has bpf_rdonly_cast (6.2), the verifier can be told what a pointer points to; its members are then loaded directly,
 * not through a helper, which takes longer than all else that is done with them. 'direct' is a constant: such a hook has one program
 * of either kind.
 */
#pragma once

extern void *bpf_rdonly_cast(const void *object, __u32 btf_id) __ksym __weak;

#define CAST(direct, pointer, type)                                                                                    \
	((type *)((direct) ? bpf_rdonly_cast(pointer, bpf_core_type_id_kernel(type)) : (void *)(pointer)))
#define LOAD(direct, pointer, member) ((direct) ? (pointer)->member : BPF_CORE_READ(pointer, member))
