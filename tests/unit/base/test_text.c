/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers from text and as text, as Go's strconv has them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pipeline/base/text.h"

#include <math.h>

static void doubles_are_read_as_go_reads_them(void **state)
{
	static const struct {
		const char *text;
		bool is_number;
		double number;
	} cases[] = {
		{"12", true, 12},
		{"-1.5e3", true, -1500},
		{"+.5", true, 0.5},
		{"5.", true, 5},
		{"0x1p4", true, 16},
		{"0x.8p1", true, 1},
		{"1_000", true, 1000},
		{"0x_1p4", true, 16},
		{"1e1_0", true, 1e10},
		{"Infinity", true, (double)INFINITY},
		{"-inf", true, -(double)INFINITY},
		{"1e-400", true, 0},
		{"", false, 0},
		{"+", false, 0},
		{".", false, 0},
		{" 1", false, 0},
		{"1 ", false, 0},
		{"1e", false, 0},
		{"0x1F", false, 0},
		{"0xp1", false, 0},
		{"_1", false, 0},
		{"1_", false, 0},
		{"1__0", false, 0},
		{"1_.5", false, 0},
		{"1e_1", false, 0},
		{"0x1_p4", false, 0},
		{"+nan", false, 0},
		{"nan(1)", false, 0},
		{"1e400", false, 0},
		{"infinit", false, 0},
		{"1.2.3", false, 0},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		double number = 0;
		bool read = text_read_double(slice_str(cases[i].text), &number);
		if (read != cases[i].is_number || number != cases[i].number)
			fail_msg("\"%s\": %d, %g", cases[i].text, read, number);
	}
	double number = 0;
	assert_true(text_read_double(SLICE("NaN"), &number));
	assert_true(isnan(number));
	assert_false(text_read_double(SLICE("1\0"), &number));
}

static void integers_are_read_as_go_reads_them(void **state)
{
	static const struct {
		const char *text;
		bool is_number;
		int64_t number;
	} cases[] = {
		{"0", true, 0},	    {"-42", true, -42},
		{"+010", true, 10}, {"9223372036854775807", true, INT64_MAX},
		{"", false, 0},	    {"-9223372036854775808", true, INT64_MIN},
		{"-", false, 0},    {"9223372036854775808", false, 0},
		{"1_0", false, 0},  {"1.0", false, 0},
		{"0x1", false, 0},  {"--1", false, 0},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		int64_t number = 0;
		if (text_read_int(slice_str(cases[i].text), &number) != cases[i].is_number ||
		    number != cases[i].number)
			fail_msg("\"%s\": %lld", cases[i].text, (long long)number);
	}
	assert_int_equal(text_truncate(-2.75), -2);
	assert_int_equal(text_truncate(1e300), INT64_MIN);
	assert_int_equal(text_truncate((double)NAN), INT64_MIN);
}

static void plain_doubles_have_no_exponent(void **state)
{
	static const struct {
		double number;
		const char *text;
	} cases[] = {
		{1e21, "1000000000000000000000"},
		{-1.5e-7, "-0.00000015"},
		{0.1, "0.1"},
		{-0.0, "-0"},
		{(double)NAN, "NaN"},
		{(double)INFINITY, "+Inf"},
		{-(double)INFINITY, "-Inf"},
		{123456789012, "123456789012"},
	};
	(void)state;
	struct buf out = BUF_INIT;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		buf_reset(&out);
		text_append_plain_double(&out, cases[i].number);
		assert_string_equal(buf_cstr(&out), cases[i].text);
	}
	buf_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(doubles_are_read_as_go_reads_them),
		cmocka_unit_test(integers_are_read_as_go_reads_them),
		cmocka_unit_test(plain_doubles_have_no_exponent),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
