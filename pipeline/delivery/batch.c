/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The list of chunks, of which small ones are copied together, and the compressed forms, each made
 * once under a lock of its own.
 */
#include "pipeline/delivery/batch.h"

#include "pipeline/base/assert.h"
#include "pipeline/delivery/ack.h"

#include <stdlib.h>

enum {
	/* Chunks below this are copied together: one write of 64 KiB beats many small ones. */
	SMALL_CHUNK_BYTES = 16 * 1024,
	GATHER_BYTES = 64 * 1024,
};

struct batch *batch_new(struct budget *budget)
{
	struct batch *batch = calloc(1, sizeof(*batch));
	if (!batch)
		return NULL;
	batch->budget = budget;
	batch->ids_usable = true;
	(void)pthread_mutex_init(&batch->coded_lock,
				 NULL); /* cannot fail with default attributes */
	atomic_init(&batch->refs, 1);
	return batch;
}

struct batch *batch_ref(struct batch *batch)
{
	UNUSED uint32_t before = atomic_fetch_add_explicit(&batch->refs, 1, memory_order_relaxed);
	ASSERT(before > 0); /* else it is freed already */
	return batch;
}

void batch_unref(struct batch *batch)
{
	if (!batch || atomic_fetch_sub_explicit(&batch->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < batch->chunk_count; i++)
		chunk_unref(batch->chunks[i]);
	for (size_t i = 0; i < CODING_COUNT; i++)
		chunk_unref(batch->coded[i]);
	(void)pthread_mutex_destroy(&batch->coded_lock);
	free(batch->chunks);
	free(batch->acks);
	free(batch);
}

/* Room for one more pointer in a growable array of pointers. */
static bool grow(void ***array, size_t count, size_t *capacity)
{
	if (count < *capacity)
		return true;
	size_t wider = *capacity ? *capacity * 2 : 8;
	void **moved = realloc(*array, wider * sizeof(*moved));
	if (!moved)
		return false;
	*array = moved;
	*capacity = wider;
	return true;
}

static bool push_chunk(struct batch *batch, struct chunk *chunk)
{
	void **array = (void **)batch->chunks;
	bool room = grow(&array, batch->chunk_count, &batch->chunk_capacity);
	batch->chunks = (struct chunk **)array;
	if (room)
		batch->chunks[batch->chunk_count++] = chunk;
	return room;
}

/* The last chunk if it is a gathering one of ours with room for ${len} more bytes. */
static struct chunk *gathering_tail(const struct batch *batch, size_t len)
{
	if (batch->chunk_count == 0)
		return NULL;
	struct chunk *tail = batch->chunks[batch->chunk_count - 1];
	/* Acquire: whoever gave up the other references has read it before it grows. */
	bool ours = tail->capacity == GATHER_BYTES &&
		    atomic_load_explicit(&tail->refs, memory_order_acquire) == 1;
	return ours && tail->capacity - tail->len >= len ? tail : NULL;
}

bool batch_append(struct batch *batch, struct chunk *chunk)
{
	ASSERT(atomic_load(&batch->refs) == 1); /* whoever shares it reads it without a lock */
	/* The first one may stay alone: then there was nothing to gather. */
	if (chunk->len >= SMALL_CHUNK_BYTES || batch->chunk_count == 0) {
		if (!push_chunk(batch, chunk))
			return false;
		chunk_ref(chunk);
	} else {
		struct chunk *tail = gathering_tail(batch, chunk->len);
		if (!tail) {
			tail = chunk_new(batch->budget, GATHER_BYTES);
			if (!tail)
				return false;
			if (!push_chunk(batch, tail)) {
				chunk_unref(tail);
				return false;
			}
			tail->ids_usable = true;
		}
		memcpy(tail->data + tail->len, chunk->data, chunk->len);
		tail->len += chunk->len;
		tail->span_count += chunk->span_count;
		tail->ids_usable &= chunk->ids_usable;
	}
	batch->bytes += chunk->len;
	batch->index_bytes += chunk->index_bytes;
	batch->span_count += chunk->span_count;
	batch->ids_usable &= chunk->ids_usable;
	return true;
}

const char *batch_fault(const struct batch *batch)
{
	size_t bytes = 0;
	uint64_t spans = 0;
	bool ids_usable = true;
	for (size_t i = 0; i < batch->chunk_count; i++) {
		bytes += batch->chunks[i]->len;
		spans += batch->chunks[i]->span_count;
		ids_usable &= batch->chunks[i]->ids_usable;
	}
	if (bytes != batch->bytes || spans != batch->span_count)
		return "a batch is not the sum of its chunks";
	return ids_usable == batch->ids_usable ? NULL : "a batch and its chunks differ about ids";
}

bool batch_attach(struct batch *batch, struct ack *ack)
{
	void **array = (void **)batch->acks;
	bool room = grow(&array, batch->ack_count, &batch->ack_capacity);
	batch->acks = (struct ack **)array;
	if (room)
		batch->acks[batch->ack_count++] = ack;
	return room;
}

static struct chunk *compress(const struct batch *batch, enum coding coding, struct coder *coder,
			      struct err *err)
{
	struct slice *parts = calloc(batch->chunk_count, sizeof(*parts));
	if (!parts) {
		(void)err_set(err, ERR_NOMEM, "no memory to compress a batch");
		return NULL;
	}
	for (size_t i = 0; i < batch->chunk_count; i++)
		parts[i] = chunk_slice(batch->chunks[i]);
	struct chunk *coded =
		coder_encode(coder, coding, 0, parts, batch->chunk_count, batch->budget, err);
	free(parts);
	return coded;
}

int batch_body(struct batch *batch, enum coding coding, struct coder *coder,
	       struct counter *compressions, struct chunk *const **ret_parts, size_t *ret_count,
	       struct err *err)
{
	if (coding == CODING_IDENTITY) {
		*ret_parts = batch->chunks;
		*ret_count = batch->chunk_count;
		return 0;
	}
	int result = -1;
	(void)pthread_mutex_lock(&batch->coded_lock);
	if (!batch->coded[coding]) {
		batch->coded[coding] = compress(batch, coding, coder, err);
		if (batch->coded[coding] && compressions)
			counter_add(compressions, 1);
	}
	if (batch->coded[coding]) {
		*ret_parts = &batch->coded[coding];
		*ret_count = 1;
		result = 0;
	}
	(void)pthread_mutex_unlock(&batch->coded_lock);
	return result;
}

struct chunk *batch_flatten(const struct batch *batch)
{
	if (batch->chunk_count == 1)
		return chunk_ref(batch->chunks[0]);
	struct chunk *whole = chunk_new(batch->budget, batch->bytes);
	if (!whole)
		return NULL;
	for (size_t i = 0; i < batch->chunk_count; i++) {
		struct slice part = chunk_slice(batch->chunks[i]);
		memcpy(whole->data + whole->len, part.ptr, part.len);
		whole->len += part.len;
	}
	ASSERT(whole->len == batch->bytes);
	whole->span_count = batch->span_count;
	whole->index_bytes = batch->index_bytes;
	whole->ids_usable = batch->ids_usable;
	return whole;
}
