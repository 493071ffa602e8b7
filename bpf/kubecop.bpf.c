// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * The kernel side of the sensor. One header a hook family: its event bodies are inline functions, its programs at the end
 * attach them, so that another kind of hook for the same body is one more program.
 */
#include "kernel.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>
#include "kubecop_event.h"
#include "maps.h"
#include "path.h"
#include "record.h"
#include "container.h"

#include "cgroup.h"
#include "process.h"
#include "file.h"

/* Types that only code uses are left out of BTF, and the sensor's test of the wire contract needs them: never read. */
struct kc_contract {
	struct kc_exec exec;
	struct kc_fork fork;
	struct kc_exit exit;
	struct kc_open open;
	struct kc_cgroup cgroup;
	enum kc_kind kind;
	enum kc_event_flags flags;
	enum kc_cgroup_state state;
	enum kc_loss loss;
};
const struct kc_contract *kc_contract;

char LICENSE[] SEC("license") = "Dual BSD/GPL";
