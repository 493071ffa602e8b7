// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * The kernel side of the sensor. One header a hook family: its event bodies are inline functions, its programs at the end
 * attach them, so that another kind of hook for the same body is one more program.
 */
#include "kernel.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>
#include "typed.h"
#include "kubecop_event.h"
#include "maps.h"
#include "path.h"
#include "record.h"
#include "filter.h"
#include "container.h"
#include "descriptor.h"
#include "syscall_numbers.h"
#include "syscall_set.h"

#include "cgroup.h"
#include "process.h"
#include "snapshot.h"
#include "file.h"
#include "dns.h"
#include "network.h"
#include "privilege.h"
#include "randomx.h"
#include "syscall.h"

/* Types that only code uses are left out of BTF, and the sensor's test of the wire contract needs them: never read. */
struct kc_contract {
	struct kc_exec exec;
	struct kc_fork fork;
	struct kc_exit exit;
	struct kc_open open;
	struct kc_network network;
	struct kc_dns dns;
	struct kc_capability capability;
	struct kc_syscall syscall;
	struct kc_randomx randomx;
	struct kc_module module;
	struct kc_ptrace ptrace;
	struct kc_namespaces namespaces;
	struct kc_cgroup cgroup;
	enum kc_kind kind;
	enum kc_event_flags flags;
	enum kc_cgroup_state state;
	enum kc_loss loss;
	enum kc_stream_type stream;
	enum kc_network_action action;
	enum kc_ring ring;
};
const struct kc_contract *kc_contract;

char LICENSE[] SEC("license") = "Dual BSD/GPL";
