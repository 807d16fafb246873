/* SPDX-License-Identifier: Apache-2.0 */
/* The probe itself, inline for the index's hot loop. Everybody else includes key_table.h. */
#ifndef SLUICE_TRACE_KEY_TABLE_INTERNAL_H
#define SLUICE_TRACE_KEY_TABLE_INTERNAL_H

#include "pipeline/base/hash.h"
#include "pipeline/trace/key_table.h"

/* 16 bytes: four to a cache line. */
struct key_slot {
	const uint8_t *key; /* owned by the table */
	uint32_t mark;	    /* upper half of the hash: decides almost every miss */
	uint16_t len;
	key_id id; /* KEY_ID_NONE: the slot is free */
};

struct key_table {
	struct key_slot *slots; /* NULL until frozen; a power of two, at most a quarter in use */
	uint64_t slot_mask;
	struct hash_key hash;
	struct slice *keys; /* [id - 1], each copied */
	size_t key_count, key_cap;
};

/* Compares ${len} bytes; words that overlap spare a call for the lengths that keys have. */
static inline bool key_equal(const uint8_t *a, const uint8_t *b, size_t len)
{
	for (; len > 16; a += 8, b += 8, len -= 8) {
		if (hash_read64(a) != hash_read64(b))
			return false;
	}
	if (len >= 8)
		return ((hash_read64(a) ^ hash_read64(b)) |
			(hash_read64(a + len - 8) ^ hash_read64(b + len - 8))) == 0;
	if (len >= 4)
		return ((hash_read32(a) ^ hash_read32(b)) |
			(hash_read32(a + len - 4) ^ hash_read32(b + len - 4))) == 0;
	for (size_t i = 0; i < len; i++) {
		if (a[i] != b[i])
			return false;
	}
	return true;
}

static inline key_id key_table_probe(const struct key_table *table, const uint8_t *key, size_t len)
{
	uint64_t hash = hash_bytes(table->hash, key, len);
	uint32_t mark = (uint32_t)(hash >> 32);
	for (uint64_t at = hash;; at++) {
		const struct key_slot *slot = &table->slots[at & table->slot_mask];
		if (slot->id == KEY_ID_NONE)
			return KEY_ID_NONE;
		if (slot->mark == mark && slot->len == len && key_equal(slot->key, key, len))
			return slot->id;
	}
}

#endif
