/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pipeline/config/internal.h"

#define SECOND UINT64_C(1000000000)

static const struct {
	const char *text;
	uint64_t ns;
} good[] = {
	{"0", 0},
	{"+0", 0},
	{"-0s", 0},
	{"200ms", 200000000},
	{"1h2m3.5s", 3723 * SECOND + SECOND / 2},
	{"1.5h", 5400 * SECOND},
	{".5s", SECOND / 2},
	{"5.s", 5 * SECOND},
	{"1ns", 1},
	{"1.9ns", 1},
	{"1us", 1000},
	{"1\xc2\xb5s", 1000},
	{"1\xce\xbcs", 1000},
	{"+3s", 3 * SECOND},
	{"1s1s", 2 * SECOND},
	{"0.3333333333333333333h", UINT64_C(1199999999998)},
	{"9223372036854775807ns", INT64_MAX},
	{"2562047h47m16s", UINT64_C(2562047) * 3600 * SECOND + 2836 * SECOND},
};

static void go_durations_become_nanoseconds(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(good); i++) {
		uint64_t ns = 77;
		if (!config_parse_duration(slice_str(good[i].text), &ns))
			fail_msg("refused: %s", good[i].text);
		assert_int_equal(ns, good[i].ns);
	}
}

static const struct {
	const char *text;
	enum config_duration_fault fault;
} bad[] = {
	{"", DURATION_INVALID},		{"-", DURATION_INVALID},
	{"s", DURATION_INVALID},	{".s", DURATION_INVALID},
	{"fast", DURATION_INVALID},	{" 1s", DURATION_INVALID},
	{"5", DURATION_MISSING_UNIT},	{"1s5", DURATION_MISSING_UNIT},
	{"1.5", DURATION_MISSING_UNIT}, {"5d", DURATION_UNKNOWN_UNIT},
	{"5 s", DURATION_UNKNOWN_UNIT}, {"5S", DURATION_UNKNOWN_UNIT},
	{"-1s", DURATION_NEGATIVE},	{"9223372036854775808ns", DURATION_INVALID},
	{"2562048h", DURATION_INVALID}, {"99999999999999999999s", DURATION_INVALID},
};

static void what_go_refuses_is_refused_with_the_reason(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
		uint64_t ns = 77;
		struct slice unit;
		assert_int_equal(config_duration_parse(slice_str(bad[i].text), &ns, &unit),
				 bad[i].fault);
		assert_false(config_parse_duration(slice_str(bad[i].text), &ns));
		assert_int_equal(ns, 77);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(go_durations_become_nanoseconds),
		cmocka_unit_test(what_go_refuses_is_refused_with_the_reason),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
