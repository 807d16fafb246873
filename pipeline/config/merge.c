/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overlaying configurations as the Collector does: maps are merged key by key, everything else
 * (lists too, and an explicit null) replaces what was there. Trees are not changed; parts that no
 * overlay touches are shared. Recursion is bounded by CONFIG_DEPTH_MAX.
 */
#include "pipeline/config/internal.h"

static bool overlay(struct config_map *map, struct config_entry over)
{
	struct config_entry *entry = config_map_find(map, over.key);
	if (!entry)
		return config_map_add(map, over);
	entry->node = config_merge(map->arena, entry->node, over.node);
	entry->key_loc = over.key_loc;
	return entry->node != NULL;
}

struct config_node *config_merge(struct arena *arena, struct config_node *base,
				 struct config_node *over)
{
	struct config_map map;
	if (base->kind != CONFIG_MAP || over->kind != CONFIG_MAP)
		return over;
	config_map_init(&map, arena);
	for (size_t i = 0; i < base->count; i++) {
		if (!config_map_add(&map, base->entries[i]))
			return NULL;
	}
	for (size_t i = 0; i < over->count; i++) {
		if (!overlay(&map, over->entries[i]))
			return NULL;
	}
	return config_map_finish(&map, over->loc);
}

/* The offset of the first "::" in ${key}; its length when there is none. */
static size_t delimiter_at(struct slice key)
{
	for (size_t i = 0; i + 1 < key.len; i++) {
		if (key.ptr[i] == ':' && key.ptr[i + 1] == ':')
			return i;
	}
	return key.len;
}

/* ${node} under the parts of ${key} after the first: one map for each. */
static struct config_node *nest(struct arena *arena, struct slice key, struct config_loc loc,
				struct config_node *node)
{
	size_t at = delimiter_at(key);
	if (at == key.len)
		return node;
	struct slice rest = slice_of(key.ptr + at + 2, key.len - at - 2);
	struct config_map map;
	config_map_init(&map, arena);
	node = nest(arena, rest, loc, node);
	struct config_entry entry = {slice_of(rest.ptr, delimiter_at(rest)), loc, node};
	return node && config_map_add(&map, entry) ? config_map_finish(&map, loc) : NULL;
}

static size_t count_parts(struct slice key)
{
	size_t parts = 1;
	for (size_t at = delimiter_at(key); at < key.len; at = delimiter_at(key), parts++)
		key = slice_of(key.ptr + at + 2, key.len - at - 2);
	return parts;
}

static bool split_entry(struct config_map *map, struct config_entry entry, size_t depth)
{
	depth += count_parts(entry.key);
	if (depth > CONFIG_DEPTH_MAX)
		return false;
	entry.node = config_split_keys(map->arena, entry.node, depth);
	if (!entry.node)
		return false;
	entry.node = nest(map->arena, entry.key, entry.key_loc, entry.node);
	entry.key = slice_of(entry.key.ptr, delimiter_at(entry.key));
	return entry.node && overlay(map, entry);
}

struct config_node *config_split_keys(struct arena *arena, struct config_node *node, size_t depth)
{
	struct config_map map;
	if (node->kind != CONFIG_MAP)
		return node;
	config_map_init(&map, arena);
	for (size_t i = 0; i < node->count; i++) {
		if (!split_entry(&map, node->entries[i], depth))
			return NULL;
	}
	return config_map_finish(&map, node->loc);
}
