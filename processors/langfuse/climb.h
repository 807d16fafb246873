/* SPDX-License-Identifier: Apache-2.0 */
/* From a span upwards, within its request: who above it tells of the same call. For calls.c. */
#ifndef SLUICE_PROCESSORS_LANGFUSE_CLIMB_H
#define SLUICE_PROCESSORS_LANGFUSE_CLIMB_H

#include "processors/langfuse/langfuse_internal.h"

enum { CLIMB_MAX = 64 }; /* steps */

struct climb {
	uint32_t tellers[CLIMB_MAX]; /* of the same call, the nearest first; the span itself too */
	size_t teller_count;
	uint32_t top;	/* the highest ancestor in this request */
	uint32_t above; /* SPAN_MAP_NONE: a root; _FOREIGN: its parent is in another request */
	bool broken;	/* between the span and the top begins another call */
};

/* Whether any of ${flags} (enum note_flag) is set. */
static inline bool span_has(const struct run *run, uint32_t span, uint32_t flags)
{
	return (run->notes[span].flags & flags) != 0;
}

/* Whether the span tells the tokens of one call. */
static inline bool span_tells(const struct run *run, uint32_t span)
{
	uint8_t class = run->notes[span].class;
	return (class == CLASS_ENGINE || class == CLASS_CALL) && span_has(run, span, NOTE_USAGE) &&
	       !span_has(run, span, NOTE_PREFILL) && view_span_live(run->view, span);
}

/* The parent of ${span} in this request. Without the map, which is made where ancestry matters within
 * the request, it is looked for close by: a span that is further away passes for one of another
 * request. */
uint32_t climb_parent(const struct run *run, uint32_t span);

void climb_from(const struct run *run, uint32_t span, struct climb *climb);

#endif
