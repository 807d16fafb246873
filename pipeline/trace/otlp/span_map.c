/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hash table with open addressing over trace id and span id; of equal ids the first span counts.
 * Walks upwards are as long as the request has spans at most: parents may form a circle.
 */
#include "pipeline/trace/otlp/span_map.h"

#include "pipeline/trace/otlp/edit_internal.h"

#include <stdlib.h>

enum { SLOTS_MIN = 64, SLOTS_PER_SPAN = 2 };

void span_map_init(struct span_map *map, struct budget *budget)
{
	*map = (struct span_map){.budget = budget, .hash = hash_key_random()};
}

static void release(struct span_map *map)
{
	free(map->slots);
	budget_give(map->budget, map->bytes_held);
	map->slots = map->parents = NULL;
	map->bytes_held = 0;
}

void span_map_fini(struct span_map *map)
{
	release(map);
}

static bool reserve(struct span_map *map, size_t slot_count, size_t span_count)
{
	size_t bytes = (slot_count + span_count) * sizeof(uint32_t);
	if (bytes > map->bytes_held || map->bytes_held > SPAN_MAP_KEEP_BYTES) {
		release(map);
		if (!budget_take(map->budget, bytes))
			return false;
		map->slots = malloc(bytes);
		if (!map->slots) {
			budget_give(map->budget, bytes);
			return false;
		}
		map->bytes_held = bytes;
	}
	map->parents = map->slots + slot_count;
	memset(map->slots, 0, slot_count * sizeof(uint32_t));
	return true;
}

static uint64_t hash_of(const struct span_map *map, struct slice trace_id, struct slice id)
{
	uint8_t both[TRACE_ID_BYTES + SPAN_ID_BYTES];
	memcpy(both, trace_id.ptr, TRACE_ID_BYTES);
	memcpy(both + TRACE_ID_BYTES, id.ptr, SPAN_ID_BYTES);
	return hash_bytes(map->hash, both, sizeof(both));
}

/* The slot of the span ${id} of the trace, or the free one where it belongs. */
static uint32_t *probe(const struct span_map *map, const struct trace_view *view,
		       uint64_t slot_mask, struct slice trace_id, struct slice id)
{
	for (uint64_t at = hash_of(map, trace_id, id);; at++) {
		uint32_t *slot = &map->slots[at & slot_mask];
		if (*slot == 0)
			return slot;
		if (memcmp(view_span_id(view, *slot - 1).ptr, id.ptr, SPAN_ID_BYTES) == 0 &&
		    memcmp(view_span_trace_id(view, *slot - 1).ptr, trace_id.ptr, TRACE_ID_BYTES) ==
			    0)
			return slot;
	}
}

static uint32_t parent_of(const struct span_map *map, const struct trace_view *view,
			  uint64_t slot_mask, uint32_t at)
{
	static const uint8_t zero_id[SPAN_ID_BYTES];
	struct slice parent = view_span_parent(view, at);
	struct slice trace_id = view_span_trace_id(view, at);
	if (parent.len == 0 || memcmp(parent.ptr, zero_id, SPAN_ID_BYTES) == 0 || trace_id.len == 0)
		return SPAN_MAP_NONE;
	uint32_t slot = *probe(map, view, slot_mask, trace_id, parent);
	if (slot == 0)
		return SPAN_MAP_FOREIGN;
	return slot - 1 == at ? SPAN_MAP_NONE : slot - 1;
}

static int no_memory(struct err *err)
{
	return err_set(err, ERR_NOMEM, "out of memory for the spans' parents");
}

/* Looks every parent up by its id. */
static int find_parents(struct span_map *map, const struct trace_view *view, struct err *err)
{
	uint32_t span_count = view_span_count(view);
	size_t slot_count = SLOTS_MIN;
	while (slot_count < (size_t)span_count * SLOTS_PER_SPAN)
		slot_count *= 2;
	if (!reserve(map, slot_count, span_count))
		return no_memory(err);
	for (uint32_t at = 0; at < span_count; at++) {
		struct slice trace_id = view_span_trace_id(view, at), id = view_span_id(view, at);
		if (trace_id.len == 0 || id.len == 0)
			continue;
		uint32_t *slot = probe(map, view, slot_count - 1, trace_id, id);
		if (*slot == 0)
			*slot = at + 1;
	}
	for (uint32_t at = 0; at < span_count; at++)
		map->parents[at] = parent_of(map, view, slot_count - 1, at);
	return 0;
}

int span_map_build(struct span_map *map, struct trace_view *view, struct err *err)
{
	size_t bytes = view_span_count(view) * sizeof(*map->parents);
	map->count = view_span_count(view);
	if (view->parents_known && !view->parents_edited) {
		if (!reserve(map, SLOTS_MIN, map->count))
			return no_memory(err);
		memcpy(map->parents, view->parent_column.data, bytes);
		return 0;
	}
	if (find_parents(map, view, err) != 0)
		return -1;
	if (view->parents_edited)
		return 0;
	if (!edit_column_reserve(view, &view->parent_column, bytes))
		return no_memory(err);
	memcpy(view->parent_column.data, map->parents, bytes);
	view->parents_known = true;
	return 0;
}

uint32_t span_map_top_of_dropped(struct span_map *map, const struct trace_view *view, uint32_t span)
{
	uint32_t *parents = map->parents;
	uint32_t top = span, steps = 0;
	while (span_map_has_parent(map, top) && !view_span_live(view, parents[top])) {
		if (++steps > map->count)
			parents[top] = SPAN_MAP_NONE;
		else
			top = parents[top];
	}
	for (uint32_t next; span != top; span = next) {
		next = parents[span];
		parents[span] = top;
	}
	return top;
}
