/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <float.h>
#include <stdlib.h>

static void appends_in_all_forms(void **state)
{
	(void)state;
	struct buf buf = BUF_INIT;
	buf_append(&buf, SLICE("a\0b"));
	buf_append_str(&buf, "cd");
	buf_append_str(&buf, NULL);
	buf_append_byte(&buf, 'e');
	buf_printf(&buf, "%03d", 7);
	buf_append_hex(&buf, SLICE("\x00\x9f\xff"));
	assert_false(buf.failed);
	assert_true(slice_equal(buf_slice(&buf), SLICE("a\0bcde007009fff")));
	buf_fini(&buf);
	assert_null(buf.data);
}

static void grows_over_many_appends_and_keeps_memory_on_reset(void **state)
{
	(void)state;
	struct buf buf = BUF_INIT;
	for (int i = 0; i < 10000; i++)
		buf_printf(&buf, "%04d", i);
	assert_int_equal(buf.len, 40000);
	for (int i = 0; i < 10000; i++) {
		char digits[5] = {0};
		memcpy(digits, buf.data + 4 * (size_t)i, 4);
		assert_int_equal(atoi(digits), i);
	}
	size_t capacity = buf.capacity;
	buf_reset(&buf);
	assert_int_equal(buf.len, 0);
	assert_int_equal(buf.capacity, capacity);
	buf_fini(&buf);
}

static void terminates_without_counting_the_zero(void **state)
{
	(void)state;
	struct buf buf = BUF_INIT;
	assert_string_equal(buf_cstr(&buf), "");
	/* Exactly full: the terminator has to make room for itself. */
	for (int i = 0; i < 128; i++)
		buf_append_byte(&buf, 'x');
	assert_int_equal(strlen(buf_cstr(&buf)), 128);
	assert_int_equal(buf.len, 128);
	buf_fini(&buf);
}

static void latches_a_failure_until_reset(void **state)
{
	(void)state;
	struct buf buf = BUF_INIT;
	buf_append_str(&buf, "before");
	buf_append(&buf, slice_of("x", SIZE_MAX));
	assert_true(buf.failed);
	buf_append_str(&buf, "after");
	assert_int_equal(buf.len, 6);
	assert_string_equal(buf_cstr(&buf), "");
	buf_reset(&buf);
	buf_append_str(&buf, "again");
	assert_string_equal(buf_cstr(&buf), "again");
	buf_fini(&buf);
}

static void escapes_the_inside_of_json_strings(void **state)
{
	(void)state;
	static const struct {
		struct slice in;
		const char *out;
	} cases[] = {
		{SLICE_INIT("plain / text"), "plain / text"},
		{SLICE_INIT("\"\\\n\r\t\b\f"), "\\\"\\\\\\n\\r\\t\\b\\f"},
		{SLICE_INIT("\x00\x01\x1f\x7f"), "\\u0000\\u0001\\u001f\x7f"},
		{SLICE_INIT("\xc3\xa4\xf0\x9f\x98\x80"), "\xc3\xa4\xf0\x9f\x98\x80"},
		/* One replacement for each byte that begins no sequence. */
		{SLICE_INIT("a\xff\xfe"), "a\xef\xbf\xbd\xef\xbf\xbd"},
		{SLICE_INIT("\xe2\x82"), "\xef\xbf\xbd\xef\xbf\xbd"},
		{SLICE_INIT("\xed\xa0\x80z"), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz"},
	};
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct buf buf = BUF_INIT;
		buf_append_json(&buf, cases[i].in);
		assert_string_equal(buf_cstr(&buf), cases[i].out);
		buf_fini(&buf);
	}
}

static void prints_doubles_short_and_exact(void **state)
{
	(void)state;
	static const struct {
		double value;
		const char *text;
	} cases[] = {
		{0.1, "0.1"}, {0, "0"}, {-2.5, "-2.5"}, {1e300, "1e+300"}, {123456789, "123456789"},
	};
	struct buf buf = BUF_INIT;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		buf_reset(&buf);
		buf_append_double(&buf, cases[i].value);
		assert_string_equal(buf_cstr(&buf), cases[i].text);
	}
	static const double exact[] = {1.0 / 3, 0.1 + 0.2, DBL_MAX, DBL_MIN, -4.9e-324};
	for (size_t i = 0; i < ARRAY_COUNT(exact); i++) {
		buf_reset(&buf);
		buf_append_double(&buf, exact[i]);
		assert_true(strtod(buf_cstr(&buf), NULL) == exact[i]);
	}
	buf_fini(&buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(appends_in_all_forms),
		cmocka_unit_test(grows_over_many_appends_and_keeps_memory_on_reset),
		cmocka_unit_test(terminates_without_counting_the_zero),
		cmocka_unit_test(latches_a_failure_until_reset),
		cmocka_unit_test(escapes_the_inside_of_json_strings),
		cmocka_unit_test(prints_doubles_short_and_exact),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
