/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two counters that any shard raises and the home loop lowers. Limits are checked by compare and
 * swap, so that no two requests get the same room; nothing is locked but the measurement of how fast
 * the room empties, when it becomes empty or something leaves.
 */
#include "pipeline/delivery/room.h"

void room_init(struct room *room, uint64_t capacity)
{
	room->capacity = capacity < INT64_MAX ? (int64_t)capacity : INT64_MAX;
	atomic_init(&room->used, 0);
	atomic_init(&room->spans, 0);
	drain_init(&room->drain);
}

void room_fini(struct room *room)
{
	drain_fini(&room->drain);
}

bool room_reserve(struct room *room, uint64_t units, uint32_t spans)
{
	int64_t used = atomic_load(&room->used);
	do {
		if (used > 0 && (int64_t)units > room->capacity - used)
			return false;
	} while (!atomic_compare_exchange_weak(&room->used, &used, used + (int64_t)units));
	atomic_fetch_add(&room->spans, spans);
	if (used <= 0)
		drain_begin(&room->drain, clock_monotonic_ns());
	return true;
}

void room_adjust(struct room *room, int64_t more_units, int64_t more_spans)
{
	int64_t used = atomic_fetch_add(&room->used, more_units) + more_units;
	atomic_fetch_add(&room->spans, more_spans);
	if (more_units < 0 && used <= 0)
		drain_taken(&room->drain, 0, true, clock_monotonic_ns());
}

void room_leave(struct room *room, uint64_t units, uint32_t spans)
{
	int64_t used = atomic_fetch_sub(&room->used, (int64_t)units) - (int64_t)units;
	drain_taken(&room->drain, units, used <= 0, clock_monotonic_ns());
	atomic_fetch_sub(&room->spans, spans);
}

struct drain_wait room_refuse(struct room *room, uint64_t units, uint64_t now_ns)
{
	int64_t missing = atomic_load(&room->used) + (int64_t)units - room->capacity;
	if (missing < 0)
		missing = 0; /* there was none a moment ago */
	return drain_wait(&room->drain, (uint64_t)missing, units, now_ns);
}

static int64_t load(const _Atomic int64_t *number)
{
	return atomic_load((_Atomic int64_t *)(uintptr_t)number);
}

static uint64_t positive(const _Atomic int64_t *number)
{
	int64_t now = load(number);
	return now > 0 ? (uint64_t)now : 0;
}

uint64_t room_capacity(const struct room *room)
{
	return (uint64_t)room->capacity;
}

uint64_t room_used(const struct room *room)
{
	return positive(&room->used);
}

uint64_t room_spans(const struct room *room)
{
	return positive(&room->spans);
}

const char *room_fault(const struct room *room, int64_t units, int64_t spans)
{
	if (load(&room->used) != units)
		return "the units used are not those of what is held";
	return load(&room->spans) == spans ? NULL : "the spans held are not those of what is held";
}
