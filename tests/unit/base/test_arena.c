/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/base/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

enum { KIB = 1024 };

static void hands_out_aligned_memory_that_does_not_overlap(void **state)
{
	(void)state;
	struct arena arena;
	arena_init(&arena, NULL, 1024 * KIB);
	uint8_t *blocks[300];
	for (size_t i = 0; i < 300; i++) {
		blocks[i] = arena_alloc(&arena, i);
		assert_non_null(blocks[i]);
		assert_int_equal((uintptr_t)blocks[i] % 16, 0);
		memset(blocks[i], (int)(i & 0xff), i);
	}
	for (size_t i = 0; i < 300; i++) {
		for (size_t k = 0; k < i; k++)
			assert_int_equal(blocks[i][k], i & 0xff);
	}
	arena_fini(&arena);
}

static void refuses_past_its_maximum_and_remembers(void **state)
{
	(void)state;
	struct arena arena;
	arena_init(&arena, NULL, 64 * KIB);
	assert_non_null(arena_alloc(&arena, 64 * KIB));
	assert_false(arena.exhausted);
	assert_null(arena_alloc(&arena, 1));
	assert_true(arena.exhausted);
	arena_reset(&arena, SIZE_MAX);
	assert_false(arena.exhausted);
	assert_non_null(arena_alloc(&arena, 1));
	arena_fini(&arena);
}

static void refuses_sizes_that_overflow(void **state)
{
	(void)state;
	static const size_t sizes[] = {SIZE_MAX, SIZE_MAX - 1, SIZE_MAX - 15, SIZE_MAX / 2};
	for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
		struct arena arena;
		arena_init(&arena, NULL, 64 * KIB);
		assert_null(arena_alloc(&arena, sizes[i]));
		assert_true(arena.exhausted);
		arena_reset(&arena, 0);
		assert_null(arena_calloc(&arena, sizes[i], 3));
		assert_true(arena.exhausted);
		arena_reset(&arena, 0);
		assert_null(arena_copy(&arena, slice_of("x", sizes[i])).ptr);
		assert_true(arena.exhausted);
		arena_fini(&arena);
	}
}

static void charges_a_budget_and_gives_all_of_it_back(void **state)
{
	(void)state;
	struct budget budget;
	budget_init(&budget, 200 * KIB);
	struct arena arena;
	arena_init(&arena, &budget, SIZE_MAX);
	size_t handed_out = 0;
	while (arena_alloc(&arena, 1000))
		handed_out += 1000;
	assert_true(arena.exhausted);
	assert_true(budget.refusals == 1);
	assert_true(handed_out > 50 * KIB);
	assert_true(budget_used(&budget) >= handed_out && budget_used(&budget) <= 200 * KIB);
	arena_reset(&arena, 0);
	assert_int_equal(budget_used(&budget), 0);
	assert_non_null(arena_alloc(&arena, 1));
	arena_fini(&arena);
	assert_int_equal(budget_used(&budget), 0);
}

/* What is charged must stay near the maximum, however large the last block was. */
static void blocks_do_not_outgrow_the_maximum(void **state)
{
	(void)state;
	struct budget budget;
	budget_init(&budget, UINT64_MAX);
	struct arena arena;
	arena_init(&arena, &budget, 1024 * KIB);
	while (arena_alloc(&arena, 512))
		;
	assert_int_equal(arena.used, 1024 * KIB);
	assert_int_equal(budget_used(&budget), 1024 * KIB);
	arena_fini(&arena);
}

static void reuses_kept_blocks_without_allocating(void **state)
{
	(void)state;
	struct budget budget;
	budget_init(&budget, UINT64_MAX);
	struct arena arena;
	arena_init(&arena, &budget, 1024 * KIB);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 200; i++)
			assert_non_null(arena_alloc(&arena, 1024));
		assert_true(budget.peak == budget_used(&budget));
		arena_reset(&arena, SIZE_MAX);
		assert_true(budget.peak == budget_used(&budget));
	}
	arena_reset(&arena, 100 * KIB);
	assert_true(budget_used(&budget) <= 100 * KIB);
	assert_true(budget_used(&budget) > 0);
	arena_fini(&arena);
}

/* A kept block that is too small for a large request must neither be used nor lost. */
static void a_large_request_goes_between_kept_blocks(void **state)
{
	(void)state;
	struct arena arena;
	arena_init(&arena, NULL, 1024 * KIB);
	for (int i = 0; i < 50; i++)
		assert_non_null(arena_alloc(&arena, 1024));
	arena_reset(&arena, SIZE_MAX);
	uint8_t *small = arena_alloc(&arena, 16);
	uint8_t *large = arena_alloc(&arena, 300 * KIB);
	uint8_t *next = arena_alloc(&arena, 20 * KIB);
	assert_non_null(small);
	assert_non_null(large);
	assert_non_null(next);
	memset(large, 1, 300 * KIB);
	memset(next, 2, 20 * KIB);
	memset(small, 3, 16);
	assert_int_equal(large[300 * KIB - 1], 1);
	assert_int_equal(next[0], 2);
	arena_fini(&arena);
}

static void copies_and_prints_with_a_terminating_zero(void **state)
{
	(void)state;
	struct arena arena;
	arena_init(&arena, NULL, 64 * KIB);
	struct slice copy = arena_copy(&arena, SLICE("a\0b"));
	assert_int_equal(copy.len, 3);
	assert_memory_equal(copy.ptr, "a\0b", 4);
	struct slice empty = arena_copy(&arena, slice_of(NULL, 0));
	assert_non_null(empty.ptr);
	assert_int_equal(empty.ptr[0], 0);
	char *text = arena_printf(&arena, "%s=%d", "x", 7);
	assert_string_equal(text, "x=7");
	const uint64_t *zeroed = arena_calloc(&arena, 100, sizeof(*zeroed));
	for (size_t i = 0; i < 100; i++)
		assert_true(zeroed[i] == 0);
	arena_fini(&arena);
}

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>

static void memory_traps_before_and_after_its_life(void **state)
{
	(void)state;
	struct arena arena;
	arena_init(&arena, NULL, 64 * KIB);
	uint8_t *bytes = arena_alloc(&arena, 20);
	assert_non_null(bytes);
	assert_false(__asan_address_is_poisoned(bytes + 19));
	assert_true(__asan_address_is_poisoned(bytes + 20));
	arena_reset(&arena, SIZE_MAX);
	assert_true(__asan_address_is_poisoned(bytes));
	assert_ptr_equal(arena_alloc(&arena, 1), bytes);
	assert_false(__asan_address_is_poisoned(bytes));
	assert_true(__asan_address_is_poisoned(bytes + 1));
	arena_fini(&arena);
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hands_out_aligned_memory_that_does_not_overlap),
		cmocka_unit_test(refuses_past_its_maximum_and_remembers),
		cmocka_unit_test(refuses_sizes_that_overflow),
		cmocka_unit_test(charges_a_budget_and_gives_all_of_it_back),
		cmocka_unit_test(blocks_do_not_outgrow_the_maximum),
		cmocka_unit_test(reuses_kept_blocks_without_allocating),
		cmocka_unit_test(a_large_request_goes_between_kept_blocks),
		cmocka_unit_test(copies_and_prints_with_a_terminating_zero),
#ifdef __SANITIZE_ADDRESS__
		cmocka_unit_test(memory_traps_before_and_after_its_life),
#endif
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
