/* SPDX-License-Identifier: Apache-2.0 */
/* Spans counted without an index: as many as the index finds, in any request that it takes. */
#include "pipeline/trace/otlp/count_spans.h"
#include "pipeline/trace/otlp/index.h"
#include "tests/support/trace_random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void what_is_malformed_ends_its_message(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		uint32_t spans;
	} cases[] = {
		{"", 0, 0},
		{"\x0a\x00", 2, 0},
		{"\x0a\x02\x12\x00", 4, 0},
		{"\x0a\x04\x12\x02\x12\x00", 6, 1},
		{"\x0a\x06\x12\x04\x12\x00\x12\x00", 8, 2},
		/* Other fields, varints among them. */
		{"\x0a\x08\x1a\x00\x12\x04\x18\x01\x12\x00\x10\x05", 12, 1},
		/* InstrumentationLibrarySpans of old senders: field 1000. */
		{"\x0a\x05\xc2\x3e\x02\x12\x00", 7, 1},
		/* A length over its message, in each of them. */
		{"\x0a\x08\x12\x02\x12\x00", 6, 0},
		{"\x0a\x04\x12\x03\x12\x00", 6, 0},
		{"\x0a\x06\x12\x04\x12\x00\x12\x01", 8, 1},
		{"\x0a\x04\x12\x02\x12\x00\xff", 7, 1},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
		assert_int_equal(count_spans(slice_of(cases[i].bytes, cases[i].len)),
				 cases[i].spans);
}

static void finds_as_many_as_the_index(void **state)
{
	struct budget budget;
	struct trace_index index;
	struct key_table *keys = key_table_new();
	struct err err;
	uint32_t spans = 0;
	(void)state;
	assert_non_null(keys);
	assert_int_equal(key_table_freeze(keys, &err), 0);
	budget_init(&budget, UINT64_MAX);
	trace_index_init(&index, &budget, keys);
	for (uint64_t seed = 1; seed <= 300; seed++) {
		struct buf body = BUF_INIT;
		struct random_shape shape = random_shape_of(seed);
		random_request(&shape, &body);
		if (trace_index_build(&index, buf_slice(&body), &err) == 0) {
			assert_int_equal(count_spans(buf_slice(&body)), index.span_count);
			spans += index.span_count;
		}
		buf_fini(&body);
	}
	assert_true(spans > 300);
	trace_index_fini(&index);
	key_table_free(keys);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_malformed_ends_its_message),
		cmocka_unit_test(finds_as_many_as_the_index),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
