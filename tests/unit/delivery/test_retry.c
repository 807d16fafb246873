/* SPDX-License-Identifier: Apache-2.0 */
/* When to try again: growth, jitter, the peer's wish, the end. */
#include "pipeline/base/clock.h"
#include "pipeline/delivery/retry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* The Collector's defaults, without jitter. */
static const struct retry_config plain = {.enabled = true,
					  .initial_interval_ns = 5 * NS_PER_S,
					  .max_interval_ns = 30 * NS_PER_S,
					  .max_elapsed_time_ns = 300 * NS_PER_S,
					  .randomization_factor = 0,
					  .multiplier = 1.5};

static void waits_grow_by_the_multiplier_up_to_the_longest(void **state)
{
	static const uint64_t waits_ms[] = {5000, 7500, 11250, 16875, 25312, 30000, 30000};
	struct retry_state retry = {.started_ns = 1000};
	uint64_t wait;
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(waits_ms); i++) {
		assert_true(retry_next(&plain, &retry, 1000, 0, 7, &wait));
		assert_int_equal(wait / NS_PER_MS, waits_ms[i]);
	}
}

static void jitter_spreads_over_the_whole_factor_and_no_further(void **state)
{
	static const struct {
		uint64_t random, wait_ms;
	} cases[] = {{0, 2500}, {UINT64_MAX, 7499}, {UINT64_MAX / 2, 4999}, {UINT64_MAX / 4, 3749}};
	struct retry_config config = plain;
	config.randomization_factor = 0.5;
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct retry_state retry = {.started_ns = 0};
		uint64_t wait;
		assert_true(retry_next(&config, &retry, 0, 0, cases[i].random, &wait));
		assert_in_range(wait / NS_PER_MS, cases[i].wait_ms, cases[i].wait_ms + 1);
	}
}

static void the_peer_may_ask_for_a_longer_wait(void **state)
{
	static const struct {
		uint64_t asked_ns, wait_ns;
	} cases[] = {
		{1, 5 * NS_PER_S},
		{5 * NS_PER_S + 1, 5 * NS_PER_S + 1},
		{60 * NS_PER_S, 60 * NS_PER_S},
		{UINT64_MAX, 3600 * NS_PER_S},
		{UINT64_C(18446744073) * NS_PER_S, 3600 * NS_PER_S},
	};
	struct retry_config config = plain;
	config.max_elapsed_time_ns = 0;
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct retry_state retry = {.started_ns = 0};
		uint64_t wait;
		assert_true(retry_next(&config, &retry, NS_PER_S, cases[i].asked_ns, 0, &wait));
		assert_int_equal(wait, cases[i].wait_ns);
		/* Back-off goes on from where it was. */
		assert_true(retry_next(&config, &retry, NS_PER_S, 0, 0, &wait));
		assert_int_equal(wait, 7500 * NS_PER_MS);
	}
}

static void gives_up_when_the_wait_would_end_too_late(void **state)
{
	static const struct {
		uint64_t elapsed_ns, asked_ns;
		bool again;
	} cases[] = {
		{0, 0, true},
		{295 * NS_PER_S, 0, true},
		{295 * NS_PER_S + 1, 0, false},
		{0, 300 * NS_PER_S, true},
		{0, 300 * NS_PER_S + 1, false},
		{1, UINT64_MAX, false},
		{NS_PER_S, UINT64_C(18446744073) * NS_PER_S, false},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct retry_state retry = {.started_ns = 77};
		uint64_t wait;
		assert_int_equal(retry_next(&plain, &retry, 77 + cases[i].elapsed_ns,
					    cases[i].asked_ns, 0, &wait),
				 cases[i].again);
	}
}

/* The longest duration that can be written, as every setting. */
static void the_longest_waits_do_not_overflow(void **state)
{
	struct retry_config config = plain;
	uint64_t wait;
	(void)state;
	config.initial_interval_ns = config.max_interval_ns = config.max_elapsed_time_ns =
		INT64_MAX;
	config.randomization_factor = 1;
	config.multiplier = 1000;
	struct retry_state retry = {.started_ns = 1};
	assert_true(retry_next(&config, &retry, INT64_MAX, 0, 0, &wait));
	assert_int_equal(wait, 0);
	assert_int_equal(retry.interval_ns, INT64_MAX);
	/* Twice the longest wait, as long as that ago: far beyond the end. */
	assert_false(retry_next(&config, &retry, INT64_MAX, 0, UINT64_MAX, &wait));
}

static void never_when_off_and_for_ever_without_a_limit(void **state)
{
	struct retry_config config = plain;
	struct retry_state retry = {.started_ns = 0};
	uint64_t wait;
	(void)state;
	config.max_elapsed_time_ns = 0;
	assert_true(retry_next(&config, &retry, UINT64_MAX / 2, 0, 0, &wait));
	config.enabled = false;
	assert_false(retry_next(&config, &retry, 0, 0, 0, &wait));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(waits_grow_by_the_multiplier_up_to_the_longest),
		cmocka_unit_test(jitter_spreads_over_the_whole_factor_and_no_further),
		cmocka_unit_test(the_peer_may_ask_for_a_longer_wait),
		cmocka_unit_test(gives_up_when_the_wait_would_end_too_late),
		cmocka_unit_test(the_longest_waits_do_not_overflow),
		cmocka_unit_test(never_when_off_and_for_ever_without_a_limit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
