/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/base/ascii.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static bool among(const char *bytes, int byte)
{
	return byte != 0 && strchr(bytes, byte) != NULL;
}

static void each_byte_is_of_the_classes_of_ascii(void **state)
{
	(void)state;
	static const char lower[] = "abcdefghijklmnopqrstuvwxyz",
			  upper[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ", digits[] = "0123456789";
	for (int i = 0; i <= UINT8_MAX; i++) {
		uint8_t byte = (uint8_t)i;
		bool letter = among(lower, i) || among(upper, i);
		assert_int_equal(ascii_is_lower(byte), among(lower, i));
		assert_int_equal(ascii_is_upper(byte), among(upper, i));
		assert_int_equal(ascii_is_digit(byte), among(digits, i));
		assert_int_equal(ascii_is_letter(byte), letter);
		assert_int_equal(ascii_is_alnum(byte), letter || among(digits, i));
		assert_int_equal(ascii_lower(byte), among(upper, i) ? i + 32 : i);
		assert_int_equal(ascii_upper(byte), among(lower, i) ? i - 32 : i);
	}
}

/* RFC 9110 §5.6.2: tchar, and what it leaves out of the printable ones. */
static void a_token_has_the_characters_of_the_rfc(void **state)
{
	(void)state;
	static const char others[] = "\"(),/:;<=>?@[\\]{}";
	assert_true(ascii_is_token(SLICE("x-Langfuse_2.Header!#$%&'*+^`|~")));
	assert_false(ascii_is_token(SLICE("")));
	for (int i = 0; i <= UINT8_MAX; i++) {
		uint8_t text[] = {'a', (uint8_t)i, 'b'};
		bool fits = i > ' ' && i < 0x7f && !among(others, i);
		assert_int_equal(ascii_is_token(slice_of(text, sizeof(text))), fits);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_byte_is_of_the_classes_of_ascii),
		cmocka_unit_test(a_token_has_the_characters_of_the_rfc),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
