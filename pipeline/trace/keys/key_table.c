/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Registration of keys and patterns, and the probe tables over them. All of it is start-up work on
 * a few hundred texts: registering searches linearly, only freezing hashes.
 */
#include "pipeline/trace/keys/key_table.h"

#include "pipeline/base/assert.h"
#include "pipeline/trace/keys/key_table_internal.h"

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
	for (size_t i = 0; i < table->pattern_count; i++)
		key_pattern_fini(&table->patterns[i]);
	free(table->keys);
	free(table->patterns);
	free(table->keys_by_text.at);
	key_match_free(table);
	free(table);
}

static key_id find_registered(const struct key_table *table, struct slice key)
{
	for (size_t i = 0; i < table->key_count; i++) {
		if (slice_equal(table->keys[i], key))
			return (key_id)(i + 1);
	}
	return KEY_ID_NONE;
}

/* ${array}, with room for one more than ${count} elements; NULL when memory is short. */
static void *grow(void *array, size_t count, size_t *cap, size_t element_bytes)
{
	if (count < *cap)
		return array;
	size_t wanted = *cap ? *cap * 2 : 32;
	void *grown = realloc(array, wanted * element_bytes);
	if (grown)
		*cap = wanted;
	return grown;
}

static void *no_memory(struct err *err)
{
	(void)err_set(err, ERR_NOMEM, "out of memory for an attribute key");
	return NULL;
}

key_id key_table_add(struct key_table *table, struct slice key, struct err *err)
{
	ASSERT(!table->keys_by_text.at);
	key_id known = find_registered(table, key);
	if (known != KEY_ID_NONE)
		return known;
	if (table->key_count == KEY_TABLE_KEYS_MAX || key.len > UINT16_MAX) {
		(void)err_set(err, ERR_LIMIT, "more than %d attribute keys, or one over %d bytes",
			      KEY_TABLE_KEYS_MAX, UINT16_MAX);
		return KEY_ID_NONE;
	}
	struct slice *keys =
		grow(table->keys, table->key_count, &table->key_cap, sizeof(*table->keys));
	if (keys)
		table->keys = keys;
	uint8_t *copy = keys ? malloc(key.len + 1) : no_memory(err);
	if (!copy) {
		(void)no_memory(err);
		return KEY_ID_NONE;
	}
	if (key.len > 0)
		memcpy(copy, key.ptr, key.len);
	table->keys[table->key_count++] = slice_of(copy, key.len);
	return (key_id)table->key_count;
}

pattern_id key_table_add_pattern(struct key_table *table, struct slice text, struct err *err)
{
	ASSERT(!table->keys_by_text.at);
	for (size_t i = 0; i < table->pattern_count; i++) {
		if (slice_equal(table->patterns[i].text, text))
			return (pattern_id)(i + 1);
	}
	if (table->pattern_count == KEY_PATTERNS_MAX) {
		(void)err_set(err, ERR_LIMIT, "more than %d patterns of attribute keys",
			      KEY_PATTERNS_MAX);
		return 0;
	}
	struct key_pattern *patterns = grow(table->patterns, table->pattern_count,
					    &table->pattern_cap, sizeof(*table->patterns));
	if (!patterns) {
		(void)no_memory(err);
		return 0;
	}
	table->patterns = patterns;
	struct key_pattern *pattern = &patterns[table->pattern_count];
	if (key_pattern_init(pattern, text, err) != 0)
		return 0;
	if (pattern->kind == PATTERN_EXACT &&
	    key_table_add(table, pattern->literal, err) == KEY_ID_NONE) {
		key_pattern_fini(pattern);
		return 0;
	}
	return (pattern_id)++table->pattern_count;
}

bool key_slots_init(struct key_slots *slots, size_t count)
{
	size_t slot_count = SLOTS_MIN;
	while (slot_count < count * SLOTS_PER_KEY)
		slot_count *= 2;
	slots->at = calloc(slot_count, sizeof(*slots->at));
	slots->mask = slot_count - 1;
	return slots->at != NULL;
}

uint16_t key_slots_add(struct key_slots *slots, struct hash_key hash_key, struct slice text,
		       uint16_t id)
{
	uint64_t hash = hash_bytes(hash_key, text.ptr, text.len);
	uint16_t known = key_slots_probe(slots, hash, text.ptr, text.len);
	if (known != 0)
		return known;
	uint64_t at = hash & slots->mask;
	while (slots->at[at].id != 0)
		at = (at + 1) & slots->mask;
	slots->at[at] = (struct key_slot){.key = text.ptr,
					  .mark = (uint32_t)(hash >> 32),
					  .len = (uint16_t)text.len,
					  .id = id};
	return id;
}

int key_table_freeze(struct key_table *table, struct err *err)
{
	ASSERT(!table->keys_by_text.at);
	table->hash = hash_key_random();
	if (!key_slots_init(&table->keys_by_text, table->key_count))
		return err_set(err, ERR_NOMEM, "out of memory for the table of attribute keys");
	for (size_t i = 0; i < table->key_count; i++) {
		struct slice key = table->keys[i];
		uint32_t mark = key_mark(hash_bytes(table->hash, key.ptr, key.len));
		table->key_marks[mark / 64] |= UINT64_C(1) << (mark % 64);
		(void)key_slots_add(&table->keys_by_text, table->hash, key, (key_id)(i + 1));
	}
	return table->pattern_count > 0 ? key_match_freeze(table, err) : 0;
}

key_id key_table_find(const struct key_table *table, struct slice key)
{
	return key_table_probe(table, key.ptr, key.len);
}

struct slice key_table_text(const struct key_table *table, key_id id)
{
	return key_id_is_exact(id) && id <= table->key_count ? table->keys[id - 1] : SLICE("");
}

bool key_table_has_patterns(const struct key_table *table)
{
	return table->pattern_count > 0;
}
