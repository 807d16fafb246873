/* SPDX-License-Identifier: Apache-2.0 */
/* The assembler: what closes a batch, what is split, who takes it, and that no span is lost. */
#include "pipeline/delivery/assembler.h"
#include "tests/support/delivery_fixture.h"
#include "tests/support/test_clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <pthread.h>
#include <cmocka.h>

enum { CLOSED_MAX = 4096, HUGE_BYTES = 1 << 30 };

/* The batches that were closed, in order. */
struct target {
	struct batch *batches[CLOSED_MAX];
	uint64_t targets[CLOSED_MAX];
	uint32_t count, spans;
	size_t bytes;
};

static void take(void *arg, struct batch *batch, uint64_t targets)
{
	struct target *target = arg;
	assert_true(target->count < CLOSED_MAX);
	target->batches[target->count] = batch;
	target->targets[target->count++] = targets;
	target->spans += batch->span_count;
	target->bytes += batch->bytes;
}

struct state {
	struct delivery_fixture fixture;
	struct target target;
	struct assembler *assembler;
};

static int setup(void **ret_state)
{
	struct state *state = calloc(1, sizeof(*state));
	delivery_fixture_open(&state->fixture);
	*ret_state = state;
	return 0;
}

static void start(struct state *state, struct assembler_config config)
{
	struct err err;
	config.take = take;
	config.arg = &state->target;
	state->assembler = assembler_new(&config, &state->fixture.budget, state->fixture.keys);
	assert_non_null(state->assembler);
	assert_int_equal(assembler_start(state->assembler, &state->fixture.loop, &err), 0);
}

static void release(struct state *state)
{
	for (uint32_t i = 0; i < state->target.count; i++)
		batch_unref(state->target.batches[i]);
	state->target = (struct target){.count = 0};
}

static int teardown(void **ret_state)
{
	struct state *state = *ret_state;
	assembler_stop(state->assembler);
	(void)uv_run(&state->fixture.loop.uv, UV_RUN_NOWAIT);
	release(state);
	assembler_free(state->assembler);
	delivery_fixture_close(&state->fixture);
	free(state);
	return 0;
}

static struct assembled add_for(struct state *state, uint64_t targets, uint64_t first,
				uint32_t spans, size_t padding)
{
	struct assembled assembled;
	struct chunk *chunk = delivery_request(&state->fixture, first, spans, padding);
	assembler_add(state->assembler, chunk, targets, NULL, 0, &assembled);
	chunk_unref(chunk);
	return assembled;
}

static struct assembled add(struct state *state, uint64_t first, uint32_t spans)
{
	return add_for(state, 1, first, spans, 10);
}

static void each_chunk_goes_at_once_without_a_timeout(void **ret_state)
{
	struct state *state = *ret_state;
	start(state, (struct assembler_config){.spans_min = 1000, .bytes_max = HUGE_BYTES});
	for (uint32_t i = 1; i <= 5; i++) {
		struct assembled assembled = add(state, i, 1);
		assert_int_equal(assembled.batches_opened, 1);
		assert_int_equal(state->target.count, i);
	}
}

static void spans_that_suffice_close_a_batch(void **ret_state)
{
	struct state *state = *ret_state;
	start(state, (struct assembler_config){.spans_min = 10,
					       .bytes_max = HUGE_BYTES,
					       .timeout_ns = 3600 * NS_PER_S});
	assert_int_equal(add(state, 0, 4).batches_opened, 1);
	assert_int_equal(add(state, 4, 5).batches_opened, 0);
	assert_int_equal(state->target.count, 0);
	assert_int_equal(add(state, 9, 1).batches_opened, 0);
	assert_int_equal(state->target.count, 1);
	assert_int_equal(state->target.batches[0]->span_count, 10);
	/* A trigger, not a size. */
	assert_int_equal(add(state, 10, 25).batches_opened, 1);
	assert_int_equal(state->target.count, 2);
	assert_int_equal(state->target.batches[1]->span_count, 25);
}

static void bytes_that_suffice_close_a_batch(void **ret_state)
{
	struct state *state = *ret_state;
	start(state, (struct assembler_config){.bytes_min = 1000,
					       .bytes_max = HUGE_BYTES,
					       .timeout_ns = 3600 * NS_PER_S});
	for (uint64_t id = 0; state->target.count == 0; id++) {
		assert_true(id < 100);
		(void)add(state, id, 1);
	}
	assert_in_range(state->target.batches[0]->bytes, 1000, 1100);
}

/* What is due by now is done. */
static void turn(struct state *state)
{
	for (int i = 0; i < 3; i++)
		(void)uv_run(&state->fixture.loop.uv, UV_RUN_NOWAIT);
}

static void the_oldest_chunk_waits_no_longer_than_the_timeout(void **ret_state)
{
	struct state *state = *ret_state;
	start(state, (struct assembler_config){.spans_min = 1000,
					       .bytes_max = HUGE_BYTES,
					       .timeout_ns = 3600 * NS_PER_S});
	for (uint32_t round = 0; round < 3; round++) {
		(void)add(state, 0, 1);
		turn(state);
		test_clock_advance(1800 * NS_PER_S);
		(void)add(state, 1, 1);
		turn(state);
		assert_int_equal(state->target.count, 0);
		test_clock_advance(1800 * NS_PER_S + NS_PER_MS);
		turn(state);
		assert_int_equal(state->target.count, 1);
		assert_int_equal(state->target.spans, 2);
		release(state);
	}
}

/* The timer of a batch that was closed by its size must not cut the next one short. */
static void a_batch_gets_its_whole_time_after_one_closed_by_size(void **ret_state)
{
	struct state *state = *ret_state;
	start(state, (struct assembler_config){.spans_min = 10,
					       .bytes_max = HUGE_BYTES,
					       .timeout_ns = 3600 * NS_PER_S});
	(void)add(state, 0, 1);
	turn(state); /* arms the timer */
	test_clock_advance(1800 * NS_PER_S);
	(void)add(state, 1, 9);
	assert_int_equal(state->target.count, 1);
	release(state);
	(void)add(state, 10, 1);
	test_clock_advance(1800 * NS_PER_S + NS_PER_S); /* the first one's time is over */
	turn(state);
	assert_int_equal(state->target.count, 0);
	test_clock_advance(1800 * NS_PER_S);
	turn(state);
	assert_int_equal(state->target.count, 1);
}

static void a_batch_stays_within_its_largest_size(void **ret_state)
{
	struct state *state = *ret_state;
	start(state, (struct assembler_config){.spans_min = 1000,
					       .spans_max = 10,
					       .bytes_max = 2000,
					       .timeout_ns = 3600 * NS_PER_S});
	uint32_t spans = 0;
	size_t bytes = 0;
	for (uint32_t i = 1; i < 60; i++) {
		struct assembled assembled = add_for(state, 1, spans, i % 23 + 1, i * 7 % 100);
		assert_int_equal(assembled.spans_lost, 0);
		spans += i % 23 + 1;
		bytes += assembled.bytes_added;
	}
	assembler_flush(state->assembler);
	assert_int_equal(state->target.spans, spans);
	assert_int_equal(state->target.bytes, bytes); /* what was said to be added was */
	for (uint32_t i = 0; i < state->target.count; i++) {
		assert_in_range(state->target.batches[i]->span_count, 1, 10);
		assert_true(state->target.batches[i]->bytes <= 2000);
	}
}

/* Whoever looks into a batch needs an index of it, which spans without content make large. */
static void a_batch_is_closed_before_its_index_grows_too_large(void **ret_state)
{
	struct state *state = *ret_state;
	start(state, (struct assembler_config){.spans_min = 1000,
					       .bytes_max = HUGE_BYTES,
					       .timeout_ns = 3600 * NS_PER_S});
	for (uint32_t i = 0; i < 4; i++) {
		struct assembled assembled;
		struct chunk *chunk = delivery_request(&state->fixture, i, 1, 10);
		chunk->index_bytes = 16 << 20;
		assembler_add(state->assembler, chunk, 1, NULL, 0, &assembled);
		chunk_unref(chunk);
		assert_int_equal(state->target.count, i < 2 ? 0 : 1);
	}
	assert_int_equal(state->target.batches[0]->span_count, 2);
}

static void a_chunk_over_the_largest_size_is_split_and_one_large_span_goes_alone(void **ret_state)
{
	struct state *state = *ret_state;
	start(state, (struct assembler_config){.bytes_max = 1000});
	struct assembled assembled = add_for(state, 1, 0, 20, 200);
	assert_int_equal(assembled.spans_lost, 0);
	assert_int_equal(assembled.batches_opened, state->target.count);
	assert_int_equal(assembled.bytes_added, state->target.bytes);
	assert_in_range(state->target.count, 5, 10);
	assert_int_equal(state->target.spans, 20);
	for (uint32_t i = 0; i < state->target.count; i++)
		assert_true(state->target.batches[i]->bytes <= 1000);
	release(state);
	assembled = add_for(state, 1, 0, 3, 2000);
	assert_int_equal(assembled.batches_opened, 3);
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(state->target.batches[i]->span_count, 1);
		assert_true(state->target.batches[i]->bytes > 1000);
	}
}

static void other_targets_get_another_batch(void **ret_state)
{
	static const uint64_t targets[] = {1, 1, 3, 1, 3, 3};
	static const uint64_t closed[] = {1, 3, 1, 3};
	struct state *state = *ret_state;
	start(state, (struct assembler_config){.spans_min = 1000,
					       .bytes_max = HUGE_BYTES,
					       .timeout_ns = 3600 * NS_PER_S});
	for (size_t i = 0; i < ARRAY_COUNT(targets); i++)
		(void)add_for(state, targets[i], i, 1, 10);
	assembler_flush(state->assembler);
	assembler_flush(state->assembler); /* an empty one closes nothing */
	assert_int_equal(state->target.count, ARRAY_COUNT(closed));
	for (size_t i = 0; i < ARRAY_COUNT(closed); i++)
		assert_int_equal(state->target.targets[i], closed[i]);
}

/* ---- who waits ------------------------------------------------------------------------------ */

static void ignore_ack(struct ack *ack, const struct ack_result *result)
{
	(void)ack;
	(void)result;
}

static void each_batch_with_a_part_is_waited_for_once(void **ret_state)
{
	struct state *state = *ret_state;
	struct assembled assembled;
	struct ack ack;
	start(state, (struct assembler_config){.spans_min = 7,
					       .spans_max = 7,
					       .bytes_max = HUGE_BYTES,
					       .timeout_ns = 3600 * NS_PER_S});
	ack_init(&ack, &state->fixture.loop, ignore_ack);
	(void)add(state, 0, 5);
	struct chunk *chunk = delivery_request(&state->fixture, 5, 20, 10);
	assembler_add(state->assembler, chunk, 3, &ack, 2, &assembled);
	assembler_flush(state->assembler);
	chunk_unref(chunk);
	assert_int_equal(state->target.count, 4); /* 5 of others; 7, 7, 6 */
	assert_int_equal(state->target.batches[0]->ack_count, 0);
	for (uint32_t i = 1; i < 4; i++) {
		assert_int_equal(state->target.batches[i]->ack_count, 1);
		assert_ptr_equal(state->target.batches[i]->acks[0], &ack);
	}
	assert_int_equal(atomic_load(&ack.pending), 1 + 3 * 2);
	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(state->target.batches[i]->waited_for, i > 0);
}

/* ---- memory --------------------------------------------------------------------------------- */

static void what_memory_did_not_suffice_for_is_counted_exactly(void **ret_state)
{
	struct state *state = *ret_state;
	struct budget *budget = &state->fixture.budget;
	start(state, (struct assembler_config){.bytes_max = 1000});
	struct chunk *chunk = delivery_request(&state->fixture, 0, 20, 200);
	uint32_t last = UINT32_MAX;
	bool some = false;
	(void)add_for(state, 1, 0, 20, 200); /* scratch for splitting is there from now on */
	release(state);
	for (uint64_t room = 0; last > 0; room += 512) {
		struct assembled assembled;
		uint64_t before = budget_used(budget);
		atomic_store(&budget->limit, before + room);
		assembler_add(state->assembler, chunk, 1, NULL, 0, &assembled);
		atomic_store(&budget->limit, UINT64_MAX);
		assembler_flush(state->assembler);
		assert_int_equal(state->target.spans + assembled.spans_lost, 20);
		assert_int_equal(state->target.bytes, assembled.bytes_added);
		assert_int_equal(state->target.count, assembled.batches_opened);
		last = assembled.spans_lost;
		some |= last > 0 && last < 20;
		release(state);
	}
	assert_true(some); /* half-way, too */
	chunk_unref(chunk);
}

/* ---- threads -------------------------------------------------------------------------------- */

enum { PRODUCERS = 2, CHUNKS = 400, CHUNK_SPANS = 5 };

struct producer {
	struct state *state;
	uint64_t first;
	size_t bytes;
};

static void *produce(void *arg)
{
	struct producer *producer = arg;
	for (uint64_t i = 0; i < CHUNKS; i++) {
		struct assembled assembled;
		struct chunk *chunk =
			delivery_request(&producer->state->fixture,
					 producer->first + i * CHUNK_SPANS, CHUNK_SPANS, i % 40);
		assembler_add(producer->state->assembler, chunk, 1 + i % 3, NULL, 0, &assembled);
		producer->bytes += assembled.bytes_added;
		chunk_unref(chunk);
	}
	return NULL;
}

static bool has_all(void *arg)
{
	struct state *state = arg;
	assembler_flush(state->assembler);
	return state->target.spans == PRODUCERS * CHUNKS * CHUNK_SPANS;
}

static void shards_may_add_at_once_while_the_timer_runs(void **ret_state)
{
	struct state *state = *ret_state;
	struct producer producers[PRODUCERS];
	pthread_t threads[PRODUCERS];
	start(state, (struct assembler_config){.spans_min = 40,
					       .spans_max = 43,
					       .bytes_max = 4000,
					       .timeout_ns = NS_PER_MS});
	for (uint64_t i = 0; i < PRODUCERS; i++) {
		producers[i] = (struct producer){.state = state, .first = i * CHUNKS * CHUNK_SPANS};
		assert_int_equal(pthread_create(&threads[i], NULL, produce, &producers[i]), 0);
	}
	for (int i = 0; i < 100; i++)
		(void)uv_run(&state->fixture.loop.uv, UV_RUN_NOWAIT);
	for (int i = 0; i < PRODUCERS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	delivery_run_until(&state->fixture, has_all, state);
	size_t bytes = 0;
	for (int i = 0; i < PRODUCERS; i++)
		bytes += producers[i].bytes;
	assert_int_equal(state->target.bytes, bytes);
	for (uint32_t i = 0; i < state->target.count; i++)
		assert_in_range(state->target.batches[i]->span_count, 1, 43);
}

/* Up to the last byte and the last span. */
static void what_just_fits_is_not_parted(void **ret_state)
{
	struct state *state = *ret_state;
	struct chunk *chunk = delivery_request(&state->fixture, 0, 1, 10);
	start(state, (struct assembler_config){.spans_min = 1000,
					       .spans_max = 3,
					       .bytes_max = 2 * chunk->len,
					       .timeout_ns = 3600 * NS_PER_S});
	for (uint64_t i = 0; i < 3; i++)
		(void)add(state, i, 1);
	assembler_flush(state->assembler);
	assert_int_equal(state->target.count, 2); /* of bytes */
	assert_int_equal(state->target.batches[0]->span_count, 2);
	assert_int_equal(state->target.batches[0]->bytes, 2 * chunk->len);
	chunk_unref(chunk);
}

static void the_last_span_that_fits_is_taken(void **ret_state)
{
	struct state *state = *ret_state;
	start(state, (struct assembler_config){.spans_min = 1000,
					       .spans_max = 3,
					       .bytes_max = HUGE_BYTES,
					       .timeout_ns = 3600 * NS_PER_S});
	(void)add(state, 0, 2);
	(void)add(state, 2, 1);
	(void)add(state, 3, 1);
	assembler_flush(state->assembler);
	assert_int_equal(state->target.count, 2);
	assert_int_equal(state->target.batches[0]->span_count, 3);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(each_chunk_goes_at_once_without_a_timeout),
		TEST(spans_that_suffice_close_a_batch),
		TEST(bytes_that_suffice_close_a_batch),
		TEST(the_oldest_chunk_waits_no_longer_than_the_timeout),
		TEST(a_batch_gets_its_whole_time_after_one_closed_by_size),
		TEST(a_batch_stays_within_its_largest_size),
		TEST(a_batch_is_closed_before_its_index_grows_too_large),
		TEST(a_chunk_over_the_largest_size_is_split_and_one_large_span_goes_alone),
		TEST(other_targets_get_another_batch),
		TEST(each_batch_with_a_part_is_waited_for_once),
		TEST(what_memory_did_not_suffice_for_is_counted_exactly),
		TEST(shards_may_add_at_once_while_the_timer_runs),
		TEST(what_just_fits_is_not_parted),
		TEST(the_last_span_that_fits_is_taken),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
