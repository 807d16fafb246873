/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever memory, backends and queues do: each span that was taken is delivered or counted as
 * dropped, in every branch, and everything that was held is given back. Random, with printed seeds.
 */
#include "tests/support/graph_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { RUNS = 12, STEPS = 400 };

static const char yaml[] =
	"receivers: {nop: }\n"
	"processors:\n"
	"  batch: {send_batch_size: 40, send_batch_max_size: 50, timeout: 1ms}\n"
	"  filter: {traces: {span: ['name == \"none\"']}}\n"
	"exporters:\n"
	"  nop/requests: {sending_queue: {queue_size: 20, num_consumers: 3}, retry_on_failure: "
	"{initial_interval: 1ms, max_interval: 1ms}}\n"
	"  nop/bytes: {max_request_bytes: 3000, sending_queue: {queue_size: 60000, sizer: bytes, "
	"batch: {flush_timeout: 1ms, min_size: 30, max_size: 70}}, retry_on_failure: "
	"{initial_interval: 1ms, max_interval: 1ms, max_elapsed_time: 3ms}}\n"
	"  nop/items: {sending_queue: {queue_size: 100000, sizer: items}, retry_on_failure: "
	"{enabled: false}}\n"
	"service: {pipelines: {\n"
	"  traces/fan: {receivers: [nop], exporters: [nop/requests, nop/bytes]},\n"
	"  traces/middle: {receivers: [nop], processors: [batch, filter], exporters: "
	"[nop/items]}}}\n";

enum { EXPORTERS = 3, BEHIND_THE_BATCH = 2 };

/* xorshift64 */
static uint64_t seed;
static bool calm; /* the end: everything is delivered */

static uint64_t below(uint64_t bound)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed % bound;
}

static struct export_result answer(struct scripted_exporter *script, const struct batch *batch)
{
	static const enum export_outcome outcomes[] = {
		EXPORT_DELIVERED, EXPORT_DELIVERED, EXPORT_DELIVERED, EXPORT_RETRY,
		EXPORT_TOO_LARGE, EXPORT_INVALID,   EXPORT_PERMANENT};
	struct export_result result = {.outcome = EXPORT_DELIVERED};
	(void)script;
	if (calm)
		return result;
	result.outcome = outcomes[below(ARRAY_COUNT(outcomes))];
	if (result.outcome == EXPORT_DELIVERED && below(4) == 0)
		result.rejected_spans = below(batch->span_count + 2); /* one too many, too */
	return result;
}

static bool has_turned(void *turns)
{
	return (*(unsigned *)turns)-- == 0;
}

/* Returns the spans that were taken. */
static uint32_t push_one(struct graph_fixture *fixture)
{
	struct budget *budget = &fixture->graph->budget;
	struct buf body = BUF_INIT;
	struct graph_push push;
	graph_request(&body, 0, (uint32_t)below(90) + 1, below(4) * 60, below(300));
	uint64_t room = body.len + below(6 * body.len);
	atomic_store(&budget->limit, below(3) == 0 ? UINT64_MAX : budget_used(budget) + room);
	graph_fixture_push(fixture, 0, buf_slice(&body), 0, &push);
	assert_int_equal(push.answers, 1);
	buf_fini(&body);
	return push.outcome == OUTCOME_TAKEN ? push.span_count : 0;
}

static uint64_t accounted(struct graph_fixture *fixture, size_t at)
{
	const struct ledger *ledger = graph_fixture_ledger(fixture, at);
	struct sender *sender = graph_fixture_exporter(fixture, at)->sender;
	uint64_t spans = counter_get(&ledger->sent);
	for (int reason = 0; reason < DROP_REASON_COUNT; reason++)
		spans += counter_get(&ledger->dropped[reason]);
	if (at == BEHIND_THE_BATCH) {
		struct pipeline *pipeline = &fixture->graph->pipelines[1];
		for (int reason = 0; reason < DROP_REASON_COUNT; reason++)
			spans += counter_get(&pipeline->dropped[reason]);
	}
	assert_int_equal(sender_held_spans(sender), 0);
	assert_int_equal(sender_used_units(sender), 0);
	assert_int_equal(counter_get(&ledger->in_flight), 0);
	return spans;
}

static void every_span_taken_is_delivered_or_counted(void **state)
{
	uint64_t dropped_for_memory = 0;
	(void)state;
	for (uint64_t run = 0; run < RUNS; run++) {
		struct graph_fixture fixture;
		uint64_t taken = 0;
		seed = 0x9e3779b97f4a7c15 + run;
		calm = false;
		graph_fixture_open(&fixture, yaml, 1);
		for (size_t i = 0; i < EXPORTERS; i++)
			fixture.scripts[i]->answer = answer;
		for (int step = 0; step < STEPS; step++) {
			unsigned turns = (unsigned)below(3);
			taken += push_one(&fixture);
			graph_fixture_run_until(&fixture, has_turned, &turns);
		}
		calm = true;
		atomic_store(&fixture.graph->budget.limit, UINT64_MAX);
		graph_fixture_drain(&fixture);
		assert_true(taken > 0);
		for (size_t i = 0; i < EXPORTERS; i++) {
			if (accounted(&fixture, i) != taken)
				fail_msg("run %d, exporter %zu: %d of %d", (int)run, i,
					 (int)accounted(&fixture, i), (int)taken);
			print_message("%d: %u calls %d spans\n", (int)i, fixture.scripts[i]->calls,
				      (int)taken);
			dropped_for_memory += counter_get(
				&graph_fixture_ledger(&fixture, i)->dropped[DROP_MEMORY]);
		}
		graph_fixture_close(&fixture);
	}
	assert_true(dropped_for_memory > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_span_taken_is_delivered_or_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
