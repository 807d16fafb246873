/* SPDX-License-Identifier: Apache-2.0 */
/* Tells the trace memory about dropped spans, a batch per trace and lock. */
#ifndef SLUICE_TRACE_MEMORY_DROP_BATCH_H
#define SLUICE_TRACE_MEMORY_DROP_BATCH_H

#include "pipeline/trace/memory/trace_memory.h"
#include "pipeline/trace/otlp/span_map.h"

enum { DROP_BATCH_SPANS = 64 };

struct drop_batch {
	struct trace_memory *memory;
	struct trace_key key; /* client: set at the beginning */
	uint32_t orphans;     /* dropped spans whose child had left before */
	uint32_t forgotten;   /* dropped spans for which there was no room */
	/* private */
	struct dropped_span spans[DROP_BATCH_SPANS];
	size_t count;
};

/* Adds ${span} of the request under ${view}; spans without ids are left out. ${map} is the request's
 * and says which spans are roots. */
void drop_batch_add(struct drop_batch *batch, const struct trace_view *view,
		    const struct span_map *map, uint32_t span);
void drop_batch_flush(struct drop_batch *batch);

#endif
