/* SPDX-License-Identifier: Apache-2.0 */
/* Children that wait for what becomes of their parent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pipeline/base/clock.h"
#include "pipeline/trace/memory/trace_memory.h"

static struct budget budget;
static struct trace_memory *memory;
static struct trace_key key;

static int open_memory(void **state)
{
	static const struct trace_memory_limits limits = {1000, 1 << 20, NS_PER_S};
	(void)state;
	budget_init(&budget, UINT64_MAX);
	memory = trace_memory_new(&budget, NULL);
	assert_non_null(memory);
	key = (struct trace_key){trace_memory_join(memory, &limits), SLICE("0123456789abcdef")};
	return 0;
}

static int close_memory(void **state)
{
	(void)state;
	trace_memory_free(memory);
	assert_int_equal(budget_used(&budget), 0);
	return 0;
}

static enum ancestry await(const char *id)
{
	uint8_t found[SPAN_ID_BYTES];
	return trace_memory_await(memory, key, slice_str(id), true, found);
}

static uint32_t drop(const char *id)
{
	const struct dropped_span span = {.id = slice_str(id)};
	uint32_t orphans;
	assert_int_equal(trace_memory_drop(memory, key, &span, 1, &orphans), 1);
	return orphans;
}

static void keep(const char *id)
{
	struct slice ids[] = {slice_str(id)};
	trace_memory_keep(memory, key, ids, 1);
}

static uint32_t settled(void)
{
	return trace_memory_progress(memory, key).settled;
}

static void a_child_waits_until_its_parent_is_kept_or_dropped(void **state)
{
	(void)state;
	assert_int_equal(await("parent-1"), ANCESTRY_UNKNOWN);
	assert_int_equal(await("parent-1"), ANCESTRY_UNKNOWN); /* a brother, or the same again */
	assert_int_equal(await("parent-2"), ANCESTRY_UNKNOWN);
	keep("parent-3");
	assert_int_equal(settled(), 0);
	keep("parent-1");
	assert_int_equal(settled(), 1);
	assert_int_equal(await("parent-1"), ANCESTRY_KEPT);
	assert_int_equal(drop("parent-2"), 0); /* nobody has left */
	assert_int_equal(settled(), 2);
	assert_int_equal(await("parent-2"), ANCESTRY_ROOT);
	assert_int_equal(await("parent-3"), ANCESTRY_KEPT);
	assert_int_equal(settled(), 2);
}

static void who_does_not_wait_has_left(void **state)
{
	uint8_t found[SPAN_ID_BYTES];
	(void)state;
	assert_int_equal(trace_memory_await(memory, key, SLICE("parent-1"), false, found),
			 ANCESTRY_UNKNOWN);
	assert_int_equal(await("parent-1"), ANCESTRY_UNKNOWN); /* a brother can wait */
	assert_int_equal(drop("parent-1"), 1);
	assert_int_equal(settled(), 1);
}

/* Spans that stay take no room of their own: those that are dropped do. */
static void any_number_of_spans_stays_at_the_same_cost(void **state)
{
	(void)state;
	keep("parent-1");
	uint64_t bytes = budget_used(&budget);
	for (uint64_t id = 1; id <= TRACE_MEMORY_SPANS_MAX * 2; id++) {
		struct slice ids[] = {slice_of(&id, sizeof(id))};
		trace_memory_keep(memory, key, ids, 1);
	}
	assert_int_equal(budget_used(&budget), bytes);
	assert_int_equal(drop("parent-2"), 0);
}

/* Of 25 spans in a trace, a stranger is hardly ever taken for one. */
static void strangers_are_told_from_spans_that_stay(void **state)
{
	enum { KEPT = 25, STRANGERS = 2000 };
	uint32_t taken = 0;
	(void)state;
	for (uint64_t id = 1; id <= KEPT; id++) {
		struct slice ids[] = {slice_of(&id, sizeof(id))};
		trace_memory_keep(memory, key, ids, 1);
	}
	for (uint64_t id = KEPT + 1; id <= KEPT + STRANGERS; id++) {
		uint8_t found[SPAN_ID_BYTES];
		taken += trace_memory_await(memory, key, slice_of(&id, sizeof(id)), true, found) !=
			 ANCESTRY_UNKNOWN;
	}
	assert_true(taken < STRANGERS / 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_child_waits_until_its_parent_is_kept_or_dropped,
						open_memory, close_memory),
		cmocka_unit_test_setup_teardown(who_does_not_wait_has_left, open_memory,
						close_memory),
		cmocka_unit_test_setup_teardown(any_number_of_spans_stays_at_the_same_cost,
						open_memory, close_memory),
		cmocka_unit_test_setup_teardown(strangers_are_told_from_spans_that_stay,
						open_memory, close_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
