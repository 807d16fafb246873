/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pipeline/trace/value/value.h"
#include "tests/support/trace_wire.h"

#include <math.h>

#define S(text) SLICE_INIT(text)

struct text_case {
	struct slice any; /* content of an AnyValue */
	const char *text;
};

/* What the Collector's AsString prints for the same value. */
static const struct text_case texts[] = {
	{S(""), ""},
	{S("\x0a\x03"
	   "a\"b"),
	 "a\"b"},
	{S("\x10\x01"), "true"},
	{S("\x10\x00"), "false"},
	{S("\x18\x00"), "0"},
	{S("\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), "-1"},
	{S("\x18\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"), "-9223372036854775808"},
	{S("\x3a\x00"), ""},
	{S("\x3a\x01\x01"), "AQ=="},
	{S("\x3a\x02\x01\x02"), "AQI="},
	{S("\x3a\x03\xff\xfe\xfd"), "//79"},
	{S("\x2a\x00"), "[]"},
	{S("\x32\x00"), "{}"},
	{S("\x2a\x0f\x0a\x02\x18\x01\x0a\x03\x0a\x01x\x0a\x00\x0a\x02\x2a\x00"),
	 "[1,\"x\",null,[]]"},
	{S("\x2a\x09\x0a\x07\x3a\x05hello"), "[\"aGVsbG8=\"]"},
	{S("\x2a\x04\x0a\x02\x3a\x00"), "[null]"},
	/* keys in order, the last of equal ones */
	{S("\x32\x1b\x0a\x07\x0a\x01z\x12\x02\x18\x01\x0a\x07\x0a\x01"
	   "a\x12\x02\x18\x02\x0a\x07\x0a\x01z"
	   "\x12\x02\x18\x03"),
	 "{\"a\":2,\"z\":3}"},
	/* Go's encoder escapes the line separators; pdata tells it not to make HTML safe */
	{S("\x2a\x0d\x0a\x0b\x0a\x09<>&\xe2\x80\xa8\"\n!"), "[\"<>&\\u2028\\\"\\n!\"]"},
};

static void assert_text(struct value value, const char *expected)
{
	struct buf out = BUF_INIT;
	buf_append_str(&out, "> ");
	value_append_text(&out, value);
	assert_string_equal(buf_cstr(&out) + 2, expected);
	buf_fini(&out);
}

static void text_forms_are_those_of_the_collector(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(texts); i++)
		assert_text(value_read(texts[i].any), texts[i].text);
}

static const struct {
	double number;
	const char *text;
} doubles[] = {
	{0, "0"},
	{-0.0, "-0"},
	{1, "1"},
	{-1.5, "-1.5"},
	{0.1, "0.1"},
	{1.0 / 3, "0.3333333333333333"},
	{123456.789, "123456.789"},
	{1e-6, "0.000001"},
	{9.5e-7, "9.5e-7"},
	{1e-10, "1e-10"},
	{5e-324, "5e-324"},
	{1e20, "100000000000000000000"},
	{123456789012345678901.0, "123456789012345680000"},
	{1e21, "1e+21"},
	{1.7976931348623157e308, "1.7976931348623157e+308"},
	{(double)NAN, "NaN"},
	{(double)INFINITY, "Infinity"},
	{-(double)INFINITY, "-Infinity"},
};

static void doubles_are_printed_shortest_as_go_does(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(doubles); i++)
		assert_text((struct value){.type = VALUE_DOUBLE, .d = doubles[i].number},
			    doubles[i].text);
}

static void a_list_with_a_nan_has_no_text(void **state)
{
	(void)state;
	assert_text(value_read(SLICE("\x2a\x0f\x0a\x02\x18\x01\x0a\x09\x21\0\0\0\0\0\0\xf8\x7f")),
		    "");
}

static struct value map_of_three(void)
{
	return value_read(SLICE("\x32\x1b\x0a\x07\x0a\x01z\x12\x02\x18\x01\x0a\x07\x0a\x01"
				"a\x12\x02\x18"
				"\x02\x0a\x07\x0a\x01z\x12\x02\x18\x03"));
}

static void maps_are_read_by_key_the_last_wins(void **state)
{
	(void)state;
	struct value map = map_of_three();
	assert_int_equal(value_count(map), 3);
	assert_int_equal(value_map_get(map, SLICE("z")).i, 3);
	assert_int_equal(value_map_get(map, SLICE("a")).i, 2);
	assert_int_equal(value_map_get(map, SLICE("b")).type, VALUE_EMPTY);
	assert_int_equal(value_map_get((struct value){.type = VALUE_INT}, SLICE("a")).type,
			 VALUE_EMPTY);
}

static void arrays_are_read_by_position(void **state)
{
	struct value array = value_read(SLICE("\x2a\x08\x0a\x02\x18\x05\x0a\x02\x18\x06")), item;
	(void)state;
	assert_int_equal(value_count(array), 2);
	assert_true(value_array_get(array, 0, &item) && item.i == 5);
	assert_true(value_array_get(array, 1, &item) && item.i == 6);
	assert_false(value_array_get(array, 2, &item));
	assert_false(value_array_get(map_of_three(), 0, &item));
	assert_int_equal(value_count((struct value){.type = VALUE_STRING}), 0);
}

static void unknown_fields_are_passed_over(void **state)
{
	struct value item;
	(void)state;
	struct value array =
		value_read(SLICE("\x9a\x06\x01x\x2a\x08\x9a\x06\x01x\x0a\x02\x18\x05"));
	assert_int_equal(value_count(array), 1);
	assert_true(value_array_get(array, 0, &item) && item.i == 5);
}

struct equal_case {
	struct slice a, b;
	bool equal;
};

#define DOUBLE_1 "\x21\0\0\0\0\0\0\xf0\x3f"
#define DOUBLE_2_53 "\x21\0\0\0\0\0\0\x40\x43"
static const struct equal_case equals[] = {
	{S(""), S(""), true},
	{S(""), S("\x0a\x00"), false},
	{S("\x0a\x01x"), S("\x0a\x01x"), true},
	{S("\x0a\x01x"), S("\x3a\x01x"), false},
	{S("\x10\x01"), S("\x10\x02"), true},
	{S("\x10\x01"), S("\x18\x01"), false},
	{S("\x18\x01"), S(DOUBLE_1), true},
	{S(DOUBLE_1), S("\x18\x01"), true},
	{S(DOUBLE_1), S("\x18\x02"), false},
	{S(DOUBLE_2_53), S("\x18\x80\x80\x80\x80\x80\x80\x80\x10"), true},
	{S(DOUBLE_2_53), S("\x18\x81\x80\x80\x80\x80\x80\x80\x10"), false},
	{S("\x2a\x04\x0a\x02\x18\x01"), S("\x2a\x04\x0a\x02\x18\x01"), true},
	{S("\x2a\x04\x0a\x02\x18\x01"), S("\x2a\x04\x0a\x02\x18\x02"), false},
	{S("\x2a\x04\x0a\x02\x18\x01"), S("\x2a\x06\x0a\x02\x18\x01\x0a\x00"), false},
	{S("\x32\x0a\x0a\x03\x0a\x01"
	   "a\x0a\x03\x0a\x01"
	   "b"),
	 S("\x32\x0a\x0a\x03\x0a\x01"
	   "b\x0a\x03\x0a\x01"
	   "a"),
	 true},
	{S("\x32\x05\x0a\x03\x0a\x01"
	   "a"),
	 S("\x32\x05\x0a\x03\x0a\x01"
	   "b"),
	 false},
	{S("\x32\x05\x0a\x03\x0a\x01"
	   "a"),
	 S("\x32\x00"), false},
};

static void equality_is_deep_and_numeric(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(equals); i++) {
		struct value a = value_read(equals[i].a), b = value_read(equals[i].b);
		if (value_equal(a, b) != equals[i].equal || value_equal(b, a) != equals[i].equal)
			fail_msg("case %zu", i);
	}
	struct value nan = {.type = VALUE_DOUBLE, .d = (double)NAN};
	assert_false(value_equal(nan, nan));
	assert_false(value_equal(nan, (struct value){.type = VALUE_INT}));
}

/* Around the lengths where a length takes one byte more. */
static void items_that_are_appended_are_read_back(void **state)
{
	static const size_t lengths[] = {0,   1,     2,	    124,   125,	  126,	 127,	128,
					 129, 16379, 16380, 16381, 16382, 16383, 16384, 16385};
	static char text[20000];
	struct buf content = BUF_INIT;
	struct value item;
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(lengths); i++) {
		memset(text, 'a' + (int)i, lengths[i]);
		value_append_item(&content, slice_of(text, lengths[i]));
	}
	struct slice cursor = buf_slice(&content);
	for (size_t i = 0; i < ARRAY_COUNT(lengths); i++) {
		memset(text, 'a' + (int)i, lengths[i]);
		assert_true(value_next_item(&cursor, &item));
		assert_int_equal(item.type, VALUE_STRING);
		assert_true(slice_equal(item.bytes, slice_of(text, lengths[i])));
	}
	assert_false(value_next_item(&cursor, &item));
	buf_fini(&content);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_forms_are_those_of_the_collector),
		cmocka_unit_test(doubles_are_printed_shortest_as_go_does),
		cmocka_unit_test(a_list_with_a_nan_has_no_text),
		cmocka_unit_test(maps_are_read_by_key_the_last_wins),
		cmocka_unit_test(arrays_are_read_by_position),
		cmocka_unit_test(unknown_fields_are_passed_over),
		cmocka_unit_test(equality_is_deep_and_numeric),
		cmocka_unit_test(items_that_are_appended_are_read_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
