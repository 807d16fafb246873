/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The room of a queue: how much it may hold, and what is reserved of it. Admission over a fan-out is
 * two-phase, so room is reserved for a request before anybody takes it, and given back when what it
 * became has left, or when the request was refused after all. The spans of what is reserved are
 * counted beside it: they are what the queue answers for.
 *
 * Units are the owner's: bytes, spans or requests. All functions are for any thread.
 */
#ifndef SLUICE_DELIVERY_ROOM_H
#define SLUICE_DELIVERY_ROOM_H

#include "pipeline/base/compiler.h"
#include "pipeline/delivery/drain.h"

#include <stdatomic.h>
#include <stdint.h>

struct room {
	struct drain drain; /* how fast it empties */
	/* private */
	int64_t capacity;
	_Atomic int64_t
		used; /* below 0 for a moment: what is reserved may leave before room_adjust */
	_Atomic int64_t spans;
};

void room_init(struct room *room, uint64_t capacity);
void room_fini(struct room *room);

/* Reserves ${units} for ${spans} spans. False: full. What is larger than the whole room is let in
 * when the room is empty: it would never fit, and refusing it for ever helps nobody. */
MUST_CHECK bool room_reserve(struct room *room, uint64_t units, uint32_t spans);

/* What was reserved became so much more (below zero: less) than it was reserved for: corrects the
 * reservation, so that what leaves at the end is what was reserved. Gives back all of it, too, when
 * the request was refused. */
void room_adjust(struct room *room, int64_t more_units, int64_t more_spans);

/* ${units} with ${spans} spans have left, taken out by who works on the queue. */
void room_leave(struct room *room, uint64_t units, uint32_t spans);

/* How long the sender of ${units} that found no room should wait; see drain_wait. */
struct drain_wait room_refuse(struct room *room, uint64_t units, uint64_t now_ns);

uint64_t room_capacity(const struct room *room);
uint64_t room_used(const struct room *room);
uint64_t room_spans(const struct room *room);

/* What is wrong with it when it should hold just ${units} and ${spans}, NULL for nothing; in a moment
 * in which nobody reserves. For tests. */
const char *room_fault(const struct room *room, int64_t units, int64_t spans);

#endif
