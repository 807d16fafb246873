/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/trace/memory/trace_memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pipeline/base/clock.h"

#include <pthread.h>
#include <stdio.h>

static uint64_t now_ns;
static struct arena copies; /* of facts that came from the memory */

static uint64_t fake_clock(void)
{
	return now_ns;
}

struct fixture {
	struct budget budget;
	struct metrics *metrics;
	struct trace_memory *memory;
	uint32_t client;
};

static void open_limited(struct fixture *fixture, struct trace_memory_limits limits)
{
	now_ns = NS_PER_S;
	budget_init(&fixture->budget, UINT64_MAX);
	fixture->metrics = metrics_new();
	fixture->memory = trace_memory_new(&fixture->budget, fake_clock);
	assert_true(fixture->metrics && fixture->memory);
	arena_init(&copies, NULL, 64 << 20);
	assert_true(trace_memory_register(fixture->memory, fixture->metrics));
	fixture->client = trace_memory_join(fixture->memory, &limits);
}

static void open_fixture(struct fixture *fixture)
{
	open_limited(fixture, (struct trace_memory_limits){1000, 10 << 20, 60 * NS_PER_S});
}

static void close_fixture(struct fixture *fixture)
{
	trace_memory_free(fixture->memory);
	arena_fini(&copies);
	metrics_free(fixture->metrics);
	assert_int_equal(budget_used(&fixture->budget), 0);
}

static double metric(const struct fixture *fixture, const char *name, const char *labels)
{
	double value = -1;
	assert_true(metrics_value(fixture->metrics, name, labels, &value));
	return value;
}

/* The key of trace ${number}; the bytes live until the next call with the same parity. */
static struct trace_key key(const struct fixture *fixture, uint64_t number)
{
	static _Thread_local uint64_t ids[2][2];
	uint64_t *id = ids[number & 1];
	id[0] = number * UINT64_C(0x9e3779b97f4a7c15);
	id[1] = number;
	return (struct trace_key){fixture->client, slice_of(id, TRACE_ID_BYTES)};
}

static struct slice exchange(const struct fixture *fixture, uint64_t trace, enum trace_fact fact,
			     uint8_t rank, const char *text)
{
	static struct trace_facts facts;
	facts = (struct trace_facts){0};
	trace_facts_add(&facts, fact, rank, slice_str(text));
	assert_true(trace_memory_exchange(fixture->memory, key(fixture, trace), &facts, &copies));
	return facts.text[fact];
}

static void assert_text(struct slice text, const char *expected)
{
	assert_int_equal(text.len, strlen(expected));
	assert_memory_equal(text.ptr, expected, text.len);
}

/* ---- facts ---- */

static void a_fact_of_one_request_is_known_to_the_next(void **state)
{
	struct fixture fixture;
	(void)state;
	open_fixture(&fixture);
	assert_text(exchange(&fixture, 1, TRACE_FACT_USER, 0, ""), "");
	assert_text(exchange(&fixture, 1, TRACE_FACT_USER, 0, "alice"), "alice");
	assert_text(exchange(&fixture, 1, TRACE_FACT_USER, 0, ""), "alice");
	assert_text(exchange(&fixture, 2, TRACE_FACT_USER, 0, ""), "");
	assert_text(exchange(&fixture, 1, TRACE_FACT_SESSION, 0, ""), "");
	assert_true(trace_memory_progress(fixture.memory, key(&fixture, 1)).facts ==
		    1 << TRACE_FACT_USER);
	close_fixture(&fixture);
}

static void a_higher_rank_wins_and_equal_ranks_conflict(void **state)
{
	struct fixture fixture;
	struct trace_facts facts;
	(void)state;
	open_fixture(&fixture);
	assert_text(exchange(&fixture, 1, TRACE_FACT_MODEL, 1, "alias"), "alias");
	assert_text(exchange(&fixture, 1, TRACE_FACT_MODEL, 2, "served"), "served");
	assert_text(exchange(&fixture, 1, TRACE_FACT_MODEL, 1, "alias"), "served");
	assert_text(exchange(&fixture, 1, TRACE_FACT_MODEL, 2, "other"), "served");
	facts = (struct trace_facts){0};
	assert_true(trace_memory_exchange(fixture.memory, key(&fixture, 1), &facts, &copies));
	assert_true(facts.conflict[TRACE_FACT_MODEL]);
	assert_int_equal(facts.rank[TRACE_FACT_MODEL], 2);
	close_fixture(&fixture);
}

/* Conflicts are between different texts of one rank, and are remembered until a higher rank comes. */
static void only_another_text_of_the_same_rank_is_a_conflict(void **state)
{
	static const struct {
		const char *text;
		uint8_t rank;
		bool told, conflict; /* by its request; afterwards */
	} steps[] = {{"a", 1, false, false}, {"a", 1, false, false}, {"b", 0, false, false},
		     {"b", 1, false, true},  {"a", 1, false, true},  {"c", 2, false, false},
		     {"c", 2, true, true},   {"c", 2, false, true},  {"d", 3, true, true}};
	struct fixture fixture;
	(void)state;
	open_fixture(&fixture);
	for (size_t i = 0; i < ARRAY_COUNT(steps); i++) {
		struct trace_facts facts = {0};
		trace_facts_add(&facts, TRACE_FACT_MODEL, steps[i].rank, slice_str(steps[i].text));
		facts.conflict[TRACE_FACT_MODEL] = steps[i].told;
		assert_true(
			trace_memory_exchange(fixture.memory, key(&fixture, 1), &facts, &copies));
		assert_int_equal(facts.conflict[TRACE_FACT_MODEL], steps[i].conflict);
	}
	close_fixture(&fixture);
}

static void parties_do_not_see_each_other(void **state)
{
	struct fixture fixture;
	(void)state;
	open_fixture(&fixture);
	exchange(&fixture, 1, TRACE_FACT_USER, 0, "alice");
	fixture.client =
		trace_memory_join(fixture.memory, &(struct trace_memory_limits){10, 10, NS_PER_S});
	assert_text(exchange(&fixture, 1, TRACE_FACT_USER, 0, ""), "");
	close_fixture(&fixture);
}

static void a_fact_too_long_is_not_remembered(void **state)
{
	struct fixture fixture;
	static char text[TRACE_FACT_BYTES_MAX + 2];
	(void)state;
	open_fixture(&fixture);
	memset(text, 'x', TRACE_FACT_BYTES_MAX);
	assert_int_equal(exchange(&fixture, 1, TRACE_FACT_NAME, 0, text).len, TRACE_FACT_BYTES_MAX);
	text[TRACE_FACT_BYTES_MAX] = 'x';
	assert_int_equal(exchange(&fixture, 2, TRACE_FACT_NAME, 0, text).len, 0);
	close_fixture(&fixture);
}

/* ---- bounds ---- */

static void old_traces_are_forgotten_and_counted(void **state)
{
	struct fixture fixture;
	(void)state;
	open_fixture(&fixture);
	exchange(&fixture, 1, TRACE_FACT_USER, 0, "alice");
	now_ns += 40 * NS_PER_S;
	exchange(&fixture, 2, TRACE_FACT_USER, 0, "bob");
	assert_text(exchange(&fixture, 1, TRACE_FACT_USER, 0, ""), "alice"); /* touched */
	now_ns += 59 * NS_PER_S;
	assert_text(exchange(&fixture, 1, TRACE_FACT_USER, 0, ""), "alice");
	now_ns += 2 * NS_PER_S;
	trace_memory_sweep(fixture.memory);
	assert_text(exchange(&fixture, 2, TRACE_FACT_USER, 0, ""), "");
	assert_true(metric(&fixture, "sluice_trace_memory_evicted", "reason=\"age\"") == 1);
	assert_true(metric(&fixture, "sluice_trace_memory_traces", "") == 1);
	close_fixture(&fixture);
}

/* Neither at once, nor before its age is over, at whatever time it came. */
static void a_new_trace_has_its_whole_time(void **state)
{
	struct fixture fixture;
	(void)state;
	open_fixture(&fixture);
	now_ns = 3600 * NS_PER_S;
	exchange(&fixture, 1, TRACE_FACT_USER, 0, "alice");
	trace_memory_sweep(fixture.memory);
	now_ns += 60 * NS_PER_S;
	trace_memory_sweep(fixture.memory);
	assert_true(metric(&fixture, "sluice_trace_memory_traces", "") == 1);
	now_ns++;
	trace_memory_sweep(fixture.memory);
	assert_true(metric(&fixture, "sluice_trace_memory_traces", "") == 0);
	assert_true(metric(&fixture, "sluice_trace_memory_evicted", "reason=\"age\"") == 1);
	close_fixture(&fixture);
}

static void the_least_recently_used_go_at_the_limit_of_traces(void **state)
{
	struct fixture fixture;
	(void)state;
	open_limited(&fixture, (struct trace_memory_limits){640, 10 << 20, 60 * NS_PER_S});
	exchange(&fixture, 1, TRACE_FACT_USER, 0, "first");
	for (uint64_t i = 2; i < 5000; i++) {
		exchange(&fixture, i, TRACE_FACT_USER, 0, "x");
		assert_text(exchange(&fixture, 1, TRACE_FACT_USER, 0, ""), "first");
	}
	assert_true(metric(&fixture, "sluice_trace_memory_traces", "") <= 640 + 64);
	assert_true(metric(&fixture, "sluice_trace_memory_evicted", "reason=\"traces\"") > 4000);
	close_fixture(&fixture);
}

static void bytes_are_bounded(void **state)
{
	struct fixture fixture;
	static char text[TRACE_FACT_BYTES_MAX + 1];
	(void)state;
	memset(text, 'x', TRACE_FACT_BYTES_MAX);
	open_limited(&fixture, (struct trace_memory_limits){100000, 1 << 20, 60 * NS_PER_S});
	for (uint64_t i = 1; i < 3000; i++) {
		exchange(&fixture, i, TRACE_FACT_TAGS, 0, text);
		assert_true(budget_used(&fixture.budget) < (1 << 20) + 64 * 2048);
	}
	assert_true(metric(&fixture, "sluice_trace_memory_bytes", "") ==
		    (double)budget_used(&fixture.budget));
	assert_true(metric(&fixture, "sluice_trace_memory_evicted", "reason=\"bytes\"") > 1000);
	close_fixture(&fixture);
}

static void without_memory_nothing_is_remembered_and_nothing_breaks(void **state)
{
	struct fixture fixture;
	struct trace_facts facts;
	uint8_t id[SPAN_ID_BYTES];
	uint32_t orphans;
	(void)state;
	open_fixture(&fixture);
	atomic_store(&fixture.budget.limit, 0);
	facts = (struct trace_facts){0};
	trace_facts_add(&facts, TRACE_FACT_USER, 0, SLICE("alice"));
	assert_false(trace_memory_exchange(fixture.memory, key(&fixture, 1), &facts, &copies));
	assert_text(facts.text[TRACE_FACT_USER], "alice");
	const struct dropped_span span = {SLICE("01234567"), {NULL, 0}};
	assert_int_equal(trace_memory_drop(fixture.memory, key(&fixture, 1), &span, 1, &orphans),
			 0);
	assert_int_equal(trace_memory_ancestor(fixture.memory, key(&fixture, 1), span.id, id),
			 ANCESTRY_KEPT);
	assert_true(metric(&fixture, "sluice_trace_memory_refused", "") >= 2);
	close_fixture(&fixture);
}

/* ---- dropped spans ---- */

static const char *const ids[] = {"", "span---1", "span---2", "span---3", "span---4", "span---5"};

static uint32_t drop(struct fixture *fixture, int id, int parent)
{
	uint32_t orphans;
	const struct dropped_span span = {slice_str(ids[id]), slice_str(ids[parent])};
	assert_int_equal(trace_memory_drop(fixture->memory, key(fixture, 1), &span, 1, &orphans),
			 1);
	return orphans;
}

static enum ancestry ancestor(struct fixture *fixture, int id, uint8_t *ret_id)
{
	return trace_memory_ancestor(fixture->memory, key(fixture, 1), slice_str(ids[id]), ret_id);
}

static void the_nearest_kept_ancestor_is_found_over_several_requests(void **state)
{
	struct fixture fixture;
	uint8_t id[SPAN_ID_BYTES];
	(void)state;
	open_fixture(&fixture);
	assert_int_equal(drop(&fixture, 3, 2), 0);
	assert_int_equal(drop(&fixture, 4, 3), 0);
	assert_int_equal(ancestor(&fixture, 4, id), ANCESTRY_MOVED);
	assert_memory_equal(id, ids[2], SPAN_ID_BYTES);
	assert_int_equal(drop(&fixture, 2, 1), 0);
	assert_int_equal(ancestor(&fixture, 4, id), ANCESTRY_MOVED);
	assert_memory_equal(id, ids[1], SPAN_ID_BYTES);
	assert_int_equal(drop(&fixture, 1, 0), 0);
	assert_int_equal(ancestor(&fixture, 4, id), ANCESTRY_ROOT);
	assert_int_equal(ancestor(&fixture, 5, id), ANCESTRY_KEPT);
	close_fixture(&fixture);
}

static void a_parent_dropped_after_its_child_left_is_counted(void **state)
{
	struct fixture fixture;
	uint8_t id[SPAN_ID_BYTES];
	(void)state;
	open_fixture(&fixture);
	assert_int_equal(ancestor(&fixture, 1, id), ANCESTRY_KEPT);
	assert_int_equal(drop(&fixture, 1, 0), 1);
	assert_int_equal(drop(&fixture, 1, 0), 0); /* counted once */
	close_fixture(&fixture);
}

static void a_circle_of_dropped_spans_ends(void **state)
{
	struct fixture fixture;
	uint8_t id[SPAN_ID_BYTES];
	(void)state;
	open_fixture(&fixture);
	drop(&fixture, 1, 2);
	drop(&fixture, 2, 1);
	assert_int_equal(ancestor(&fixture, 1, id), ANCESTRY_ROOT);
	close_fixture(&fixture);
}

static void span_ids_of_one_trace_are_bounded(void **state)
{
	struct fixture fixture;
	uint32_t orphans;
	size_t remembered = 0;
	(void)state;
	open_fixture(&fixture);
	for (uint64_t i = 1; i <= 10000; i++) {
		const struct dropped_span span = {slice_of(&i, sizeof(i)), {NULL, 0}};
		remembered +=
			trace_memory_drop(fixture.memory, key(&fixture, 1), &span, 1, &orphans);
	}
	assert_int_equal(remembered, TRACE_MEMORY_SPANS_MAX);
	close_fixture(&fixture);
}

static int32_t tally(struct fixture *fixture, int id, int32_t step)
{
	return trace_memory_tally(fixture->memory, key(fixture, 1), slice_str(ids[id]), step);
}

static void the_tally_counts_each_span_once(void **state)
{
	struct fixture fixture;
	(void)state;
	open_fixture(&fixture);
	assert_int_equal(tally(&fixture, 1, 1), 0);
	assert_int_equal(tally(&fixture, 2, -1), 1);
	assert_int_equal(tally(&fixture, 3, -1), 0);
	assert_int_equal(tally(&fixture, 2, -1), 1); /* sent again */
	assert_int_equal(tally(&fixture, 4, 0), -1);
	close_fixture(&fixture);
}

/* ---- threads ---- */

enum { THREADS = 4, ROUNDS = 5000, SHARED_TRACES = 50 };

static void *use_from_a_thread(void *arg)
{
	struct fixture *fixture = arg;
	struct trace_facts facts;
	uint8_t id[SPAN_ID_BYTES];
	uint32_t orphans;
	struct arena arena;
	arena_init(&arena, NULL, 1 << 20);
	for (uint64_t i = 0; i < ROUNDS; i++) {
		struct trace_key trace = key(fixture, i % SHARED_TRACES);
		const struct dropped_span span = {slice_of(&i, sizeof(i)), SLICE("01234567")};
		facts = (struct trace_facts){0};
		if (i % 3 == 0)
			trace_facts_add(&facts, TRACE_FACT_MODEL, (uint8_t)(i % 2), SLICE("model"));
		(void)trace_memory_exchange(fixture->memory, trace, &facts, &arena);
		(void)trace_memory_tally(fixture->memory, trace, span.id, 1);
		(void)trace_memory_drop(fixture->memory, trace, &span, 1, &orphans);
		(void)trace_memory_ancestor(fixture->memory, trace, span.id, id);
		arena_reset(&arena, 1 << 20);
		if (i % 1000 == 0)
			trace_memory_sweep(fixture->memory);
	}
	arena_fini(&arena);
	return NULL;
}

static void several_threads_use_the_same_traces(void **state)
{
	struct fixture fixture;
	pthread_t threads[THREADS];
	int32_t sum = 0;
	(void)state;
	open_fixture(&fixture);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, use_from_a_thread, &fixture), 0);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	for (uint64_t i = 0; i < SHARED_TRACES; i++) {
		sum += trace_memory_tally(fixture.memory, key(&fixture, i), SLICE("another-"), 0);
		assert_true(trace_memory_progress(fixture.memory, key(&fixture, i)).facts ==
			    1 << TRACE_FACT_MODEL);
	}
	assert_int_equal(sum, ROUNDS); /* all threads have the same spans */
	close_fixture(&fixture);
}

static void the_first_note_of_a_name_stays_and_asking_leaves_none(void **state)
{
	static const uint8_t id[TRACE_ID_BYTES] = {1}, other[TRACE_ID_BYTES] = {2};
	struct fixture fixture;
	(void)state;
	open_fixture(&fixture);
	const struct trace_key key = {fixture.client, slice_of(id, sizeof(id))};
	struct trace_note asked[] = {{7, 0}, {8, 0}};
	trace_memory_notes(fixture.memory, key, asked, ARRAY_COUNT(asked));
	assert_true(asked[0].value == 0 && asked[1].value == 0);
	assert_true(metric(&fixture, "sluice_trace_memory_traces", "") == 0);
	struct trace_note first[] = {{7, 70}, {9, 90}};
	trace_memory_notes(fixture.memory, key, first, ARRAY_COUNT(first));
	assert_true(first[0].value == 70 && first[1].value == 90);
	struct trace_note second[] = {{7, 71}, {8, 80}, {9, 0}};
	trace_memory_notes(fixture.memory, key, second, ARRAY_COUNT(second));
	assert_true(second[0].value == 70 && second[1].value == 80 && second[2].value == 90);
	struct trace_facts facts = {.noted = {0}};
	assert_true(trace_memory_exchange(fixture.memory, key, &facts, &copies));
	assert_true(trace_note_may_be(&facts, 7) && trace_note_may_be(&facts, 8) &&
		    trace_note_may_be(&facts, 9) && !trace_note_may_be(&facts, 10));
	struct trace_note elsewhere = {7, 0};
	trace_memory_notes(fixture.memory, (struct trace_key){fixture.client, slice_of(other, 16)},
			   &elsewhere, 1);
	assert_true(elsewhere.value == 0);
	close_fixture(&fixture);
}

/* Wherever the one that is said stands among those that are asked for, of as many as there are. */
static void every_note_of_a_call_is_exchanged(void **state)
{
	enum { NOTES_MAX = 9 };
	struct fixture fixture;
	(void)state;
	open_fixture(&fixture);
	for (uint8_t count = 1; count <= NOTES_MAX; count++) {
		for (uint8_t said = 0; said < count; said++) {
			const uint8_t id[TRACE_ID_BYTES] = {1, count, said};
			const struct trace_key key = {fixture.client, slice_of(id, sizeof(id))};
			struct trace_note notes[NOTES_MAX];
			for (uint8_t i = 0; i < count; i++)
				notes[i] = (struct trace_note){1 + i, i == said ? 100u + i : 0};
			trace_memory_notes(fixture.memory, key, notes, count);
			for (uint8_t i = 0; i < count; i++) {
				assert_true(notes[i].value == (i == said ? 100u + i : 0));
				notes[i].value = 200u + i;
			}
			trace_memory_notes(fixture.memory, key, notes, count);
			for (uint8_t i = 0; i < count; i++)
				assert_true(notes[i].value == (i == said ? 100u : 200u) + i);
		}
	}
	close_fixture(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_fact_of_one_request_is_known_to_the_next),
		cmocka_unit_test(a_higher_rank_wins_and_equal_ranks_conflict),
		cmocka_unit_test(only_another_text_of_the_same_rank_is_a_conflict),
		cmocka_unit_test(parties_do_not_see_each_other),
		cmocka_unit_test(a_fact_too_long_is_not_remembered),
		cmocka_unit_test(old_traces_are_forgotten_and_counted),
		cmocka_unit_test(a_new_trace_has_its_whole_time),
		cmocka_unit_test(the_least_recently_used_go_at_the_limit_of_traces),
		cmocka_unit_test(bytes_are_bounded),
		cmocka_unit_test(without_memory_nothing_is_remembered_and_nothing_breaks),
		cmocka_unit_test(the_nearest_kept_ancestor_is_found_over_several_requests),
		cmocka_unit_test(a_parent_dropped_after_its_child_left_is_counted),
		cmocka_unit_test(a_circle_of_dropped_spans_ends),
		cmocka_unit_test(span_ids_of_one_trace_are_bounded),
		cmocka_unit_test(the_tally_counts_each_span_once),
		cmocka_unit_test(several_threads_use_the_same_traces),
		cmocka_unit_test(the_first_note_of_a_name_stays_and_asking_leaves_none),
		cmocka_unit_test(every_note_of_a_call_is_exchanged),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
