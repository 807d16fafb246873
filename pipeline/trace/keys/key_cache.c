/* SPDX-License-Identifier: Apache-2.0 */
/* The cache of key ids of one shard; see key_cache.h. */
#include "pipeline/trace/keys/key_cache.h"

#include "pipeline/base/assert.h"
#include "pipeline/trace/keys/key_cache_internal.h"

#include <stdatomic.h>
#include <stdlib.h>

static uint64_t next_epoch(void)
{
	static _Atomic uint64_t epochs;
	return 1 + atomic_fetch_add_explicit(&epochs, 1, memory_order_relaxed);
}

struct key_cache *key_cache_new(const struct key_table *table)
{
	struct key_cache *cache =
		aligned_alloc(64, (sizeof(*cache) + 63) / 64 * 64); /* lines do not straddle */
	if (!cache)
		return NULL;
	memset(cache, 0, sizeof(*cache));
	cache->table = table;
	cache->epoch = next_epoch();
	if (regex_scratch_init(&cache->scratch) != 0) {
		free(cache);
		return NULL;
	}
	return cache;
}

void key_cache_free(struct key_cache *cache)
{
	if (!cache)
		return;
	regex_scratch_fini(&cache->scratch);
	free(cache);
}

static void forget_sets(struct key_cache *cache)
{
	memset(cache->slots, 0, sizeof(cache->slots));
	memset(cache->set_slots, 0, sizeof(cache->set_slots));
	cache->set_count = cache->member_count = 0;
	cache->ring_end = 0;
	cache->full = false;
	cache->epoch = next_epoch();
}

void key_cache_begin(struct key_cache *cache)
{
	if (cache->full)
		forget_sets(cache);
}

/* ---- sets ---- */

static bool is_set(const struct key_cache *cache, size_t at, const pattern_id *members,
		   size_t count)
{
	struct pattern_run run = cache->sets[at];
	if (run.count != count)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (cache->members[run.begin + i] != members[i])
			return false;
	}
	return true;
}

static key_id intern_set(struct key_cache *cache, const pattern_id *members, size_t count)
{
	/* New keys come in runs of one kind. */
	if (cache->last_set < cache->set_count && is_set(cache, cache->last_set, members, count))
		return (key_id)(KEY_ID_SET_FIRST + cache->last_set);
	uint64_t hash =
		hash_bytes(cache->table->hash, (const uint8_t *)members, count * sizeof(*members));
	for (;; hash++) {
		uint16_t at = cache->set_slots[hash % SET_SLOTS]; /* half of them are empty */
		ASSERT(at <= cache->set_count);
		if (at == 0)
			break;
		if (is_set(cache, at - 1u, members, count)) {
			cache->last_set = at - 1u;
			return (key_id)(KEY_ID_SET_FIRST + at - 1);
		}
	}
	if (cache->set_count == KEY_SETS_MAX || cache->member_count + count > SET_MEMBERS) {
		cache->full = true;
		return KEY_ID_UNRESOLVED;
	}
	cache->sets[cache->set_count] =
		(struct pattern_run){(uint32_t)cache->member_count, (uint32_t)count};
	memcpy(cache->members + cache->member_count, members, count * sizeof(*members));
	cache->member_count += count;
	cache->set_slots[hash % SET_SLOTS] = (uint16_t)++cache->set_count;
	return (key_id)(KEY_ID_SET_FIRST + cache->set_count - 1);
}

static key_id resolve(struct key_cache *cache, struct slice key, uint16_t space)
{
	pattern_id members[KEY_SET_MEMBERS_MAX];
	bool unclear;
	size_t count = key_match(cache->table, key, space, &cache->scratch, members, &unclear);
	if (unclear || count > KEY_SET_MEMBERS_MAX)
		return KEY_ID_UNRESOLVED;
	if (count == 0)
		return KEY_ID_NONE;
	return intern_set(cache, members, count);
}

struct key_set key_cache_set(const struct key_cache *cache, key_id id)
{
	if (key_id_is_exact(id) && id <= cache->table->key_count) {
		struct pattern_run run = cache->table->exact_sets[id - 1];
		return (struct key_set){cache->table->exact_members + run.begin, run.count};
	}
	if (id >= KEY_ID_SET_FIRST && id < KEY_ID_SET_FIRST + cache->set_count) {
		struct pattern_run run = cache->sets[id - KEY_ID_SET_FIRST];
		return (struct key_set){cache->members + run.begin, run.count};
	}
	return (struct key_set){NULL, 0};
}

uint64_t key_cache_epoch(const struct key_cache *cache)
{
	return cache->epoch;
}

/* ---- entries ---- */

/* Two overlapping pieces spare a call for the lengths that keys have. */
static inline void copy_key(uint8_t *to, const uint8_t *key, size_t len)
{
	enum { PIECE = 16 };
	if (len >= PIECE && len <= (size_t)2 * PIECE) {
		memcpy(to, key, PIECE);
		memcpy(to + len - PIECE, key + len - PIECE, PIECE);
	} else {
		memcpy(to, key, len);
	}
}

/* The key's bytes at a place of the ring that does not wrap. */
static uint32_t ring_put(struct key_cache *cache, const uint8_t *key, size_t len)
{
	uint32_t at = cache->ring_end % CACHE_RING_BYTES;
	if (at + len > CACHE_RING_BYTES)
		cache->ring_end += CACHE_RING_BYTES - at;
	uint32_t place = cache->ring_end;
	copy_key(cache->ring + place % CACHE_RING_BYTES, key, len);
	cache->ring_end += (uint32_t)len;
	return place;
}

/* The slot for a new key: a free one, else the two of them in turn. */
static struct cache_slot *choose_slot(struct key_cache *cache, uint64_t hash)
{
	struct cache_slot *slot = &cache->slots[hash % CACHE_SLOTS];
	struct cache_slot *other = &cache->slots[hash % CACHE_SLOTS ^ 1];
	if (!cache_slot_valid(cache, slot))
		return slot;
	if (!cache_slot_valid(cache, other))
		return other;
	return cache->turn++ & 1 ? other : slot;
}

/* The namespace of a key, which most often is that of the last one that had any. */
static uint16_t find_space(struct key_cache *cache, const uint8_t *key, size_t len)
{
	if (cache->last_space != 0) {
		struct slice last = cache->table->spaces[cache->last_space - 1].text;
		if (len > last.len && (key[last.len] == '.' || key[last.len] == ':') &&
		    key_equal(last.ptr, key, last.len))
			return cache->last_space;
	}
	uint16_t space = key_namespace(cache->table, slice_of(key, len));
	if (space != 0)
		cache->last_space = space;
	return space;
}

key_id key_cache_miss(struct key_cache *cache, uint64_t hash, const uint8_t *key, size_t len)
{
	if (len == 0)
		return KEY_ID_UNRESOLVED; /* no key at all */
	/* Most keys that nobody asked for are in a namespace that nobody asked for, either. */
	uint16_t space = find_space(cache, key, len);
	key_id id = KEY_ID_NONE;
	if (space != 0)
		id = key_table_probe_unlikely(cache->table, hash, key, len);
	if (len > KEY_MATCHED_BYTES_MAX)
		return id != KEY_ID_NONE ? id : KEY_ID_TOO_LONG;
	if (id == KEY_ID_NONE)
		id = resolve(cache, slice_of(key, len), space);
	if (id == KEY_ID_UNRESOLVED)
		return id;
	if (cache->ring_end > CACHE_RING_END_MAX) {
		memset(cache->slots, 0, sizeof(cache->slots));
		cache->ring_end = 0;
	}
	struct cache_slot *slot = choose_slot(cache, hash);
	*slot = (struct cache_slot){.mark = (uint32_t)(hash >> 32), .len = (uint16_t)len, .id = id};
	slot->place = ring_put(cache, key, len);
	return id;
}

key_id key_cache_find(struct key_cache *cache, const uint8_t *key, size_t len)
{
	return key_cache_probe(cache, key, len);
}
