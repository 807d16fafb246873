/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/base/budget.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>

static void takes_to_the_last_byte_and_counts_refusals(void **state)
{
	(void)state;
	struct budget budget;
	budget_init(&budget, 100);
	assert_true(budget_take(&budget, 60));
	assert_false(budget_take(&budget, 41));
	assert_true(budget_take(&budget, 40));
	assert_true(budget_take(&budget, 0));
	assert_false(budget_take(&budget, 1));
	assert_int_equal(budget_used(&budget), 100);
	assert_true(budget.refusals == 2);
	budget_give(&budget, 100);
	assert_int_equal(budget_used(&budget), 0);
	assert_true(budget.peak == 100);
}

static void cannot_be_overflowed_by_a_huge_take(void **state)
{
	(void)state;
	struct budget budget;
	budget_init(&budget, 100);
	assert_true(budget_take(&budget, 10));
	assert_false(budget_take(&budget, SIZE_MAX));
	assert_false(budget_take(&budget, SIZE_MAX - 9));
	assert_int_equal(budget_used(&budget), 10);
}

static void force_goes_over_the_limit_and_blocks_takes_until_given_back(void **state)
{
	(void)state;
	struct budget budget;
	budget_init(&budget, 100);
	budget_force(&budget, 150);
	assert_int_equal(budget_used(&budget), 150);
	assert_true(budget.peak == 150);
	assert_false(budget_take(&budget, 0));
	budget_give(&budget, 100);
	assert_true(budget_take(&budget, 50));
}

enum { THREADS = 4, ROUNDS = 20000, TAKE_BYTES = 3, LIMIT_BYTES = 7 };

static void *take_and_give(void *arg)
{
	struct budget *budget = arg;
	size_t got = 0;
	for (int i = 0; i < ROUNDS; i++) {
		if (!budget_take(budget, TAKE_BYTES))
			continue;
		got++;
		budget_give(budget, TAKE_BYTES);
	}
	return (void *)got;
}

static void threads_never_hold_more_than_the_limit(void **state)
{
	(void)state;
	struct budget budget;
	budget_init(&budget, LIMIT_BYTES);
	pthread_t threads[THREADS];
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, take_and_give, &budget), 0);
	size_t got = 0;
	for (size_t i = 0; i < THREADS; i++) {
		void *result;
		assert_int_equal(pthread_join(threads[i], &result), 0);
		got += (size_t)result;
	}
	assert_int_equal(budget_used(&budget), 0);
	assert_true(budget.peak <= LIMIT_BYTES);
	assert_true(got + budget.refusals == (size_t)THREADS * ROUNDS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_to_the_last_byte_and_counts_refusals),
		cmocka_unit_test(cannot_be_overflowed_by_a_huge_take),
		cmocka_unit_test(force_goes_over_the_limit_and_blocks_takes_until_given_back),
		cmocka_unit_test(threads_never_hold_more_than_the_limit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
