/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <time.h>

static void the_monotonic_clock_never_goes_back(void **state)
{
	(void)state;
	uint64_t before = clock_monotonic_ns();
	for (int i = 0; i < 10000; i++) {
		uint64_t now = clock_monotonic_ns();
		assert_true(now >= before);
		before = now;
	}
}

static void the_wall_clock_counts_from_the_epoch(void **state)
{
	(void)state;
	time_t before = time(NULL);
	uint64_t now = clock_wall_ns();
	time_t after = time(NULL);
	/* time(2) may lag by a tick of the kernel behind the precise clock. */
	assert_true(now / NS_PER_S + 1 >= (uint64_t)before);
	assert_true(now / NS_PER_S <= (uint64_t)after + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_monotonic_clock_never_goes_back),
		cmocka_unit_test(the_wall_clock_counts_from_the_epoch),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
