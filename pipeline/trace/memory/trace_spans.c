/* SPDX-License-Identifier: Apache-2.0 */
/* The span ids that are remembered of one trace. Ids hash with the process's key: a peer chooses
 * them. */
#include "pipeline/trace/memory/trace_memory_internal.h"

#include <stdlib.h>

enum { SLOTS_MIN = 8 };

/* The slot of ${id}, or the free one where it belongs. There is always a free one. */
static struct span_slot *probe(const struct trace_spans *spans, struct hash_key key,
			       struct slice id)
{
	uint64_t at = hash_bytes(key, id.ptr, SPAN_ID_BYTES);
	for (;; at++) {
		struct span_slot *slot = &spans->slots[at & (spans->slot_count - 1)];
		if (slot->state == SPAN_FREE || memcmp(slot->id, id.ptr, SPAN_ID_BYTES) == 0)
			return slot;
	}
}

struct span_slot *trace_spans_find(const struct trace_spans *spans, struct hash_key key,
				   struct slice id)
{
	if (spans->count == 0)
		return NULL;
	struct span_slot *slot = probe(spans, key, id);
	return slot->state == SPAN_FREE ? NULL : slot;
}

bool trace_spans_is_full(const struct trace_spans *spans)
{
	return spans->count + 1 > spans->slot_count / 4 * 3;
}

size_t trace_spans_bytes(const struct trace_spans *spans)
{
	return spans->slot_count * sizeof(struct span_slot);
}

size_t trace_spans_growth(const struct trace_spans *spans)
{
	return spans->slot_count > 0 ? trace_spans_bytes(spans)
				     : SLOTS_MIN * sizeof(struct span_slot);
}

bool trace_spans_grow(struct trace_spans *spans, struct hash_key key)
{
	struct trace_spans grown = {.slot_count = spans->slot_count > 0 ? spans->slot_count * 2
									: SLOTS_MIN,
				    .count = spans->count};
	grown.slots = calloc(grown.slot_count, sizeof(*grown.slots));
	if (!grown.slots)
		return false;
	for (uint32_t i = 0; i < spans->slot_count; i++) {
		const struct span_slot *slot = &spans->slots[i];
		if (slot->state != SPAN_FREE)
			*probe(&grown, key, slice_of(slot->id, SPAN_ID_BYTES)) = *slot;
	}
	free(spans->slots);
	*spans = grown;
	return true;
}

struct span_slot *trace_spans_add(struct trace_spans *spans, struct hash_key key, struct slice id)
{
	struct span_slot *slot = probe(spans, key, id);
	memcpy(slot->id, id.ptr, SPAN_ID_BYTES);
	slot->state = SPAN_NEW;
	spans->count++;
	return slot;
}
