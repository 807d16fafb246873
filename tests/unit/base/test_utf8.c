/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

/* RFC 3629 §3 by arithmetic: decode, then ask whether the shortest form was used. */
static size_t naive_sequence_len(const uint8_t *p, size_t len)
{
	static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
	if (len == 0)
		return 0;
	if (p[0] < 0x80)
		return 1;
	size_t need = p[0] >> 5 == 6 ? 2 : p[0] >> 4 == 14 ? 3 : p[0] >> 3 == 30 ? 4 : 0;
	if (need == 0 || len < need)
		return 0;
	uint32_t code = p[0] & (0x7fu >> need);
	for (size_t i = 1; i < need; i++) {
		if (p[i] >> 6 != 2)
			return 0;
		code = code << 6 | (p[i] & 0x3fu);
	}
	if (code < smallest[need] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return 0;
	return need;
}

static void agrees_with_arithmetic_on_every_two_byte_start(void **state)
{
	(void)state;
	static const uint8_t tails[] = {0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xff};
	for (unsigned first = 0; first < 256; first++) {
		for (unsigned second = 0; second < 256; second++) {
			for (size_t t = 0; t < sizeof(tails) * sizeof(tails); t++) {
				uint8_t bytes[4] = {(uint8_t)first, (uint8_t)second,
						    tails[t / sizeof(tails)],
						    tails[t % sizeof(tails)]};
				for (size_t len = 0; len <= 4; len++) {
					size_t got = utf8_sequence_len(slice_of(bytes, len));
					if (got != naive_sequence_len(bytes, len))
						fail_msg("%02x %02x, %zu bytes: %zu", first, second,
							 len, got);
				}
			}
		}
	}
}

static void valid_only_when_every_sequence_is(void **state)
{
	(void)state;
	assert_true(utf8_valid(slice_of(NULL, 0)));
	assert_true(utf8_valid(SLICE("a\0\xc3\xa4\xe2\x82\xac\xf4\x8f\xbf\xbf")));
	assert_false(utf8_valid(SLICE("abc\x80")));
	assert_false(utf8_valid(SLICE("abc\xf0\x9f\x98")));
	assert_false(utf8_valid(SLICE("\xc0\xaf")));	     /* overlong slash */
	assert_false(utf8_valid(SLICE("\xed\xbf\xbf")));     /* surrogate */
	assert_false(utf8_valid(SLICE("\xf4\x90\x80\x80"))); /* U+110000 */
}

/* All of them: what is written is whole, of the shortest form and says the same again. */
static void every_character_is_written_as_it_is_read(void **state)
{
	(void)state;
	for (uint32_t code = 0; code <= 0x10ffff; code++) {
		if (code == 0xd800)
			code = 0xe000; /* surrogates are none */
		static const uint8_t first_bits[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
		uint8_t out[4];
		size_t len = utf8_encode(code, out);
		if (utf8_sequence_len(slice_of(out, len)) != len)
			fail_msg("U+%X", code);
		uint32_t read = out[0] & first_bits[len];
		for (size_t i = 1; i < len; i++)
			read = read << 6 | (out[i] & 0x3f);
		if (read != code)
			fail_msg("U+%X", code);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_arithmetic_on_every_two_byte_start),
		cmocka_unit_test(valid_only_when_every_sequence_is),
		cmocka_unit_test(every_character_is_written_as_it_is_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
