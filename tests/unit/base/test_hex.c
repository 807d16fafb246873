/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/base/hex.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

static void each_byte_survives_its_digits(void **state)
{
	(void)state;
	for (int i = 0; i <= UINT8_MAX; i++) {
		char wanted[3], upper[3], made[2];
		uint8_t byte = (uint8_t)i, read;
		(void)snprintf(wanted, sizeof(wanted), "%02x", byte);
		(void)snprintf(upper, sizeof(upper), "%02X", byte);
		hex_encode(slice_of(&byte, 1), made);
		assert_memory_equal(made, wanted, 2);
		assert_true(hex_decode(slice_of(wanted, 2), &read) && read == byte);
		assert_true(hex_decode(slice_of(upper, 2), &read) && read == byte);
	}
}

static void what_is_no_digit_has_no_value(void **state)
{
	(void)state;
	static const char digits[] = "0123456789abcdefABCDEF";
	for (int i = 0; i <= UINT8_MAX; i++) {
		bool digit = i != 0 && strchr(digits, i);
		assert_int_equal(hex_value((uint8_t)i) >= 0, digit);
	}
}

static void half_a_byte_is_refused(void **state)
{
	(void)state;
	uint8_t out[2];
	assert_true(hex_decode(SLICE(""), out));
	assert_false(hex_decode(SLICE("abc"), out));
	assert_false(hex_decode(SLICE("a"), out));
	assert_false(hex_decode(SLICE("ag"), out));
	assert_false(hex_decode(SLICE("g0"), out));
	assert_false(hex_decode(SLICE("0x"), out));
}

static void an_escape_has_two_digits(void **state)
{
	(void)state;
	assert_int_equal(percent_value(SLICE("a%20b"), 1), ' ');
	assert_int_equal(percent_value(SLICE("%fF"), 0), 0xff);
	assert_int_equal(percent_value(SLICE("%00"), 0), 0);
	assert_int_equal(percent_value(SLICE("a%2"), 1), -1);
	assert_int_equal(percent_value(SLICE("a%"), 1), -1);
	assert_int_equal(percent_value(SLICE("%g0"), 0), -1);
	assert_int_equal(percent_value(SLICE("%0g"), 0), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_byte_survives_its_digits),
		cmocka_unit_test(what_is_no_digit_has_no_value),
		cmocka_unit_test(half_a_byte_is_refused),
		cmocka_unit_test(an_escape_has_two_digits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
