/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes stand in an allocation of their own, so that a chunk can grow while it has one owner. The
 * budget follows each change of the capacity.
 */
#include "pipeline/base/chunk.h"

#include "pipeline/base/assert.h"

#include <stdlib.h>

enum { GROWTH_BYTES_MAX = 1 << 20 };

struct chunk *chunk_new(struct budget *budget, size_t capacity)
{
	if (!budget_take(budget, capacity))
		return NULL;
	struct chunk *chunk = malloc(sizeof(*chunk));
	if (!chunk)
		goto fail;
	chunk->data = NULL;
	if (capacity > 0 && !(chunk->data = malloc(capacity)))
		goto fail;
	chunk->len = 0;
	chunk->capacity = capacity;
	chunk->span_count = 0;
	chunk->index_bytes = 0;
	chunk->ids_usable = false;
	chunk->budget = budget;
	atomic_init(&chunk->refs, 1);
	return chunk;
fail:
	free(chunk);
	budget_give(budget, capacity);
	return NULL;
}

bool chunk_grow_to(struct chunk *chunk, size_t capacity)
{
	if (capacity <= chunk->capacity)
		return true;
	if (!budget_take(chunk->budget, capacity - chunk->capacity))
		return false;
	uint8_t *data = realloc(chunk->data, capacity);
	if (!data) {
		budget_give(chunk->budget, capacity - chunk->capacity);
		return false;
	}
	chunk->data = data;
	chunk->capacity = capacity;
	return true;
}

bool chunk_reserve(struct chunk *chunk, size_t more)
{
	size_t need;
	if (__builtin_add_overflow(chunk->len, more, &need))
		return false;
	if (need <= chunk->capacity)
		return true;
	size_t growth = chunk->capacity < GROWTH_BYTES_MAX ? chunk->capacity : GROWTH_BYTES_MAX;
	return chunk_grow_to(chunk,
			     chunk->capacity + growth > need ? chunk->capacity + growth : need);
}

bool chunk_append(struct chunk *chunk, struct slice bytes)
{
	if (!chunk_reserve(chunk, bytes.len))
		return false;
	if (bytes.len > 0)
		memcpy(chunk->data + chunk->len, bytes.ptr, bytes.len);
	chunk->len += bytes.len;
	return true;
}

void chunk_trim(struct chunk *chunk)
{
	size_t slack = chunk->capacity - chunk->len;
	if (slack <= chunk->len / 4 || chunk->len == 0)
		return;
	uint8_t *data = realloc(chunk->data, chunk->len);
	if (!data)
		return; /* the larger block is still good */
	chunk->data = data;
	chunk->capacity = chunk->len;
	budget_give(chunk->budget, slack);
}

struct chunk *chunk_ref(struct chunk *chunk)
{
	uint32_t before = atomic_fetch_add_explicit(&chunk->refs, 1, memory_order_relaxed);
	ASSERT(before > 0); /* else it is freed already */
	(void)before;
	return chunk;
}

void chunk_unref(struct chunk *chunk)
{
	/* acq_rel: the last holder must see every other holder's reads finished before the free. */
	if (!chunk || atomic_fetch_sub_explicit(&chunk->refs, 1, memory_order_acq_rel) != 1)
		return;
	ASSERT(chunk->len <= chunk->capacity);
	budget_give(chunk->budget, chunk->capacity);
	free(chunk->data);
	free(chunk);
}
