/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Interned attribute keys. While the graph is built, components register the keys that they care
 * about and get a small id for each; the index then gives every attribute its id by one hash and
 * one probe, so that a rule compares two 16-bit numbers instead of two strings.
 *
 * Built by one thread, then frozen and read by all shards without a lock.
 */
#ifndef SLUICE_TRACE_KEY_TABLE_H
#define SLUICE_TRACE_KEY_TABLE_H

#include "pipeline/base/error.h"
#include "pipeline/base/slice.h"

typedef uint16_t key_id; /* 0: nobody asked for this key */

enum { KEY_ID_NONE = 0, KEY_TABLE_KEYS_MAX = 4096 };

struct key_table;

MUST_CHECK struct key_table *key_table_new(void);
void key_table_free(struct key_table *table);

/* The id of ${key} (copied), the same for the same key. 0 and ${err} (limit, nomem) on failure.
 * Illegal after key_table_freeze. */
MUST_CHECK key_id key_table_add(struct key_table *table, struct slice key, struct err *err);

/* Ends registration and builds the probe table, with a fresh random hash key. -1 on nomem. */
MUST_CHECK int key_table_freeze(struct key_table *table, struct err *err);

/* The id of ${key}, 0 when it was not registered. Only after freeze. Any thread. */
key_id key_table_find(const struct key_table *table, struct slice key);

/* The bit that stands for ${id} in span_entry.key_mask. Ids 64 apart share one. */
static inline uint64_t key_mask_bit(key_id id)
{
	return id == KEY_ID_NONE ? 0 : UINT64_C(1) << (id & 63);
}

#endif
