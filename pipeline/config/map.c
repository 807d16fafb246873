/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A map under construction: entries in order of appearance and, once there are more than a few, an
 * open-addressing table over them. Growth leaves the old arrays in the arena (at most as much
 * again); configurations are small and loaded once.
 */
#include "pipeline/config/internal.h"

#include "pipeline/base/hash.h"

enum {
	CAPACITY_FIRST = 8,
	LINEAR_MAX = 16, /* keys that a scan finds as fast as a table */
};

/* Configurations are written by the operator: a fixed key will do. */
static const struct hash_key map_hash_key = {UINT64_C(0x9e3779b97f4a7c15),
					     UINT64_C(0xd1342543de82ef95)};

void config_map_init(struct config_map *map, struct arena *arena)
{
	*map = (struct config_map){.arena = arena};
}

static size_t slot_of(const struct config_map *map, struct slice key)
{
	return (size_t)hash_bytes(map_hash_key, key.ptr, key.len) & (map->slot_count - 1);
}

struct config_entry *config_map_find(const struct config_map *map, struct slice key)
{
	if (!map->slots) {
		for (size_t i = 0; i < map->count; i++) {
			if (slice_equal(map->entries[i].key, key))
				return &map->entries[i];
		}
		return NULL;
	}
	for (size_t slot = slot_of(map, key); map->slots[slot] != 0;
	     slot = (slot + 1) & (map->slot_count - 1)) {
		struct config_entry *entry = &map->entries[map->slots[slot] - 1];
		if (slice_equal(entry->key, key))
			return entry;
	}
	return NULL;
}

static void put_slot(struct config_map *map, size_t index)
{
	size_t slot = slot_of(map, map->entries[index].key);
	while (map->slots[slot] != 0)
		slot = (slot + 1) & (map->slot_count - 1);
	map->slots[slot] = (uint32_t)(index + 1);
}

static bool grow(struct config_map *map)
{
	size_t capacity = map->capacity ? map->capacity * 2 : CAPACITY_FIRST;
	struct config_entry *entries = arena_calloc(map->arena, capacity, sizeof(*entries));
	if (!entries)
		return false;
	if (map->count > 0)
		memcpy(entries, map->entries, map->count * sizeof(*entries));
	map->entries = entries;
	map->capacity = capacity;
	if (capacity <= LINEAR_MAX)
		return true;
	map->slots = arena_calloc(map->arena, capacity * 2, sizeof(*map->slots));
	if (!map->slots)
		return false;
	map->slot_count = capacity * 2;
	for (size_t i = 0; i < map->count; i++)
		put_slot(map, i);
	return true;
}

bool config_map_add(struct config_map *map, struct config_entry entry)
{
	if (map->count == map->capacity && !grow(map))
		return false;
	map->entries[map->count++] = entry;
	if (map->slots)
		put_slot(map, map->count - 1);
	return true;
}

struct config_node *config_map_finish(struct config_map *map, struct config_loc loc)
{
	struct config_node *node = arena_calloc(map->arena, 1, sizeof(*node));
	if (!node)
		return NULL;
	node->kind = CONFIG_MAP;
	node->loc = loc;
	node->entries = map->entries;
	node->count = map->count;
	return node;
}
