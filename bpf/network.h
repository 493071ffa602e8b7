/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Connections. Those begun are seen by the cgroup's address hooks, with the address as the process gave it, before a load
 * balancer behind them may translate it; those accepted at the exit of accept; ports opened, where the socket changes its state,
 * of UDP at the exit of bind.
 */
#pragma once

static __always_inline int report_network(struct kc_cgroup_entry *container, struct task_struct *task,
					  struct kc_network *event)
{
	struct kc_slot *slot = slot_of(container);
	__u64 *words = (__u64 *)event->address;
	__u64 who = event->action == KC_CONNECT ? mix(words[0], words[1]) : 0;
	__u32 what = (__u32)event->port << 16 | event->action << 8 | event->protocol;
	__u64 key = behaviour(KC_NETWORK, who, (__u64)event->family << 32 | what);
	__u32 repeats;

	if (in_setup(task) || is_repeat(slot, container->slot, KC_NETWORK, key, &repeats))
		return 0;
	fill_head(&event->event, KC_NETWORK, container->container_cgroup_id, container->slot);
	fill_process(&event->event, task);
	event->event.sighting = key;
	event->event.repeats = repeats;
	send_new(slot, &event->event, sizeof(*event), KC_BULK);
	return 0;
}

static __noinline int on_accept(struct kc_cgroup_entry *container, struct task_struct *task, __u32 descriptor)
{
	struct kc_network event = { .action = KC_ACCEPT };
	struct file *file;
	struct sock *sk;

	if (!container)
		return 0;
	file = file_of(task, descriptor);
	if (!file) {
		count_lost(slot_of(container), KC_NETWORK, KC_LOST_NO_FILE);
		return 0;
	}
	sk = socket_of(file);
	if (!sk)
		return 0;
	event.family = peer_address(sk, event.address);
	if (!event.family)
		return 0;
	event.port = BPF_CORE_READ(sk, __sk_common.skc_num);
	event.protocol = BPF_CORE_READ(sk, sk_protocol);
	return report_network(container, task, &event);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(inet_sock_set_state, struct sock *sk, int old_state, int new_state)
{
	struct kc_network event = { .action = KC_LISTEN };
	struct kc_cgroup_entry *container;

	if (new_state != TCP_LISTEN)
		return 0;
	container = cgroup_entry(bpf_get_current_cgroup_id());
	if (!is_watched(container))
		return 0;
	event.family = local_address(sk, event.address);
	if (!event.family)
		return 0;
	event.port = BPF_CORE_READ(sk, __sk_common.skc_num);
	event.protocol = BPF_CORE_READ(sk, sk_protocol);
	return report_network(container, bpf_get_current_task_btf(), &event);
}

/* UDP has no listen: a port is open once it is bound. One that the kernel chose is a client's. */
static __noinline int on_bind(struct kc_cgroup_entry *container, struct task_struct *task, __u32 descriptor)
{
	struct kc_network event = { .action = KC_LISTEN, .protocol = IPPROTO_UDP };
	struct file *file;
	struct sock *sk;

	if (!container)
		return 0;
	file = file_of(task, descriptor);
	if (!file) {
		count_lost(slot_of(container), KC_NETWORK, KC_LOST_NO_FILE);
		return 0;
	}
	sk = socket_of(file);
	if (!sk || BPF_CORE_READ(sk, sk_protocol) != IPPROTO_UDP ||
	    !(BPF_CORE_READ_BITFIELD_PROBED(sk, sk_userlocks) & SOCK_BINDPORT_LOCK))
		return 0;
	event.family = local_address(sk, event.address);
	if (!event.family)
		return 0;
	event.port = BPF_CORE_READ(sk, __sk_common.skc_num);
	return report_network(container, task, &event);
}

static __always_inline void on_address(struct bpf_sock_addr *context, __u8 family)
{
	struct kc_network event = { .action = KC_CONNECT, .family = family };
	struct kc_cgroup_entry *container = cgroup_entry(bpf_get_current_cgroup_id());
	struct task_struct *task = bpf_get_current_task_btf();
	__u32 *address = (__u32 *)event.address;

	if (!is_watched(container))
		return;
	if (family == AF_INET) {
		address[0] = context->user_ip4;
	} else {
		address[0] = context->user_ip6[0];
		address[1] = context->user_ip6[1];
		address[2] = context->user_ip6[2];
		address[3] = context->user_ip6[3];
		event.family = normalize_address(event.address);
	}
	event.port = host_order(context->user_port);
	event.protocol = context->protocol;
	if (is_dns_port(event.port))
		remember_dns_client(bpf_get_socket_cookie(context), container, task);
	report_network(container, task, &event);
}

SEC("cgroup/connect4")
int connect4(struct bpf_sock_addr *context)
{
	on_address(context, AF_INET);
	return 1;
}

SEC("cgroup/connect6")
int connect6(struct bpf_sock_addr *context)
{
	on_address(context, AF_INET6);
	return 1;
}

SEC("cgroup/sendmsg4")
int sendmsg4(struct bpf_sock_addr *context)
{
	on_address(context, AF_INET);
	return 1;
}

SEC("cgroup/sendmsg6")
int sendmsg6(struct bpf_sock_addr *context)
{
	on_address(context, AF_INET6);
	return 1;
}
