/* SPDX-License-Identifier: Apache-2.0 */
/* Gathers span ids of one trace and hands them over when it is full or another trace begins. */
#include "pipeline/trace/memory/drop_batch.h"

void drop_batch_flush(struct drop_batch *batch)
{
	uint32_t orphans;
	if (batch->count == 0)
		return;
	size_t done =
		trace_memory_drop(batch->memory, batch->key, batch->spans, batch->count, &orphans);
	batch->orphans += orphans;
	batch->forgotten += (uint32_t)(batch->count - done);
	batch->count = 0;
}

void drop_batch_add(struct drop_batch *batch, const struct trace_view *view,
		    const struct span_map *map, uint32_t span)
{
	struct slice trace_id = view_span_trace_id(view, span), id = view_span_id(view, span);
	if (trace_id.len == 0 || id.len == 0)
		return;
	if (batch->count == DROP_BATCH_SPANS ||
	    (batch->count > 0 && !slice_equal(trace_id, batch->key.trace_id)))
		drop_batch_flush(batch);
	batch->key.trace_id = trace_id;
	batch->spans[batch->count++] = (struct dropped_span){
		.id = id,
		.parent = map->parents[span] == SPAN_MAP_NONE ? (struct slice){NULL, 0}
							      : view_span_parent(view, span)};
}
