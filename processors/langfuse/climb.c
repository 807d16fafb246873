/* SPDX-License-Identifier: Apache-2.0 */
/* Steps from a span to the spans above it: by the span map, or by looking close by. */
#include "processors/langfuse/climb.h"

uint32_t climb_parent(const struct run *run, uint32_t span)
{
	enum { NEAR = 32 };
	if (run->mapped)
		return run->scratch->map.parents[span];
	struct slice id = view_span_parent(run->view, span);
	uint32_t end = view_span_count(run->view);
	if (id.len == 0)
		return SPAN_MAP_NONE;
	end = end - span > NEAR ? span + NEAR : end;
	uint64_t wanted = hash_read64(id.ptr);
	for (uint32_t at = span > NEAR ? span - NEAR : 0; at < end; at++) {
		struct slice other = view_span_id(run->view, at);
		if (other.len == SPAN_ID_BYTES && hash_read64(other.ptr) == wanted && at != span &&
		    slice_equal(run_trace_id(run, at), run_trace_id(run, span)))
			return at;
	}
	return SPAN_MAP_FOREIGN;
}

void climb_from(const struct run *run, uint32_t span, struct climb *climb)
{
	climb->teller_count = 0;
	climb->broken = false;
	climb->above = span;
	for (int i = 0; i < CLIMB_MAX && climb->above < SPAN_MAP_FOREIGN; i++) {
		climb->top = climb->above;
		if (climb->top != span)
			climb->broken |= span_has(run, climb->top, NOTE_BOUNDARY);
		if (!climb->broken && span_tells(run, climb->top))
			climb->tellers[climb->teller_count++] = climb->top;
		climb->above = climb_parent(run, climb->top);
	}
}
