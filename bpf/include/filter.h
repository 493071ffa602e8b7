/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * The filter of repeats: each container's slot remembers which behaviours were reported. What does not fit any more is
 * forgotten and reported anew; a container only ever forgets its own.
 */
#pragma once

/* Finalizer steps of MurmurHash3. */
static __always_inline __u64 mix(__u64 hash, __u64 value)
{
	hash = (hash ^ value) * 0xff51afd7ed558ccdULL;
	return hash ^ (hash >> 32);
}

/* 0 stands for what is not filtered. */
static __always_inline __u64 behaviour(__u32 kind, __u64 first, __u64 second)
{
	return mix(mix(mix(seed, kind), first), second) | 1;
}

/* A directory for what is done with its files: even, so that it is nobody's behaviour. 0 stands for none. */
static __always_inline __u64 place_of_files(__u32 kind, __u64 first, __u64 second)
{
	return (behaviour(kind, first, second) | 2) & ~1ULL;
}

static __always_inline bool is_place(__u64 key)
{
	return !(key & 1);
}

static __always_inline struct kc_slot *slot_of(struct kc_cgroup_entry *container)
{
	__u32 index = container->slot;

	return index ? bpf_map_lookup_elem(&slots, &index) : NULL;
}

static __always_inline struct kc_sighting *sighting_set(__u32 slot, __u64 key)
{
	struct kc_sightings *all = bpf_map_lookup_elem(&sightings, &slot);

	return all ? &all->entries[((key >> 8) % KC_SIGHTING_SETS) * KC_SIGHTING_WAYS] : NULL;
}

static __always_inline struct kc_sighting *find_sighting(struct kc_slot *slot, __u32 index, __u64 key)
{
	struct kc_sighting *set = sighting_set(index, key);

	for (int way = 0; set && way < KC_SIGHTING_WAYS; way++)
		if (set[way].key == key && set[way].epoch == slot->epoch)
			return &set[way];
	return NULL;
}

static __always_inline bool spend_budget(struct kc_slot *slot, __u64 now)
{
	if (now - slot->each_since_ns > 1000000000ULL) {
		slot->each_since_ns = now;
		slot->each_reported = 0;
	}
	return slot->each_reported++ < KC_EACH_BUDGET;
}

/*
 * Whether this was reported before and need not be again. Behaviour that led to an alert is reported again from time to time, with
 * the number of repeats and whoever did it last.
 */
static __always_inline bool is_repeat(struct kc_slot *slot, __u32 index, __u32 kind, __u64 key, __u32 *repeats)
{
	struct kc_sighting *entry;
	__u64 now;

	*repeats = 0;
	if (!slot || kind >= KC_KINDS)
		return false;
	entry = find_sighting(slot, index, key);
	if (!entry)
		return false;
	__sync_fetch_and_add(&slot->repeats[kind], 1);
	entry->repeats++;
	if (!entry->report_after_ns)
		return true;
	now = bpf_ktime_get_boot_ns();
	if (entry->report_after_ns == KC_REPORT_EACH) {
		if (!spend_budget(slot, now))
			return true;
	} else {
		if (now < entry->report_after_ns)
			return true;
		entry->report_after_ns = now + 1000000000ULL;
	}
	*repeats = entry->repeats;
	entry->repeats = 0;
	return false;
}

/*
 * Whether the sensor wants nothing to be reported of new files there: the container's profile knows them by a pattern, whatever they
 * are called.
 */
static __always_inline bool ends_in(struct kc_slot *slot, __u32 index, __u32 kind, __u64 place)
{
	struct kc_sighting *entry;

	if (!slot || !place || kind >= KC_KINDS)
		return false;
	entry = find_sighting(slot, index, place);
	if (!entry)
		return false;
	__sync_fetch_and_add(&slot->repeats[kind], 1);
	entry->repeats++;
	return true;
}

/* Remembers what was sent: only then, so that what was lost is reported when it happens again. */
static __noinline void remember(struct kc_slot *slot, __u32 index, __u64 key)
{
	struct kc_sighting *set, *entry = NULL;
	__u32 victim = bpf_get_prandom_u32() % KC_SIGHTING_WAYS;

	if (!slot)
		return;
	set = sighting_set(index, key);
	if (!set)
		return;
	for (int way = 0; way < KC_SIGHTING_WAYS; way++) {
		if (set[way].epoch != slot->epoch)
			victim = way;
		else if (set[way].key == key)
			return;
	}
	/* A directory stays, or the files it ends would sooner or later end it. The sensor leaves ways for the rest. */
	for (int way = 1; way < KC_SIGHTING_WAYS; way++) {
		entry = &set[victim & (KC_SIGHTING_WAYS - 1)];
		if (entry->epoch != slot->epoch || !is_place(entry->key))
			break;
		victim++;
	}
	entry = &set[victim & (KC_SIGHTING_WAYS - 1)];
	entry->key = key;
	entry->report_after_ns = 0;
	entry->repeats = 0;
	entry->epoch = slot->epoch;
}

/* Sends what is not a repeat, and remembers it. */
static __always_inline bool send_new(struct kc_slot *slot, struct kc_event *event, __u32 size, enum kc_ring ring)
{
	if (!send(slot, event, size, ring))
		return false;
	if (event->sighting)
		remember(slot, event->slot, event->sighting);
	return true;
}
