/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/trace/otlp/builder.h"

#include "pipeline/trace/otlp/edit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct budget budget;

static int reset_budget(void **state)
{
	(void)state;
	budget_init(&budget, UINT64_MAX);
	return 0;
}

static int check_budget(void **state)
{
	(void)state;
	assert_int_equal(budget_used(&budget), 0);
	return 0;
}

static void assert_bytes(struct trace_builder *builder, const void *bytes, size_t len)
{
	struct err err = {.msg = ""};
	struct chunk *chunk = trace_builder_take(builder, 7, &err);
	assert_non_null(chunk);
	assert_int_equal(chunk->len, len);
	assert_memory_equal(chunk->data, bytes, len);
	assert_int_equal(chunk->span_count, 7);
	chunk_unref(chunk);
}

static void each_wire_type_is_written_as_the_encoding_guide_says(void **state)
{
	(void)state;
	static const uint8_t expected[] = {
		0x08, 0x96, 0x01,				      /* 1: varint 150 */
		0x15, 0x04, 0x03, 0x02, 0x01,			      /* 2: fixed32 */
		0x19, 0x08, 0x07, 0x06, 0x05, 0x04, 0x03, 0x02, 0x01, /* 3: fixed64 */
		0x22, 0x02, 'a',  'b',				      /* 4: bytes */
		0x2a, 0x00,					      /* 5: empty bytes */
		0x82, 0x01, 0x01, 'x',				      /* 16: two-byte tag */
	};
	struct trace_builder builder;
	trace_builder_init(&builder, &budget);
	trace_builder_varint(&builder, 1, 150);
	trace_builder_fixed32(&builder, 2, 0x01020304);
	trace_builder_fixed64(&builder, 3, UINT64_C(0x0102030405060708));
	trace_builder_bytes(&builder, 4, SLICE("ab"));
	trace_builder_bytes(&builder, 5, SLICE(""));
	trace_builder_text(&builder, 6, SLICE(""));
	trace_builder_text(&builder, 16, SLICE("x"));
	assert_bytes(&builder, expected, sizeof(expected));
}

static void values_of_each_type_become_their_member(void **state)
{
	static const struct {
		struct value value;
		uint8_t bytes[16];
		size_t len;
	} cases[] = {
		{{.type = VALUE_EMPTY}, {0x0a, 0x00}, 2},
		{{.type = VALUE_STRING, .bytes = SLICE_INIT("")}, {0x0a, 0x02, 0x0a, 0x00}, 4},
		{{.type = VALUE_STRING, .bytes = SLICE_INIT("s")},
		 {0x0a, 0x03, 0x0a, 0x01, 's'},
		 5},
		{{.type = VALUE_BYTES, .bytes = SLICE_INIT("b")}, {0x0a, 0x03, 0x3a, 0x01, 'b'}, 5},
		{{.type = VALUE_BOOL, .i = 1}, {0x0a, 0x02, 0x10, 0x01}, 4},
		{{.type = VALUE_INT, .i = 5}, {0x0a, 0x02, 0x18, 0x05}, 4},
		{{.type = VALUE_INT, .i = -1},
		 {0x0a, 0x0b, 0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01},
		 13},
		{{.type = VALUE_DOUBLE, .d = 1.0},
		 {0x0a, 0x09, 0x21, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f},
		 11},
		{{.type = VALUE_ARRAY}, {0x0a, 0x02, 0x2a, 0x00}, 4},
		{{.type = VALUE_KVLIST}, {0x0a, 0x02, 0x32, 0x00}, 4},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct trace_builder builder;
		trace_builder_init(&builder, &budget);
		trace_builder_value(&builder, 1, cases[i].value);
		assert_bytes(&builder, cases[i].bytes, cases[i].len);
	}
}

static void arrays_are_nested_in_key_and_value(void **state)
{
	static const uint8_t expected[] = {0x4a, 0x0d, 0x0a, 0x01, 'k',	 0x12, 0x08, 0x2a,
					   0x06, 0x0a, 0x04, 0x0a, 0x02, 'v',  'w'};
	(void)state;
	struct trace_builder builder;
	trace_builder_init(&builder, &budget);
	trace_builder_begin_array(&builder, SPAN_ATTRIBUTES, SLICE("k"));
	trace_builder_value(&builder, ARRAY_VALUE_VALUES, value_of_str(SLICE("vw")));
	trace_builder_end_array(&builder);
	assert_bytes(&builder, expected, sizeof(expected));
}

static void a_length_of_two_bytes_moves_the_content_up_by_two(void **state)
{
	static const uint8_t text[200] = {1, 2, 3};
	uint8_t expected[206] = {0x0a, 0xcb, 0x01, 0x12, 0xc8, 0x01};
	(void)state;
	memcpy(expected + 6, text, sizeof(text));
	struct trace_builder builder;
	trace_builder_init(&builder, &budget);
	trace_builder_begin(&builder, 1);
	trace_builder_bytes(&builder, 2, slice_of(text, sizeof(text)));
	assert_bytes(&builder, expected, sizeof(expected)); /* taking closes what is open */
}

static void what_does_not_fit_is_reported_once_at_the_end(void **state)
{
	struct err err = {.msg = ""};
	struct trace_builder builder;
	static const uint8_t text[8192];
	(void)state;
	budget_init(&budget, 8000);
	trace_builder_init(&builder, &budget);
	trace_builder_begin(&builder, 1);
	trace_builder_bytes(&builder, 2, slice_of(text, sizeof(text)));
	trace_builder_end(&builder);
	assert_null(trace_builder_take(&builder, 0, &err));
	assert_int_equal(err.kind, ERR_NOMEM);
	assert_int_equal(budget_used(&budget), 0);

	budget_init(&budget, 10);
	trace_builder_init(&builder, &budget);
	trace_builder_varint(&builder, 1, 1);
	assert_null(trace_builder_take(&builder, 0, &err));
	assert_int_equal(err.kind, ERR_NOMEM);
}

static void nesting_too_deep_is_a_limit(void **state)
{
	struct err err = {.msg = ""};
	struct trace_builder builder;
	(void)state;
	trace_builder_init(&builder, &budget);
	for (int i = 0; i < TRACE_BUILDER_DEPTH_MAX; i++)
		trace_builder_begin(&builder, 1);
	trace_builder_begin(&builder, 1);
	assert_null(trace_builder_take(&builder, 0, &err));
	assert_int_equal(err.kind, ERR_LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			each_wire_type_is_written_as_the_encoding_guide_says, reset_budget,
			check_budget),
		cmocka_unit_test_setup_teardown(values_of_each_type_become_their_member,
						reset_budget, check_budget),
		cmocka_unit_test_setup_teardown(arrays_are_nested_in_key_and_value, reset_budget,
						check_budget),
		cmocka_unit_test_setup_teardown(a_length_of_two_bytes_moves_the_content_up_by_two,
						reset_budget, check_budget),
		cmocka_unit_test_setup_teardown(what_does_not_fit_is_reported_once_at_the_end,
						reset_budget, check_budget),
		cmocka_unit_test_setup_teardown(nesting_too_deep_is_a_limit, reset_budget,
						check_budget),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
