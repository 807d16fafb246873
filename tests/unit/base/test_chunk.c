/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/base/chunk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>

static void holds_exactly_what_it_is_charged_for(void **state)
{
	(void)state;
	struct budget budget;
	budget_init(&budget, UINT64_MAX);
	struct chunk *chunk = chunk_new(&budget, 1000);
	assert_non_null(chunk);
	assert_int_equal(budget_used(&budget), 1000);
	assert_true(chunk_append(chunk, SLICE("hello")));
	assert_true(slice_equal(chunk_slice(chunk), SLICE("hello")));
	assert_int_equal(budget_used(&budget), chunk->capacity);
	assert_true(chunk_reserve(chunk, 5000));
	assert_int_equal(budget_used(&budget), chunk->capacity);
	assert_true(slice_equal(chunk_slice(chunk), SLICE("hello")));
	chunk_unref(chunk);
	assert_int_equal(budget_used(&budget), 0);
}

static void an_empty_chunk_costs_nothing_and_grows(void **state)
{
	(void)state;
	struct budget budget;
	budget_init(&budget, 100);
	struct chunk *chunk = chunk_new(&budget, 0);
	assert_non_null(chunk);
	assert_true(chunk_append(chunk, slice_of(NULL, 0)));
	assert_int_equal(budget_used(&budget), 0);
	assert_true(chunk_append(chunk, SLICE("x")));
	assert_int_equal(chunk->len, 1);
	chunk_unref(chunk);
	chunk_unref(NULL);
}

static void grows_by_doubling_and_never_a_mebibyte_past_the_need(void **state)
{
	(void)state;
	struct budget budget;
	budget_init(&budget, UINT64_MAX);
	struct chunk *chunk = chunk_new(&budget, 16);
	assert_non_null(chunk);
	uint8_t block[4096] = {0};
	int growths = 0;
	for (size_t total = 0; total < 8 << 20; total += sizeof(block)) {
		size_t before = chunk->capacity;
		assert_true(chunk_append(chunk, slice_of(block, sizeof(block))));
		growths += chunk->capacity != before;
		assert_true(chunk->capacity - chunk->len <= 1 << 20);
	}
	assert_true(growths < 20);
	chunk_unref(chunk);
}

static void grows_to_exactly_what_is_asked_for(void **state)
{
	(void)state;
	struct budget budget;
	budget_init(&budget, 1000);
	struct chunk *chunk = chunk_new(&budget, 16);
	assert_non_null(chunk);
	assert_true(chunk_grow_to(chunk, 17));
	assert_int_equal(budget_used(&budget), 17);
	assert_true(chunk_grow_to(chunk, 5));
	assert_false(chunk_grow_to(chunk, 1001));
	assert_int_equal(chunk->capacity, 17);
	assert_int_equal(budget_used(&budget), 17);
	chunk_unref(chunk);
}

static void is_unchanged_when_the_budget_refuses(void **state)
{
	(void)state;
	struct budget budget;
	budget_init(&budget, 10);
	assert_null(chunk_new(&budget, 11));
	struct chunk *chunk = chunk_new(&budget, 4);
	assert_non_null(chunk);
	assert_true(chunk_append(chunk, SLICE("abcd")));
	assert_false(chunk_append(chunk, SLICE("efghijk")));
	assert_false(chunk_reserve(chunk, SIZE_MAX));
	assert_false(chunk_reserve(chunk, SIZE_MAX - 4));
	assert_true(slice_equal(chunk_slice(chunk), SLICE("abcd")));
	assert_int_equal(budget_used(&budget), 4);
	chunk_unref(chunk);
	assert_int_equal(budget_used(&budget), 0);
}

enum { THREADS = 4, ROUNDS = 10000 };

/* Each thread reads under its own reference and lets go of it; the last one frees. ThreadSanitizer
 * would report the free racing with a read if the count did not order them. */
static void *read_and_unref(void *arg)
{
	struct chunk *chunk = arg;
	size_t sum = 0;
	for (int i = 0; i < ROUNDS; i++) {
		struct chunk *mine = chunk_ref(chunk);
		sum += mine->data[(size_t)i % mine->len];
		chunk_unref(mine);
	}
	chunk_unref(chunk);
	return (void *)sum;
}

static void the_last_of_many_threads_frees_it(void **state)
{
	(void)state;
	struct budget budget;
	budget_init(&budget, UINT64_MAX);
	struct chunk *chunk = chunk_new(&budget, 100);
	assert_non_null(chunk);
	assert_true(chunk_append(chunk, SLICE("\x01")));
	pthread_t threads[THREADS];
	for (size_t i = 0; i < THREADS; i++) {
		assert_int_equal(
			pthread_create(&threads[i], NULL, read_and_unref, chunk_ref(chunk)), 0);
	}
	chunk_unref(chunk);
	for (size_t i = 0; i < THREADS; i++) {
		void *sum;
		assert_int_equal(pthread_join(threads[i], &sum), 0);
		assert_int_equal((size_t)sum, ROUNDS);
	}
	assert_int_equal(budget_used(&budget), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(holds_exactly_what_it_is_charged_for),
		cmocka_unit_test(an_empty_chunk_costs_nothing_and_grows),
		cmocka_unit_test(grows_by_doubling_and_never_a_mebibyte_past_the_need),
		cmocka_unit_test(grows_to_exactly_what_is_asked_for),
		cmocka_unit_test(is_unchanged_when_the_budget_refuses),
		cmocka_unit_test(the_last_of_many_threads_frees_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
