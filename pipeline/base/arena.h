/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bump allocator with a hard maximum. Memory comes in blocks that are kept across arena_reset,
 * so a steady state allocates nothing. Everything handed out dies at the next reset. Exhaustion
 * (maximum, budget or allocator) returns NULL and latches `exhausted` until the reset, so a decoder
 * may test once at its end; `over_max` says that it was the maximum, which a repeat meets again. Not thread-safe: an arena belongs to one shard or one start-up.
 */
#ifndef SLUICE_BASE_ARENA_H
#define SLUICE_BASE_ARENA_H

#include "pipeline/base/budget.h"
#include "pipeline/base/slice.h"

struct arena_block;

struct arena {
	/* private */
	struct arena_block *first, *current;
	struct budget *budget; /* may be NULL: charged to nobody (start-up) */
	size_t used;	       /* bytes handed out since the reset */
	size_t max;	       /* bytes, hard */
	bool exhausted, over_max;
};

/* ${budget} may be NULL and outlives the arena. */
void arena_init(struct arena *arena, struct budget *budget, size_t bytes_max);

/* Frees all blocks. The arena may be initialised again. */
void arena_fini(struct arena *arena);

/* Empties the arena, keeps its blocks up to ${keep_bytes} and frees the rest. */
void arena_reset(struct arena *arena, size_t keep_bytes);

/* ${size} bytes aligned for any type, not cleared; NULL when exhausted. */
MUST_CHECK void *arena_alloc(struct arena *arena, size_t size);

/* ${count} elements of ${size} bytes, zeroed, overflow-checked; NULL when exhausted. */
MUST_CHECK void *arena_calloc(struct arena *arena, size_t count, size_t size);

/* A copy of ${bytes} (ptr NULL when exhausted), with one zero byte after it that is not counted. */
MUST_CHECK struct slice arena_copy(struct arena *arena, struct slice bytes);

/* A formatted NUL-terminated string; NULL when exhausted. */
MUST_CHECK char *arena_printf(struct arena *arena, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
