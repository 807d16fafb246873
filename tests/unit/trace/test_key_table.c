/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pipeline/trace/keys/key_table.h"

#include <stdio.h>

static void an_empty_table_finds_nothing(void **state)
{
	struct err err;
	struct key_table *table = key_table_new();
	(void)state;
	assert_int_equal(key_table_freeze(table, &err), 0);
	assert_int_equal(key_table_find(table, SLICE("a")), KEY_ID_NONE);
	assert_int_equal(key_table_find(table, SLICE("")), KEY_ID_NONE);
	key_table_free(table);
}

static void the_same_key_has_the_same_id(void **state)
{
	struct err err;
	struct key_table *table = key_table_new();
	(void)state;
	key_id a = key_table_add(table, SLICE("a"), &err);
	key_id b = key_table_add(table, SLICE("b"), &err);
	key_id empty = key_table_add(table, SLICE(""), &err);
	assert_true(a != KEY_ID_NONE && b != KEY_ID_NONE && empty != KEY_ID_NONE && a != b);
	assert_int_equal(key_table_add(table, SLICE("a"), &err), a);
	assert_int_equal(key_table_freeze(table, &err), 0);
	assert_int_equal(key_table_find(table, SLICE("a")), a);
	assert_int_equal(key_table_find(table, SLICE("b")), b);
	assert_int_equal(key_table_find(table, SLICE("")), empty);
	key_table_free(table);
}

/* All lengths around the word sizes of the comparison; neighbours differ in one byte. */
static void keys_are_told_apart_at_every_byte(void **state)
{
	enum { LEN_MAX = 40 };
	struct err err;
	struct key_table *table = key_table_new();
	char key[LEN_MAX + 1];
	(void)state;
	memset(key, 'k', sizeof(key));
	for (size_t len = 1; len <= LEN_MAX; len++)
		assert_int_equal(key_table_add(table, slice_of(key, len), &err), len);
	assert_int_equal(key_table_freeze(table, &err), 0);
	for (size_t len = 1; len <= LEN_MAX; len++) {
		assert_int_equal(key_table_find(table, slice_of(key, len)), len);
		for (size_t at = 0; at < len; at++) {
			key[at] ^= 1;
			assert_int_equal(key_table_find(table, slice_of(key, len)), KEY_ID_NONE);
			key[at] ^= 1;
		}
	}
	key_table_free(table);
}

static void the_number_and_length_of_keys_are_bounded(void **state)
{
	static const uint8_t zeros[UINT16_MAX + 1];
	struct err err = {0};
	struct key_table *table = key_table_new();
	char key[16];
	(void)state;
	assert_int_equal(key_table_add(table, slice_of(zeros, sizeof(zeros)), &err), KEY_ID_NONE);
	assert_int_equal(err.kind, ERR_LIMIT);
	for (int i = 0; i < KEY_TABLE_KEYS_MAX; i++) {
		(void)snprintf(key, sizeof(key), "key.%d", i);
		assert_int_equal(key_table_add(table, slice_str(key), &err), i + 1);
	}
	err = (struct err){0};
	assert_int_equal(key_table_add(table, SLICE("one more"), &err), KEY_ID_NONE);
	assert_int_equal(err.kind, ERR_LIMIT);
	assert_int_equal(key_table_freeze(table, &err), 0);
	for (int i = 0; i < KEY_TABLE_KEYS_MAX; i++) {
		(void)snprintf(key, sizeof(key), "key.%d", i);
		assert_int_equal(key_table_find(table, slice_str(key)), i + 1);
	}
	key_table_free(table);
}

static void mask_bits_are_shared_by_ids_64_apart(void **state)
{
	(void)state;
	assert_true(key_mask_bit(KEY_ID_NONE) == 0);
	assert_true(key_mask_bit(1) == key_mask_bit(65));
	assert_true((key_mask_bit(1) & key_mask_bit(2)) == 0);
	key_table_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_table_finds_nothing),
		cmocka_unit_test(the_same_key_has_the_same_id),
		cmocka_unit_test(keys_are_told_apart_at_every_byte),
		cmocka_unit_test(the_number_and_length_of_keys_are_bounded),
		cmocka_unit_test(mask_bits_are_shared_by_ids_64_apart),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
