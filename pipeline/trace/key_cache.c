/* SPDX-License-Identifier: Apache-2.0 */
/* The cache of key ids of one shard; see key_cache.h. */
#include "pipeline/trace/key_cache.h"

#include "pipeline/trace/key_table_internal.h"

#include <stdatomic.h>
#include <stdlib.h>

enum {
	WAYS = 4,
	LINES = 512,			/* a power of two */
	RING_BYTES = 64 << 10,		/* a power of two, over KEY_MATCHED_BYTES_MAX */
	RING_END_MAX = 1 << 30,		/* everything is forgotten before positions wrap */
	SET_SLOTS = KEY_SETS_MAX * 2,	/* a power of two */
	SET_MEMBERS = KEY_SETS_MAX * 8, /* of all sets together */
};

/* 64 bytes. An entry is valid while its bytes are among the last RING_BYTES of the ring. */
struct cache_line {
	uint32_t marks[WAYS]; /* upper half of the hash */
	uint32_t places[WAYS];
	uint16_t lens[WAYS];
	key_id ids[WAYS];
	uint32_t next; /* way to be overwritten */
	uint32_t unused[3];
};

_Static_assert(sizeof(struct cache_line) == 64, "one cache line each");

struct key_cache {
	struct cache_line lines[LINES];
	uint8_t ring[RING_BYTES];
	const struct key_table *table;
	struct regex_scratch scratch;
	uint32_t ring_end; /* position after the newest byte; a place in the ring modulo its size */
	uint32_t ring_begin; /* nothing before it is valid */
	uint64_t epoch;
	size_t set_count, member_count;
	bool full; /* a set could not be told apart */
	struct pattern_run sets[KEY_SETS_MAX];
	uint16_t set_slots[SET_SLOTS]; /* 1 + index into sets, by hash of the members */
	pattern_id members[SET_MEMBERS];
};

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
	memset(cache->lines, 0, sizeof(cache->lines));
	memset(cache->set_slots, 0, sizeof(cache->set_slots));
	cache->set_count = cache->member_count = 0;
	cache->ring_begin = cache->ring_end = 0;
	cache->full = false;
	cache->epoch = next_epoch();
}

void key_cache_begin(struct key_cache *cache)
{
	if (cache->full)
		forget_sets(cache);
}

/* ---- sets ---- */

static key_id intern_set(struct key_cache *cache, const pattern_id *members, size_t count)
{
	uint64_t hash =
		hash_bytes(cache->table->hash, (const uint8_t *)members, count * sizeof(*members));
	for (;; hash++) {
		uint16_t at = cache->set_slots[hash % SET_SLOTS];
		if (at == 0)
			break;
		struct pattern_run run = cache->sets[at - 1];
		if (run.count == count &&
		    memcmp(cache->members + run.begin, members, count * sizeof(*members)) == 0)
			return (key_id)(KEY_ID_SET_FIRST + at - 1);
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

static key_id resolve(struct key_cache *cache, struct slice key)
{
	pattern_id members[KEY_SET_MEMBERS_MAX];
	size_t count = key_match(cache->table, key, &cache->scratch, members);
	if (count == 0)
		return KEY_ID_NONE;
	if (count > KEY_SET_MEMBERS_MAX)
		return KEY_ID_UNRESOLVED;
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

static inline bool is_valid(const struct key_cache *cache, uint32_t place)
{
	return place >= cache->ring_begin && cache->ring_end - place <= RING_BYTES;
}

/* The key's bytes at a place of the ring that does not wrap. */
static uint32_t ring_put(struct key_cache *cache, const uint8_t *key, size_t len)
{
	uint32_t at = cache->ring_end % RING_BYTES;
	if (at + len > RING_BYTES)
		cache->ring_end += RING_BYTES - at;
	uint32_t place = cache->ring_end;
	memcpy(cache->ring + place % RING_BYTES, key, len);
	cache->ring_end += (uint32_t)len;
	return place;
}

static key_id remember(struct key_cache *cache, uint64_t hash, const uint8_t *key, size_t len)
{
	key_id id = key_slots_probe(&cache->table->keys_by_text, hash, key, len);
	if (len > KEY_MATCHED_BYTES_MAX)
		return id != KEY_ID_NONE ? id : KEY_ID_TOO_LONG;
	if (id == KEY_ID_NONE)
		id = resolve(cache, slice_of(key, len));
	if (id == KEY_ID_UNRESOLVED || len == 0)
		return id;
	if (cache->ring_end > RING_END_MAX) {
		memset(cache->lines, 0, sizeof(cache->lines));
		cache->ring_begin = cache->ring_end = 0;
	}
	struct cache_line *line = &cache->lines[hash % LINES];
	uint32_t way = line->next;
	line->next = (way + 1) % WAYS;
	line->marks[way] = (uint32_t)(hash >> 32);
	line->places[way] = ring_put(cache, key, len);
	line->lens[way] = (uint16_t)len;
	line->ids[way] = id;
	return id;
}

key_id key_cache_find(struct key_cache *cache, const uint8_t *key, size_t len)
{
	uint64_t hash = hash_bytes(cache->table->hash, key, len);
	uint32_t mark = (uint32_t)(hash >> 32);
	const struct cache_line *line = &cache->lines[hash % LINES];
	for (uint32_t way = 0; way < WAYS; way++) {
		if (line->marks[way] == mark && line->lens[way] == len && len > 0 &&
		    is_valid(cache, line->places[way]) &&
		    key_equal(cache->ring + line->places[way] % RING_BYTES, key, len))
			return line->ids[way];
	}
	return remember(cache, hash, key, len);
}
