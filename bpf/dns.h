/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * DNS, as it passes on the wire between a container and its servers, UDP and TCP. A packet names its socket's cgroup; the process
 * is the one that last gave the socket a server's address.
 */
#pragma once

#define DNS_PORT 53
#define MDNS_PORT 5353
#define DNS_HEADER 12
/* RFC 1035, 3.1: the longest name, with its length bytes. */
#define DNS_NAME_MAX 255

static __always_inline bool is_dns_port(__u16 port)
{
	return port == DNS_PORT || port == MDNS_PORT;
}

static __always_inline void remember_dns_client(__u64 cookie, struct kc_cgroup_entry *container,
						struct task_struct *task)
{
	struct dns_client client = {};

	fill_head(&client.process, KC_DNS, container->container_cgroup_id, container->slot);
	fill_process(&client.process, task);
	bpf_map_update_elem(&dns_clients, &cookie, &client, BPF_ANY);
}

/* Where in a packet the DNS message is. */
struct dns_packet {
	__u32 offset;
	__u32 len;
	__u8 family;
	__u8 protocol;
	__u8 address[16] __attribute__((aligned(8)));
};

/*
 * RFC 1035, 4.1.1: a standard query or the answer to one, with one question. A segment in the middle of a message, or what is no DNS, hardly ever
 * looks like that.
 */
static __always_inline bool begins_message(struct __sk_buff *skb, __u32 offset)
{
	__u8 header[DNS_HEADER];

	if (bpf_skb_load_bytes(skb, offset, header, sizeof(header)))
		return false;
	if ((header[2] & 0x78) || header[4] || header[5] != 1)
		return false;
	return (header[2] & 0x80) || !(header[6] | header[7] | header[8] | header[9]);
}

static __always_inline bool find_dns(struct __sk_buff *skb, bool received, struct dns_packet *packet)
{
	__u8 byte;
	__u16 word, ports[2];
	__u32 header;

	if (skb->protocol == __builtin_bswap16(ETH_P_IP)) {
		/* RFC 791: header length, protocol, source and destination address */
		if (bpf_skb_load_bytes(skb, 0, &byte, 1) || bpf_skb_load_bytes(skb, 9, &packet->protocol, 1) ||
		    bpf_skb_load_bytes(skb, received ? 12 : 16, packet->address, 4))
			return false;
		header = (byte & 0xf) * 4;
		packet->family = AF_INET;
	} else if (skb->protocol == __builtin_bswap16(ETH_P_IPV6)) {
		/* RFC 8200; a packet with extension headers is not looked into */
		if (bpf_skb_load_bytes(skb, 6, &packet->protocol, 1) ||
		    bpf_skb_load_bytes(skb, received ? 8 : 24, packet->address, 16))
			return false;
		header = 40;
		packet->family = AF_INET6;
	} else {
		return false;
	}
	if (packet->protocol != IPPROTO_UDP && packet->protocol != IPPROTO_TCP)
		return false;
	if (bpf_skb_load_bytes(skb, header, ports, sizeof(ports)) || !is_dns_port(host_order(ports[received ? 0 : 1])))
		return false;
	if (packet->protocol == IPPROTO_UDP) {
		packet->offset = header + 8;
	} else {
		if (bpf_skb_load_bytes(skb, header + 12, &byte, 1))
			return false;
		packet->offset = header + (byte >> 4) * 4;
		/* RFC 1035, 4.2.2: two bytes of length first, unless they were sent before. */
		if (bpf_skb_load_bytes(skb, packet->offset, &word, sizeof(word)))
			return false;
		if (packet->offset + 2 + host_order(word) <= skb->len)
			packet->offset += 2;
		if (!begins_message(skb, packet->offset))
			return false;
	}
	if (packet->offset + DNS_HEADER >= skb->len)
		return false;
	packet->len = skb->len - packet->offset;
	return true;
}

/* End of the first question's name; 0 when it is malformed or compressed. */
static __always_inline __u32 end_of_name(const __u8 *message)
{
	__u32 at = DNS_HEADER;

	for (int labels = 0; labels < 128; labels++) {
		__u32 len;

		if (at >= DNS_HEADER + DNS_NAME_MAX)
			return 0;
		len = message[at & 511];
		if (!len)
			return at + 1;
		if (len > 63)
			return 0;
		at += len + 1;
	}
	return 0;
}

/*
 * Of name, type and outcome; 0 when these are not there. Letters of both cases are the same, so resolvers that mix them to be safe do not look new each time.
 * Not static, as walk_path.
 */
__noinline __u64 dns_key(struct record_buffer *record, __u32 message, __u32 received)
{
	__u64 key = seed;
	const __u8 *bytes;
	__u32 end;

	if (!record || message != sizeof(struct kc_dns))
		return 0;
	bytes = &record->bytes[sizeof(struct kc_dns)];
	/* mDNS answers without a question. */
	if (!(bytes[4] | bytes[5]))
		return 0;
	end = end_of_name(bytes);
	if (!end)
		return 0;
	for (__u32 i = 0; i < DNS_NAME_MAX + 4; i++) {
		__u32 at = DNS_HEADER + i;
		__u8 byte;

		if (at >= end + 2)
			break;
		byte = bytes[at & 511];
		key = mix(key, byte >= 'A' && byte <= 'Z' ? byte + 32 : byte);
	}
	/* Type and class follow the name. Asked this late because the verifier would follow every length of a name from there on. */
	if (end + 4 > ((struct kc_dns *)record->bytes)->len)
		return 0;
	/* RFC 1035, 4.1.1: QR and RCODE */
	return behaviour(KC_DNS, key, (__u64)received << 16 | (bytes[2] & 0x80) << 8 | (bytes[3] & 0xf));
}

static __noinline int report_dns(struct __sk_buff *skb, struct kc_cgroup_entry *container, struct dns_packet *packet,
				 __u32 received)
{
	struct kc_slot *slot;
	struct dns_client *client;
	struct buffers buffers;
	struct kc_dns *dns;
	__u64 cookie = bpf_get_socket_cookie(skb);
	__u64 *address;
	__u32 len;

	if (!container || !packet)
		return 0;
	slot = slot_of(container);
	if (!take_buffers(&buffers, slot, KC_DNS))
		return 0;
	dns = (struct kc_dns *)buffers.record;
	client = bpf_map_lookup_elem(&dns_clients, &cookie);
	if (client)
		dns->event = client->process;
	else
		__builtin_memset(&dns->event, 0, sizeof(dns->event));
	dns->event.timestamp_ns = bpf_ktime_get_boot_ns();
	dns->event.cgroup_id = container->container_cgroup_id;
	dns->event.kind = KC_DNS;
	dns->event.slot = container->slot;
	dns->event.repeats = 0;
	address = (__u64 *)packet->address;
	__builtin_memcpy(dns->address, address, sizeof(dns->address));
	dns->family = packet->family == AF_INET6 ? normalize_address(dns->address) : AF_INET;
	dns->protocol = packet->protocol;
	dns->received = received;
	__builtin_memset(dns->reserved, 0, sizeof(dns->reserved));
	len = packet->len;
	if (len > KC_DNS_MAX)
		len = KC_DNS_MAX;
	KC_OPAQUE(len);
	if (len < DNS_HEADER || len > KC_DNS_MAX ||
	    bpf_skb_load_bytes(skb, packet->offset, &buffers.record->bytes[sizeof(*dns)], len))
		goto out;
	dns->len = len;
	/* The name must not run into what an earlier record left behind the message. */
	if (len < KC_DNS_MAX)
		buffers.record->bytes[(sizeof(*dns) + len) & 8191] = 0;
	dns->event.sighting = dns_key(buffers.record, sizeof(*dns), received);
	/* Cut off in the name, or no DNS at all. */
	if (!dns->event.sighting)
		goto out;
	if (is_repeat(slot, container->slot, KC_DNS, dns->event.sighting, &dns->event.repeats))
		goto out;
	send_new(slot, &dns->event, sizeof(*dns) + len, KC_BULK);
out:
	put_buffers(&buffers);
	return 0;
}

static __always_inline void on_packet(struct __sk_buff *skb, bool received)
{
	struct kc_cgroup_entry *container = cgroup_entry(bpf_skb_cgroup_id(skb));
	struct dns_packet packet = {};

	if (is_watched(container) && find_dns(skb, received, &packet))
		report_dns(skb, container, &packet, received);
}

SEC("cgroup_skb/egress")
int packet_sent(struct __sk_buff *skb)
{
	on_packet(skb, false);
	return 1; /* let it pass: we only watch */
}

SEC("cgroup_skb/ingress")
int packet_received(struct __sk_buff *skb)
{
	on_packet(skb, true);
	return 1;
}
