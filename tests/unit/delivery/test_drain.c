/* SPDX-License-Identifier: Apache-2.0 */
/* The measured drain rate and the waits that follow from it, on a clock that the test moves. */
#include "pipeline/base/compiler.h"
#include "pipeline/delivery/drain.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { START_S = 1000 };

static uint64_t now_ns;

static uint64_t wait_ms(struct drain *drain, uint64_t missing, uint64_t units)
{
	return (drain_wait(drain, missing, units, now_ns).turn_ns + NS_PER_MS / 2) / NS_PER_MS;
}

/* ${count} times ${units} leave, ${ms} after each other; the queue is never empty. */
static void work(struct drain *drain, unsigned count, uint64_t units, uint64_t ms)
{
	for (unsigned i = 0; i < count; i++) {
		now_ns += ms * NS_PER_MS;
		drain_taken(drain, units, false, now_ns);
	}
}

static void begin(struct drain *drain)
{
	now_ns = START_S * NS_PER_S;
	drain_init(drain);
	drain_begin(drain, now_ns);
}

static void the_wait_is_the_missing_room_over_the_measured_rate(void **state)
{
	static const struct {
		uint64_t units, ms, missing, wait_ms;
	} cases[] = {
		{1, 50, 1, 100}, /* the least */
		{1, 50, 10, 500},	{1, 500, 3, 1500},
		{100, 1000, 250, 2500}, {1 << 20, 10, 64 << 20, 640},
		{1, 2000, 1, 2000},	{1, 100, 1000, 30000}, /* the most */
		{3, 40000, 3, 30000},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct drain drain;
		begin(&drain);
		work(&drain, 20, cases[i].units, cases[i].ms);
		assert_int_equal(wait_ms(&drain, cases[i].missing, 1), cases[i].wait_ms);
		drain_fini(&drain);
	}
}

/* Ten senders find one place missing: the queue needs ten times as long for all of them. */
static void each_refused_sender_is_told_a_time_of_its_own(void **state)
{
	struct drain drain;
	(void)state;
	begin(&drain);
	work(&drain, 20, 1, 200);
	for (uint64_t i = 1; i <= 10; i++) {
		struct drain_wait wait = drain_wait(&drain, 1, 1, now_ns);
		assert_int_equal((wait.turn_ns + NS_PER_MS / 2) / NS_PER_MS, 200 * i);
		/* Whoever comes first finds room at the same time in all cases. */
		assert_int_equal((wait.room_ns + NS_PER_MS / 2) / NS_PER_MS, 200);
	}
	/* A large request takes the time of its size. */
	assert_int_equal(wait_ms(&drain, 5, 5), 2000 + 1000);
	/* Promises pass with time, whether their senders come or not. */
	work(&drain, 10, 1, 200);
	assert_int_equal(wait_ms(&drain, 1, 1), 1000 + 200);
	work(&drain, 100, 1, 200);
	assert_int_equal(wait_ms(&drain, 1, 1), 200);
	drain_fini(&drain);
}

/* Shorter than the least wait are steps between senders: a fast queue serves many in that time. */
static void a_fast_queue_makes_nobody_queue_up(void **state)
{
	struct drain drain;
	(void)state;
	begin(&drain);
	work(&drain, 2000, 1, 1);
	for (int i = 0; i < 99; i++)
		assert_int_equal(wait_ms(&drain, 1, 1), 100);
	assert_int_equal(wait_ms(&drain, 1, 1), 100);
	assert_int_equal(wait_ms(&drain, 1, 1), 101);
	drain_fini(&drain);
}

static void only_a_failing_backend_gives_its_back_off(void **state)
{
	struct drain drain;
	(void)state;
	begin(&drain);
	drain_failing(&drain, now_ns + 5 * NS_PER_S, now_ns);
	assert_int_equal(wait_ms(&drain, 1, 1), 5000);
	now_ns += 4 * NS_PER_S;
	assert_int_equal(wait_ms(&drain, 1, 1), 1000);
	drain_failing(&drain, now_ns + 300 * NS_PER_S, now_ns);
	assert_int_equal(wait_ms(&drain, 1, 1), 30000);
	now_ns += 300 * NS_PER_S;
	/* It takes again, as fast as it ever did: the outage is no part of the measurement. */
	drain_working(&drain, now_ns);
	work(&drain, 20, 1, 500);
	assert_int_equal(wait_ms(&drain, 1, 1), 500);
	drain_fini(&drain);
}

/* One request after the other fails while the rest is taken: the rate is that of what is taken, and
 * nobody is told of a back-off that is not the queue's. */
static void a_backend_that_fails_now_and_then_is_measured(void **state)
{
	struct drain drain;
	(void)state;
	begin(&drain);
	for (int i = 0; i < 50; i++) {
		work(&drain, 1, 1, 200);
		drain_working(&drain, now_ns);
		drain_failing(&drain, now_ns + 20 * NS_PER_S, now_ns);
		assert_in_range(wait_ms(&drain, 1, 1), 20000, 30000);
		work(&drain, 1, 1, 200);
		drain_working(&drain, now_ns);
		/* 2 units in 400 ms, of which the half was told to be a back-off. */
		assert_in_range(wait_ms(&drain, 2, 1), 200, 400);
	}
	drain_fini(&drain);
}

static void time_in_which_nothing_leaves_makes_the_wait_longer(void **state)
{
	struct drain drain;
	(void)state;
	begin(&drain);
	/* Nothing has ever left: as long again as it has taken so far. */
	assert_int_equal(wait_ms(&drain, 1, 1), 100);
	now_ns += 3 * NS_PER_S;
	assert_int_equal(wait_ms(&drain, 1, 1), 3000);
	now_ns += 300 * NS_PER_S;
	assert_int_equal(wait_ms(&drain, 1, 1), 30000);
	drain_fini(&drain);
	/* It was fast, and hangs. */
	begin(&drain);
	work(&drain, 100, 1, 100);
	uint64_t before = wait_ms(&drain, 10, 1);
	now_ns += 20 * NS_PER_S;
	assert_int_equal(before, 1000);
	assert_in_range(wait_ms(&drain, 10, 1), 5000, 30000);
	drain_fini(&drain);
}

static void idle_time_is_not_measured(void **state)
{
	struct drain drain;
	(void)state;
	begin(&drain);
	for (int i = 0; i < 20; i++) {
		drain_begin(&drain, now_ns);
		drain_begin(&drain, now_ns + NS_PER_MS); /* it had begun */
		now_ns += 400 * NS_PER_MS;
		drain_taken(&drain, 1, true, now_ns);
		now_ns += 3600 * NS_PER_S;
	}
	assert_int_equal(wait_ms(&drain, 3, 1), 1200);
	drain_fini(&drain);
}

/* The rate of today, not of last week: after a few seconds of work the new one holds. */
static void the_measurement_follows_a_change(void **state)
{
	struct drain drain;
	(void)state;
	begin(&drain);
	work(&drain, 10000, 1, 100);
	work(&drain, 20, 1, 1000);
	assert_in_range(wait_ms(&drain, 10, 1), 9500, 10000);
	now_ns += 60 * NS_PER_S; /* promised times pass, and the stall is forgotten */
	work(&drain, 200, 1, 100);
	assert_in_range(wait_ms(&drain, 10, 1), 990, 1100);
	drain_fini(&drain);
}

static void clocks_read_out_of_order_do_no_harm(void **state)
{
	struct drain drain;
	(void)state;
	begin(&drain);
	drain_taken(&drain, 1, false, now_ns - NS_PER_S);
	drain_taken(&drain, 1, true, now_ns);
	drain_taken(&drain, 1, false, now_ns); /* ended before drain_begin was heard */
	assert_in_range(wait_ms(&drain, 1, 1), 100, 1000);
	drain_fini(&drain);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_wait_is_the_missing_room_over_the_measured_rate),
		cmocka_unit_test(each_refused_sender_is_told_a_time_of_its_own),
		cmocka_unit_test(a_fast_queue_makes_nobody_queue_up),
		cmocka_unit_test(only_a_failing_backend_gives_its_back_off),
		cmocka_unit_test(a_backend_that_fails_now_and_then_is_measured),
		cmocka_unit_test(time_in_which_nothing_leaves_makes_the_wait_longer),
		cmocka_unit_test(idle_time_is_not_measured),
		cmocka_unit_test(the_measurement_follows_a_change),
		cmocka_unit_test(clocks_read_out_of_order_do_no_harm),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
