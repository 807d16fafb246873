/* SPDX-License-Identifier: Apache-2.0 */
/* The hit path of the key cache, inline for the index's hot loop. Everybody else includes
 * key_cache.h. */
#ifndef SLUICE_TRACE_KEYS_KEY_CACHE_INTERNAL_H
#define SLUICE_TRACE_KEYS_KEY_CACHE_INTERNAL_H

#include "pipeline/trace/keys/key_cache.h"
#include "pipeline/trace/keys/key_table_internal.h"

enum {
	CACHE_SLOTS = 1024,		/* a power of two */
	CACHE_RING_BYTES = 32 << 10,	/* a power of two, over KEY_MATCHED_BYTES_MAX */
	CACHE_RING_END_MAX = 1 << 30,	/* everything is forgotten before positions wrap */
	SET_SLOTS = KEY_SETS_MAX * 2,	/* a power of two */
	SET_MEMBERS = KEY_SETS_MAX * 8, /* of all sets together */
};

/* A key stands in the slot of its hash or in its neighbour, with which it shares a cache line. An
 * entry is valid while its bytes are among the last CACHE_RING_BYTES of the ring. */
struct cache_slot {
	uint32_t mark; /* upper half of the hash */
	uint32_t place;
	uint16_t len; /* 0: free */
	key_id id;
	uint32_t next; /* number of the slot whose key came after this one the last time */
};

_Static_assert(sizeof(struct cache_slot) == 16, "four to a cache line");

struct key_cache {
	struct cache_slot slots[CACHE_SLOTS];
	uint8_t ring[CACHE_RING_BYTES];
	const struct key_table *table;
	struct regex_scratch scratch;
	uint32_t ring_end; /* position after the newest byte; a place in the ring modulo its size */
	uint32_t last;	   /* slot of the key asked for last */
	uint32_t turn;	   /* which of two neighbours is overwritten next */
	uint64_t epoch;
	size_t set_count, member_count;
	uint16_t last_space; /* the namespace found last; 0: none */
	size_t last_set;     /* the one found last */
	bool full;	     /* a set could not be told apart */
	struct pattern_run sets[KEY_SETS_MAX];
	uint16_t set_slots[SET_SLOTS]; /* 1 + index into sets, by hash of the members */
	pattern_id members[SET_MEMBERS];
};

static inline bool cache_slot_valid(const struct key_cache *cache, const struct cache_slot *slot)
{
	return slot->len != 0 && cache->ring_end - slot->place <= CACHE_RING_BYTES;
}

/* Resolves ${key} and remembers it. */
key_id key_cache_miss(struct key_cache *cache, uint64_t hash, const uint8_t *key, size_t len);

static inline bool cache_slot_holds(const struct key_cache *cache, const struct cache_slot *slot,
				    const uint8_t *key, size_t len)
{
	return slot->len == len && cache_slot_valid(cache, slot) &&
	       key_equal(cache->ring + slot->place % CACHE_RING_BYTES, key, len);
}

/* An SDK writes its attributes in the same order each time: the key that followed the last one
 * before is tried first, and saves the hash when it is the one. */
static inline key_id key_cache_probe(struct key_cache *cache, const uint8_t *key, size_t len)
{
	uint32_t expected = cache->slots[cache->last].next;
	if (LIKELY(cache_slot_holds(cache, &cache->slots[expected], key, len))) {
		cache->last = expected;
		return cache->slots[expected].id;
	}
	uint64_t hash = hash_bytes(cache->table->hash, key, len);
	uint32_t mark = (uint32_t)(hash >> 32);
	uint32_t at = hash % CACHE_SLOTS;
	if (UNLIKELY(cache->slots[at].mark != mark))
		at ^= 1;
	if (LIKELY(cache->slots[at].mark == mark &&
		   cache_slot_holds(cache, &cache->slots[at], key, len))) {
		cache->slots[cache->last].next = at;
		cache->last = at;
		return cache->slots[at].id;
	}
	return key_cache_miss(cache, hash, key, len);
}

#endif
