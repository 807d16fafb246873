/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A chunk: a reference-counted byte buffer, charged to a budget. It is the one currency in which
 * bytes change hands: a receiver collects a request body in one, the pipeline encodes into one, a
 * queue holds them, exporters share them. Life: one owner fills it (chunk_append, chunk_reserve);
 * from the moment it has a second reference its bytes are read-only. Thread-safe: ref and unref.
 */
#ifndef SLUICE_BASE_CHUNK_H
#define SLUICE_BASE_CHUNK_H

#include "pipeline/base/budget.h"
#include "pipeline/base/slice.h"

struct chunk {
	uint8_t *data;
	size_t len;	     /* bytes in use */
	size_t capacity;     /* bytes allocated and charged */
	uint32_t span_count; /* spans in an encoded request; 0 for other bytes */
	size_t index_bytes;  /* of its index entries, at most; 0: nobody has indexed it yet */
	/* Each of its spans has a trace id and a span id that are not of zeros alone, and no parent id
	 * of zeros. False as well when nobody has looked. */
	bool ids_usable;
	/* private */
	struct budget *budget;
	_Atomic uint32_t refs;
};

/* A new empty chunk with room for ${capacity} bytes, one reference. NULL when ${budget} or the
 * allocator refuses. ${budget} outlives the chunk. */
MUST_CHECK struct chunk *chunk_new(struct budget *budget, size_t capacity);

/* Makes room for ${more} bytes after len. Growth doubles, but never past what is needed by more
 * than 1 MiB. False when the budget or the allocator refuses; the chunk is unchanged then. */
MUST_CHECK bool chunk_reserve(struct chunk *chunk, size_t more);

/* Makes the capacity ${capacity} bytes, exactly, unless it is as large already: for who knows what
 * will come. False as chunk_reserve. */
MUST_CHECK bool chunk_grow_to(struct chunk *chunk, size_t capacity);

/* Appends a copy of ${bytes}. False as chunk_reserve. */
MUST_CHECK bool chunk_append(struct chunk *chunk, struct slice bytes);

/* Gives back unused capacity when it is more than a quarter of what is used and the chunk is about
 * to be held for longer. The owner's only. */
void chunk_trim(struct chunk *chunk);

/* Another reference. The bytes are read-only from here on. */
struct chunk *chunk_ref(struct chunk *chunk);

/* Gives up one reference (NULL is accepted); the last one frees the bytes and the charge. */
void chunk_unref(struct chunk *chunk);

static inline struct slice chunk_slice(const struct chunk *chunk)
{
	return (struct slice){chunk->data, chunk->len};
}

#endif
