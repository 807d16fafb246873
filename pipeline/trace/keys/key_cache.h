/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Key ids where patterns are in use: one shard's memory of which patterns the keys that it has seen
 * match. Everything in it is of fixed size and is overwritten, so that keys that a peer makes up
 * cost time (bounded, see key_match.c), never memory.
 *
 *   slots[]  by hash, four to a cache line: mark, length, id, place in the ring
 *   ring[]   the keys' bytes; the oldest are overwritten, and their entries with them
 *   sets of patterns, each with an id; when no more can be told apart, everything is forgotten at
 *   the next key_cache_begin, and until then keys get KEY_ID_UNRESOLVED
 */
#ifndef SLUICE_TRACE_KEYS_KEY_CACHE_H
#define SLUICE_TRACE_KEYS_KEY_CACHE_H

#include "pipeline/trace/keys/key_table.h"

struct key_cache;

/* NULL when memory is short. ${table} is frozen and outlives the cache. About 80 KiB. */
MUST_CHECK struct key_cache *key_cache_new(const struct key_table *table);
void key_cache_free(struct key_cache *cache);

/* Before a request: ids given out before may lose their meaning here and nowhere else. */
void key_cache_begin(struct key_cache *cache);

/* The id of ${key}. */
key_id key_cache_find(struct key_cache *cache, const uint8_t *key, size_t len);

/* The patterns behind ${id}; empty for KEY_ID_NONE, KEY_ID_UNRESOLVED and KEY_ID_TOO_LONG. */
struct key_set key_cache_set(const struct key_cache *cache, key_id id);

/* Changes when ids above KEY_TABLE_KEYS_MAX have lost their meaning; different in every cache. */
uint64_t key_cache_epoch(const struct key_cache *cache);

#endif
