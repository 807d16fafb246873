/* SPDX-License-Identifier: Apache-2.0 */
/* What the descriptors' tables have to be, for all components at once. */
#include "pipeline/graph/component.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

struct inner {
	bool a;
};

struct outer {
	bool a, b;
	struct inner inner;
};

static const struct config_field sound_inner[] = {
	CONFIG_BOOL(struct inner, a, "a", "false", ""),
};
static const struct config_block sound_inner_block = CONFIG_BLOCK(struct inner, sound_inner);

static const struct config_field twice_inner[] = {
	CONFIG_BOOL(struct inner, a, "x", "false", ""),
	CONFIG_IGNORED(BOOL, "x", ""),
};
static const struct config_block twice_inner_block = CONFIG_BLOCK(struct inner, twice_inner);

static const struct config_field sound[] = {
	CONFIG_BOOL(struct outer, a, "a", "false", ""),
	CONFIG_BOOL(struct outer, b, "b", "false", ""),
	CONFIG_SUB(struct outer, inner, "inner", &sound_inner_block, ""),
};
static const struct config_field twice[] = {
	CONFIG_BOOL(struct outer, a, "a", "false", ""),
	CONFIG_BOOL(struct outer, b, "b", "false", ""),
	CONFIG_BOOL(struct outer, b, "a", "false", ""),
};
static const struct config_field twice_inside[] = {
	CONFIG_BOOL(struct outer, a, "a", "false", ""),
	CONFIG_SUB(struct outer, inner, "inner", &twice_inner_block, ""),
};

static void a_key_that_stands_twice_is_found(void **state)
{
	(void)state;
	const struct config_block blocks[] = {CONFIG_BLOCK(struct outer, sound),
					      CONFIG_BLOCK(struct outer, twice),
					      CONFIG_BLOCK(struct outer, twice_inside)};
	assert_null(config_block_repeated_key(&blocks[0]));
	assert_string_equal(config_block_repeated_key(&blocks[1]), "a");
	assert_string_equal(config_block_repeated_key(&blocks[2]), "x");
}

static void no_component_has_a_key_twice(void **state)
{
	(void)state;
	size_t count;
	const struct component_type *const *types = component_list(&count);
	assert_true(count > 0);
	for (size_t i = 0; i < count; i++) {
		const struct config_block *block = types[i]->config;
		const char *key = block ? config_block_repeated_key(block) : NULL;
		if (key)
			fail_msg("%s has %s twice", types[i]->names[0], key);
	}
}

/* Two rows with the same labels would be summed up, and count what is not the same. */
static void no_component_has_a_series_twice(void **state)
{
	(void)state;
	size_t count, tables = 0;
	const struct component_type *const *types = component_list(&count);
	for (size_t i = 0; i < count; i++) {
		const struct metric_table *table = types[i]->metrics;
		tables += table != NULL;
		for (size_t a = 0; table && a < table->count; a++) {
			for (size_t b = 0; b < a; b++) {
				const struct metric_row *one = &table->rows[a],
							*two = &table->rows[b];
				bool same = strcmp(one->desc->name, two->desc->name) == 0;
				for (size_t l = 0; same && l < ARRAY_COUNT(one->labels); l++)
					same = slice_equal(slice_str(one->labels[l]),
							   slice_str(two->labels[l]));
				if (same || one->offset == two->offset)
					fail_msg("%s: %s", types[i]->names[0], one->desc->name);
			}
		}
	}
	assert_true(tables >= 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_that_stands_twice_is_found),
		cmocka_unit_test(no_component_has_a_key_twice),
		cmocka_unit_test(no_component_has_a_series_twice),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
