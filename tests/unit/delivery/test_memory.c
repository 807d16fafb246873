/* SPDX-License-Identifier: Apache-2.0 */
/* Delivery with each of its allocations refused in turn: no span is lost uncounted, or counted twice,
 * and what could not be made leaves nothing behind. */
#include "tests/support/test_memory.h"
#include "pipeline/delivery/ack.h"
#include "pipeline/delivery/assembler.h"
#include "pipeline/delivery/sender.h"
#include "tests/support/delivery_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <pthread.h>
#include <cmocka.h>

enum { ALLOCATIONS_MAX = 10000, SPANS = 24, POISON = 5 };

static struct delivery_fixture fixture;
static struct sender *sender;

/* ---- batches -------------------------------------------------------------------------------- */

static struct chunk *text_chunk(size_t len)
{
	struct chunk *chunk = chunk_new(&fixture.budget, len);
	assert_non_null(chunk);
	memset(chunk->data, 'x', len);
	chunk->len = len;
	chunk->span_count = 1;
	return chunk;
}

/* Appends when the allocation after ${allowed} others is refused. */
static bool append_short_of_memory(struct batch *batch, struct chunk *chunk, long allowed)
{
	test_memory_refuse_after(allowed);
	bool appended = batch_append(batch, chunk);
	assert_int_equal(test_memory_refused(), !appended);
	return appended;
}

/* Whatever it is that is refused: the list of chunks, the chunk that gathers small ones. */
static void a_chunk_that_finds_no_memory_leaves_the_batch_as_it_was(void **state)
{
	static const size_t lens[] = {100, 16384};
	TEST_MEMORY_OR_RETURN();
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(lens); i++) {
		delivery_fixture_open(&fixture);
		struct batch *batch = batch_new(&fixture.budget);
		struct chunk *large = text_chunk(16384), *chunk = text_chunk(lens[i]);
		size_t refusals = 0;
		for (uint32_t count = 0; count < 40; count++) {
			uint64_t used = budget_used(&fixture.budget);
			for (long allowed = 0; !append_short_of_memory(batch, chunk, allowed);
			     allowed++) {
				assert_null(batch_fault(batch));
				assert_int_equal(batch->span_count, count * 2);
				assert_int_equal(budget_used(&fixture.budget), used);
				refusals++;
			}
			/* a large one behind it, so that the next small one needs a chunk */
			assert_true(batch_append(batch, large));
			assert_null(batch_fault(batch));
		}
		assert_true(refusals > 2);
		assert_int_equal(batch->bytes, 40 * (lens[i] + 16384));
		chunk_unref(large);
		chunk_unref(chunk);
		batch_unref(batch);
		delivery_fixture_close(&fixture);
	}
}

static void an_ack_that_finds_no_memory_is_not_attached(void **state)
{
	struct ack acks[20];
	TEST_MEMORY_OR_RETURN();
	(void)state;
	delivery_fixture_open(&fixture);
	struct batch *batch = batch_new(&fixture.budget);
	for (size_t i = 0; i < ARRAY_COUNT(acks); i++) {
		test_memory_refuse_after(0);
		bool attached = batch_attach(batch, &acks[i]);
		assert_int_equal(test_memory_refused(), !attached);
		assert_int_equal(batch->ack_count, i + attached);
		assert_true(attached || batch_attach(batch, &acks[i]));
	}
	for (size_t i = 0; i < ARRAY_COUNT(acks); i++)
		assert_ptr_equal(batch->acks[i], &acks[i]);
	batch_unref(batch);
	delivery_fixture_close(&fixture);
}

/* ---- the assembler -------------------------------------------------------------------------- */

static void take(void *arg, struct batch *batch, uint64_t targets)
{
	uint32_t *spans = arg;
	(void)targets;
	assert_null(batch_fault(batch));
	*spans += batch->span_count;
	batch_unref(batch);
}

/* One that fits, one that joins it, one that has to be split. True when something was refused. */
static bool assemble_short_of_memory(long allowed)
{
	static const uint32_t counts[] = {3, 4, SPANS, 1};
	uint32_t added = 0, lost = 0, taken = 0;
	const struct assembler_config config = {.spans_min = 8,
						.spans_max = 10,
						.bytes_max = 1 << 20,
						.timeout_ns = UINT64_MAX / 2,
						.take = take,
						.arg = &taken};
	delivery_fixture_open(&fixture);
	struct assembler *assembler = assembler_new(&config, &fixture.budget, fixture.keys);
	struct chunk *chunks[ARRAY_COUNT(counts)];
	for (size_t i = 0; i < ARRAY_COUNT(counts); i++)
		chunks[i] = delivery_request(&fixture, added, counts[i], 10);
	test_memory_refuse_after(allowed);
	for (size_t i = 0; i < ARRAY_COUNT(counts); i++) {
		struct assembled assembled;
		assembler_add(assembler, chunks[i], 1, NULL, 0, &assembled);
		lost += assembled.spans_lost;
		added += counts[i];
	}
	assembler_flush(assembler);
	bool refused = test_memory_refused();
	assert_int_equal(taken + lost, added);
	assert_true(refused || lost == 0);
	for (size_t i = 0; i < ARRAY_COUNT(counts); i++)
		chunk_unref(chunks[i]);
	assembler_free(assembler);
	delivery_fixture_close(&fixture);
	return refused;
}

static void a_span_that_finds_no_memory_is_said_to_be_lost(void **state)
{
	long allowed = 0;
	TEST_MEMORY_OR_RETURN();
	(void)state;
	while (assemble_short_of_memory(allowed))
		allowed++;
	assert_in_range(allowed, 10, ALLOCATIONS_MAX);
}

/* ---- the sender ----------------------------------------------------------------------------- */

static bool is_empty(void *arg)
{
	(void)arg;
	assert_null(sender_fault(sender, 0, 0));
	return sender_held_spans(sender) == 0;
}

/* A backend that does not like one span. That it looks for it is not what is tested. */
static void judge(void *self, struct export_call *call)
{
	const enum export_outcome *refusal = self;
	long left = test_memory.left;
	test_memory.left = -1;
	bool poisoned = script_holds_span(call->batch, POISON);
	test_memory.left = left;
	const struct export_result result = {.outcome = poisoned ? *refusal : EXPORT_DELIVERED};
	export_done(call, &result);
}

/* Sends one batch, which is cut on its way. True when something was refused. */
static bool send_short_of_memory(long allowed, enum export_outcome refusal)
{
	static const struct delivery_config config = {
		.queue = {.enabled = true, .num_consumers = 1, .queue_size = 10, .storage = ""}};
	const struct export_target target = {.self = &refusal, .send = judge};
	const struct log log = {0};
	struct err err;
	delivery_fixture_open(&fixture);
	sender = sender_new(&config, &target, &log, &fixture.budget, fixture.keys);
	assert_int_equal(sender_start(sender, &fixture.loop, &err), 0);
	struct chunk *chunk = delivery_request(&fixture, 0, SPANS, 10);
	struct batch *batch = batch_new(&fixture.budget);
	assert_true(batch_append(batch, chunk));
	assert_true(sender_reserve(sender, SPANS, chunk->len));
	chunk_unref(chunk);
	test_memory_refuse_after(allowed);
	sender_enqueue(sender, batch);
	delivery_run_until(&fixture, is_empty, NULL);
	bool refused = test_memory_refused();
	const struct ledger *ledger = sender_ledger(sender);
	uint64_t dropped = 0;
	for (int reason = 0; reason < DROP_REASON_COUNT; reason++)
		dropped += counter_get(&ledger->dropped[reason]);
	assert_int_equal(counter_get(&ledger->sent) + dropped, SPANS);
	assert_true(refused || counter_get(&ledger->dropped[DROP_MEMORY]) == 0);
	sender_stop(sender);
	(void)uv_run(&fixture.loop.uv, UV_RUN_NOWAIT);
	sender_free(sender);
	delivery_fixture_close(&fixture);
	return refused;
}

static void a_batch_that_finds_no_memory_is_counted_span_by_span(void **state)
{
	static const enum export_outcome refusals[] = {EXPORT_INVALID, EXPORT_TOO_LARGE,
						       EXPORT_SPLIT};
	TEST_MEMORY_OR_RETURN();
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(refusals); i++) {
		long allowed = 0;
		while (send_short_of_memory(allowed, refusals[i]))
			allowed++;
		assert_in_range(allowed, 10, ALLOCATIONS_MAX);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_chunk_that_finds_no_memory_leaves_the_batch_as_it_was),
		cmocka_unit_test(an_ack_that_finds_no_memory_is_not_attached),
		cmocka_unit_test(a_span_that_finds_no_memory_is_said_to_be_lost),
		cmocka_unit_test(a_batch_that_finds_no_memory_is_counted_span_by_span),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
