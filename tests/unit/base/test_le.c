/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes of the wire as numbers: by their place, not by the machine. */
#include "pipeline/base/le.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const uint8_t bytes[] = {0xff, 0x01, 0x02, 0x03, 0x84, 0x05, 0x06, 0x07, 0x88, 0xff};

static void the_first_byte_counts_least(void **state)
{
	(void)state;
	assert_int_equal(le_read32(bytes + 1), 0x84030201);
	assert_int_equal(le_read64(bytes + 1), UINT64_C(0x8807060584030201));
}

static void what_is_written_is_what_was_read(void **state)
{
	(void)state;
	for (size_t at = 0; at + 8 <= sizeof(bytes); at++) {
		uint8_t out[10] = {0};
		le_write64(out + 1, le_read64(bytes + at));
		assert_memory_equal(out + 1, bytes + at, 8);
		assert_int_equal(out[0] | out[9], 0);
		le_write32(out + 3, le_read32(bytes + at));
		assert_memory_equal(out + 3, bytes + at, 4);
		assert_int_equal(out[7], bytes[at + 6]);
	}
}

static void doubles_are_written_by_their_bits(void **state)
{
	static const uint8_t one[] = {0, 0, 0, 0, 0, 0, 0xf0, 0x3f};
	uint8_t out[8];
	(void)state;
	le_write_double(out, 1.0);
	assert_memory_equal(out, one, sizeof(one));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_byte_counts_least),
		cmocka_unit_test(what_is_written_is_what_was_read),
		cmocka_unit_test(doubles_are_written_by_their_bits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
