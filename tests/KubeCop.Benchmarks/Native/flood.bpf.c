// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/* What the benchmarks run in the kernel themselves. */
#include "kernel.h"
#include "kubecop_event.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#define PATH "/srv/cache/0000000000000000"
#define PATH_LEN (sizeof(PATH) - 1)

/* The sensor's own. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4 * 1024 * 1024);
} bulk SEC(".maps");

struct record {
	struct kc_open open;
	char path[(PATH_LEN + 7) / 8 * 8];
};

/* As the raw tracepoint's arguments: the first record's number, records to
 * write, numbers of files and of containers (both powers of two). */
struct arguments {
	__u64 first;
	__u64 count;
	__u64 files;
	__u64 containers;
};

static long write_record(__u32 index, struct arguments *arguments)
{
	__u64 number = arguments->first + index;
	__u64 file = number & (arguments->files - 1);
	struct record *record = bpf_ringbuf_reserve(&bulk, sizeof(*record), 0);

	if (!record)
		return 1;
	__builtin_memset(record, 0, sizeof(*record));
	record->open.event.timestamp_ns = bpf_ktime_get_boot_ns();
	record->open.event.cgroup_id = 1000 + (number & (arguments->containers - 1));
	record->open.event.kind = KC_OPEN;
	record->open.event.size = sizeof(struct kc_open) + PATH_LEN;
	record->open.event.pid = 42;
	record->open.event.comm[0] = 'f';
	record->open.path_len = PATH_LEN;
	__builtin_memcpy(record->path, PATH, PATH_LEN);
	for (int digit = PATH_LEN - 1; digit >= (int)PATH_LEN - 16; digit--, file >>= 4)
		record->path[digit] = "0123456789abcdef"[file & 15];
	bpf_ringbuf_submit(record, BPF_RB_NO_WAKEUP);
	return 0;
}

/* Returns how many records were written. */
SEC("raw_tp")
int flood(__u64 *context)
{
	struct arguments arguments = { context[0], context[1], context[2], context[3] };

	return bpf_loop(arguments.count, write_record, &arguments, 0);
}

/* What any program costs there. */
SEC("tp_btf/sys_exit")
int BPF_PROG(nothing, struct pt_regs *regs, long ret)
{
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
