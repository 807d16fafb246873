/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/trace/key_table.h"

#include "pipeline/trace/key_table_internal.h"

#include <assert.h>
#include <stdlib.h>

enum { SLOTS_MIN = 16, SLOTS_PER_KEY = 4 };

struct key_table *key_table_new(void)
{
	return calloc(1, sizeof(struct key_table));
}

void key_table_free(struct key_table *table)
{
	if (!table)
		return;
	for (size_t i = 0; i < table->key_count; i++)
		free((void *)(uintptr_t)table->keys[i].ptr);
	free(table->keys);
	free(table->slots);
	free(table);
}

/* Registration is start-up work on a few dozen keys: a linear search will do. */
static key_id find_registered(const struct key_table *table, struct slice key)
{
	for (size_t i = 0; i < table->key_count; i++) {
		if (slice_equal(table->keys[i], key))
			return (key_id)(i + 1);
	}
	return KEY_ID_NONE;
}

static bool grow_keys(struct key_table *table)
{
	if (table->key_count < table->key_cap)
		return true;
	size_t cap = table->key_cap ? table->key_cap * 2 : 32;
	struct slice *keys = realloc(table->keys, cap * sizeof(*keys));
	if (!keys)
		return false;
	table->keys = keys;
	table->key_cap = cap;
	return true;
}

key_id key_table_add(struct key_table *table, struct slice key, struct err *err)
{
	assert(!table->slots);
	key_id known = find_registered(table, key);
	if (known != KEY_ID_NONE)
		return known;
	if (table->key_count == KEY_TABLE_KEYS_MAX || key.len > UINT16_MAX) {
		(void)err_set(err, ERR_LIMIT, "more than %d attribute keys, or one over %d bytes",
			      KEY_TABLE_KEYS_MAX, UINT16_MAX);
		return KEY_ID_NONE;
	}
	uint8_t *copy = grow_keys(table) ? malloc(key.len + 1) : NULL;
	if (!copy) {
		(void)err_set(err, ERR_NOMEM, "out of memory for an attribute key");
		return KEY_ID_NONE;
	}
	if (key.len > 0)
		memcpy(copy, key.ptr, key.len);
	table->keys[table->key_count++] = slice_of(copy, key.len);
	return (key_id)table->key_count;
}

int key_table_freeze(struct key_table *table, struct err *err)
{
	assert(!table->slots);
	size_t slot_count = SLOTS_MIN;
	while (slot_count < table->key_count * SLOTS_PER_KEY)
		slot_count *= 2;
	struct key_slot *slots = calloc(slot_count, sizeof(*slots));
	if (!slots)
		return err_set(err, ERR_NOMEM, "out of memory for the table of attribute keys");
	table->hash = hash_key_random();
	table->slot_mask = slot_count - 1;
	for (size_t i = 0; i < table->key_count; i++) {
		struct slice key = table->keys[i];
		uint64_t hash = hash_bytes(table->hash, key.ptr, key.len);
		uint64_t at = hash & table->slot_mask;
		while (slots[at].id != KEY_ID_NONE)
			at = (at + 1) & table->slot_mask;
		slots[at] = (struct key_slot){
			.key = key.ptr,
			.mark = (uint32_t)(hash >> 32),
			.len = (uint16_t)key.len,
			.id = (key_id)(i + 1),
		};
	}
	table->slots = slots;
	return 0;
}

key_id key_table_find(const struct key_table *table, struct slice key)
{
	return key_table_probe(table, key.ptr, key.len);
}
