/* SPDX-License-Identifier: Apache-2.0 */
/* Increments that become true later, or never. */
#include "pipeline/base/compiler.h"
#include "pipeline/base/tally.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { COUNTERS = 1000 };

static void what_is_committed_is_added_once_and_what_is_forgotten_never(void **state)
{
	static struct counter counters[COUNTERS];
	struct tally tally = TALLY_INIT;
	(void)state;
	for (int round = 0; round < 4; round++) {
		for (unsigned i = 0; i < COUNTERS; i++) {
			tally_add(&tally, &counters[i], i);
			tally_add(&tally, &counters[i], 1);
		}
		assert_int_equal(counter_get(&counters[7]), round / 2 * 8);
		if (round % 2 == 0)
			tally_forget(&tally);
		else
			tally_commit(&tally);
		tally_commit(&tally);
	}
	assert_false(tally.failed);
	for (unsigned i = 0; i < COUNTERS; i++)
		assert_int_equal(counter_get(&counters[i]), 2 * (i + 1));
	tally_fini(&tally);
}

static void nothing_takes_no_room(void **state)
{
	struct counter counter = {0};
	struct tally tally = TALLY_INIT;
	(void)state;
	tally_add(&tally, &counter, 0);
	assert_null(tally.entries);
	tally_commit(&tally);
	assert_int_equal(counter_get(&counter), 0);
	tally_fini(&tally);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_committed_is_added_once_and_what_is_forgotten_never),
		cmocka_unit_test(nothing_takes_no_room),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
