/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/key_oracle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

void key_oracle_init(struct key_oracle *oracle)
{
	*oracle = (struct key_oracle){.keys = key_table_new()};
	assert_non_null(oracle->keys);
	assert_int_equal(regex_scratch_init(&oracle->scratch), 0);
}

void key_oracle_fini(struct key_oracle *oracle)
{
	for (size_t i = 0; i < oracle->count; i++) {
		regex_free(oracle->regexes[i]);
		free((void *)(uintptr_t)oracle->texts[i].ptr);
	}
	regex_scratch_fini(&oracle->scratch);
	key_cache_free(oracle->cache);
	key_table_free(oracle->keys);
}

void key_oracle_add(struct key_oracle *oracle, struct slice pattern)
{
	struct err err;
	pattern_id id = key_table_add_pattern(oracle->keys, pattern, &err);
	if (id == 0)
		fail_msg("%.*s: %s", SLICE_FMT(pattern), err.msg);
	for (size_t i = 0; i < oracle->count; i++) {
		if (oracle->ids[i] == id)
			return; /* known */
	}
	assert_true(oracle->count < KEY_ORACLE_PATTERNS_MAX);
	uint8_t *copy = malloc(pattern.len);
	assert_non_null(copy);
	memcpy(copy, pattern.ptr, pattern.len);
	oracle->texts[oracle->count] = slice_of(copy, pattern.len);
	oracle->ids[oracle->count] = id;
	if (pattern.ptr[0] == '/')
		oracle->regexes[oracle->count] =
			regex_new(slice_of(copy + 1, pattern.len - 2), &err);
	oracle->count++;
}

void key_oracle_freeze(struct key_oracle *oracle)
{
	struct err err;
	assert_int_equal(key_table_freeze(oracle->keys, &err), 0);
	oracle->cache = key_cache_new(oracle->keys);
	assert_non_null(oracle->cache);
}

static bool matches(struct key_oracle *oracle, size_t at, struct slice key)
{
	struct slice text = oracle->texts[at];
	if (oracle->regexes[at])
		return regex_search(oracle->regexes[at], key, &oracle->scratch) == REGEX_MATCH;
	if (!slice_has_suffix(text, SLICE(".*")))
		return slice_equal(text, key);
	text.len -= 2;
	return slice_has_prefix(key, text) && (key.len == text.len || key.ptr[text.len] == '.');
}

void key_oracle_check(struct key_oracle *oracle, struct slice key)
{
	key_cache_begin(oracle->cache);
	key_id id = key_cache_find(oracle->cache, key.ptr, key.len);
	struct key_set set = key_cache_set(oracle->cache, id);
	size_t found = 0;
	assert_int_not_equal(id, KEY_ID_UNRESOLVED);
	for (size_t i = 0; i < oracle->count; i++) {
		bool in_set = false;
		for (size_t j = 0; j < set.count; j++)
			in_set |= set.at[j] == oracle->ids[i];
		if (in_set != matches(oracle, i, key))
			fail_msg("%.*s and %.*s: %s", SLICE_FMT(key), SLICE_FMT(oracle->texts[i]),
				 in_set ? "found, but is no match" : "lost");
		found += in_set;
	}
	assert_int_equal(found, set.count);
	key_id exact = key_table_find(oracle->keys, key);
	if (exact != KEY_ID_NONE)
		assert_int_equal(id, exact);
	assert_int_equal(key_cache_find(oracle->cache, key.ptr, key.len), id);
}
