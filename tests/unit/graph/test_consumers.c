/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The contract of pipeline/graph/consumer.h, for every kind of consumer alike. Each kind is a row: a
 * configuration in which requests come to it first, and how many of them it has room for.
 */
#include "pipeline/graph/flow.h"
#include "tests/support/graph_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { REQUEST_BYTES = 9 << 20 }; /* seven are 63 MiB */

struct kind {
	const char *name, *pipelines;
	uint32_t fit; /* large requests, before anything moves on */
};

static const struct kind kinds[] = {
	{"a group of exporters", "{traces: {receivers: [nop], exporters: [nop]}}", 1},
	{"a batch in the middle",
	 "{traces: {receivers: [nop], processors: [batch, filter], exporters: [nop]}}", 7},
	{"spans held back",
	 "{traces: {receivers: [nop], processors: [langfuse], exporters: [nop]}}", 1},
	{"pipelines behind a connector",
	 "{traces/1: {receivers: [nop], exporters: [forward]}, "
	 "traces/2: {receivers: [forward], exporters: [nop]}}",
	 1},
	{"all of them",
	 "{traces/1: {receivers: [nop], processors: [batch, filter], exporters: [forward]}, "
	 "traces/2: {receivers: [forward, nop], processors: [langfuse], exporters: [nop]}}",
	 1},
};

static const char head[] =
	"receivers: {nop: }\n"
	"processors:\n"
	"  batch: {send_batch_size: 100000, timeout: 1h}\n"
	"  filter: {traces: {span: ['name == \"unwanted\"']}}\n"
	"  langfuse: {join_wait: 1h}\n"
	"connectors: {forward: }\n"
	"exporters: {nop: {sending_queue: {queue_size: 1, num_consumers: 1, required: true}}, "
	"nop/free: }\n"
	"service: {pipelines: ";

/* ${beside}: further pipelines, with a comma in front. */
static void open_kind(struct graph_fixture *fixture, const struct kind *kind, const char *beside)
{
	struct buf yaml = BUF_INIT;
	int len = (int)strlen(kind->pipelines) - 1;
	buf_printf(&yaml, "%s%.*s%s}}\n", head, len, kind->pipelines, beside);
	graph_fixture_open(fixture, buf_cstr(&yaml), 1);
	fixture->scripts[0]->hold = true; /* nobody answers yet */
	buf_fini(&yaml);
}

/* For the spans of one pipeline; those that several have count for each. */
static size_t copies(const struct kind *kind)
{
	return strcmp(kind->name, "all of them") == 0 ? 2 : 1;
}

static uint64_t held(struct graph_fixture *fixture)
{
	uint64_t spans = 0;
	for (size_t i = 0; i < fixture->graph->consumer_count; i++) {
		struct consumer *consumer = fixture->graph->consumers[i];
		spans += consumer->ops->held(consumer);
	}
	return spans;
}

static uint64_t dropped(struct graph_fixture *fixture)
{
	uint64_t spans = 0;
	for (int reason = 0; reason < DROP_REASON_COUNT; reason++) {
		spans += counter_get(&graph_fixture_ledger(fixture, 0)->dropped[reason]);
		for (size_t p = 0; p < fixture->graph->pipeline_count; p++)
			spans += counter_get(&fixture->graph->pipelines[p].dropped[reason]);
	}
	return spans;
}

static enum outcome push(struct graph_fixture *fixture, uint64_t id, size_t bytes)
{
	struct buf body = BUF_INIT;
	struct graph_push push;
	graph_waiting_span(&body, id, bytes);
	graph_fixture_push(fixture, 0, buf_slice(&body), 0, &push);
	assert_int_equal(push.answers, 1);
	assert_true(push.outcome == OUTCOME_TAKEN || push.retry_after_ns > 0);
	buf_fini(&body);
	return push.outcome;
}

static void turn(struct graph_fixture *fixture)
{
	for (int i = 0; i < 5; i++)
		(void)uv_run(&fixture->graph->shards[0].loop.uv, UV_RUN_NOWAIT);
}

/* ---- one request, step by step -------------------------------------------------------------- */

/* Its transfers, before anybody was asked. */
static struct shard *prepare(struct graph_fixture *fixture, struct chunk **ret_body)
{
	static const struct flow_from start;
	struct graph *graph = fixture->graph;
	const struct receiver_port *port = &graph->receivers[0].port;
	struct shard *shard = &graph->shards[0];
	struct buf body = BUF_INIT;
	struct err err;
	graph_waiting_span(&body, 1, 100);
	*ret_body = chunk_new(&graph->budget, body.len);
	assert_non_null(*ret_body);
	assert_true(chunk_append(*ret_body, buf_slice(&body)));
	buf_fini(&body);
	assert_int_equal(view_open_chunk(shard->view, *ret_body, &err), 0);
	view_describe(shard->view, view_span_count(shard->view), *ret_body);
	for (size_t i = 0; i < port->pipeline_count; i++)
		assert_int_equal(flow_run(port->pipelines[i], &start, shard, *ret_body, &err),
				 OUTCOME_TAKEN);
	assert_int_equal(flow_forward(shard, &err), OUTCOME_TAKEN);
	assert_true(shard->transfer_count > 0);
	return shard;
}

static void finish(struct shard *shard, struct chunk *body)
{
	assert_int_equal(shard->transfer_count, 0);
	view_close(shard->view);
	chunk_unref(body);
}

static struct admission reserve_all(struct shard *shard)
{
	struct admission admission = {0};
	for (size_t i = 0; i < shard->transfer_count; i++) {
		struct transfer *transfer = &shard->transfers[i];
		if (transfer->consumer->ops->reserve)
			transfer->consumer->ops->reserve(transfer, &admission);
	}
	return admission;
}

static void what_is_reserved_is_held_and_what_is_cancelled_is_not(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(kinds); i++) {
		struct graph_fixture fixture;
		struct chunk *body;
		print_message("%s\n", kinds[i].name);
		open_kind(&fixture, &kinds[i], "");
		struct shard *shard = prepare(&fixture, &body);
		flow_cancel(shard); /* of what nobody was asked for */
		finish(shard, body);
		assert_int_equal(held(&fixture), 0);
		shard = prepare(&fixture, &body);
		const struct admission admission = reserve_all(shard);
		assert_int_equal(admission.reserved, copies(&kinds[i]));
		assert_false(admission.refused || admission.full > 0);
		assert_int_equal(held(&fixture), copies(&kinds[i]));
		flow_cancel(shard);
		finish(shard, body);
		assert_int_equal(held(&fixture), 0);
		assert_int_equal(dropped(&fixture), 0);
		graph_fixture_close(&fixture); /* with every byte given back */
	}
}

/* ---- until somebody answers ----------------------------------------------------------------- */

static void what_is_committed_is_held_until_it_is_answered(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(kinds); i++) {
		struct graph_fixture fixture;
		print_message("%s\n", kinds[i].name);
		open_kind(&fixture, &kinds[i], "");
		uint64_t spans = copies(&kinds[i]);
		assert_int_equal(push(&fixture, 1, 100), OUTCOME_TAKEN);
		assert_int_equal(held(&fixture), spans);
		turn(&fixture);
		assert_int_equal(held(&fixture), spans);
		for (int step = 0; step < 5; step++) { /* moved on as far as it goes */
			assert_true(consumers_flush(fixture.graph) >= spans);
			turn(&fixture);
		}
		assert_int_equal(held(&fixture), spans);
		assert_int_equal(counter_get(&graph_fixture_ledger(&fixture, 0)->sent), 0);
		script_release(fixture.scripts[0]);
		graph_fixture_drain(&fixture);
		assert_int_equal(fixture.scripts[0]->delivered[1], spans);
		assert_int_equal(dropped(&fixture), 0);
		graph_fixture_close(&fixture);
	}
}

/* ---- full ----------------------------------------------------------------------------------- */

/* Each of them insists, so whoever has room does not get the request either. */
static void who_is_full_pushes_back_and_takes_again_later(void **state)
{
	static const char beside[] = ", traces/free: {receivers: [nop], exporters: [nop/free]}";
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(kinds); i++) {
		struct graph_fixture fixture;
		uint64_t taken = 0;
		print_message("%s\n", kinds[i].name);
		open_kind(&fixture, &kinds[i], beside);
		while (push(&fixture, taken + 1, REQUEST_BYTES) == OUTCOME_TAKEN)
			taken++;
		assert_int_equal(taken, kinds[i].fit);
		assert_int_equal(held(&fixture), taken * (copies(&kinds[i]) + 1));
		script_release(fixture.scripts[0]);
		graph_fixture_drain(&fixture);
		assert_int_equal(push(&fixture, taken + 1, REQUEST_BYTES), OUTCOME_TAKEN);
		graph_fixture_drain(&fixture);
		for (uint64_t id = 1; id <= taken + 1; id++) {
			assert_int_equal(fixture.scripts[0]->delivered[id], copies(&kinds[i]));
			assert_int_equal(fixture.scripts[1]->delivered[id], 1);
		}
		assert_int_equal(dropped(&fixture), 0);
		graph_fixture_close(&fixture);
	}
}

/* ---- the end -------------------------------------------------------------------------------- */

/* Of whoever takes requests first; of exporters behind it, when it holds nothing itself. */
static void abort_kind(struct graph_fixture *fixture)
{
	size_t aborted = 0;
	for (size_t i = 0; i < fixture->graph->consumer_count; i++) {
		struct consumer *consumer = fixture->graph->consumers[i];
		if (!consumer->ops->abort || (aborted > 0 && !consumer->ops->reserve))
			continue;
		consumer->ops->abort(consumer);
		aborted++;
	}
	assert_true(aborted > 0);
}

static void after_an_abort_nothing_is_held_and_all_is_counted(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(kinds); i++) {
		struct graph_fixture fixture;
		print_message("%s\n", kinds[i].name);
		open_kind(&fixture, &kinds[i], "");
		uint64_t spans = copies(&kinds[i]);
		assert_int_equal(push(&fixture, 1, 100), OUTCOME_TAKEN);
		turn(&fixture);
		abort_kind(&fixture);
		turn(&fixture);
		assert_int_equal(held(&fixture), 0);
		assert_int_equal(dropped(&fixture), spans);
		/* What still comes, from requests that were under way, has the same end. */
		assert_int_equal(push(&fixture, 2, 100), OUTCOME_TAKEN);
		for (int step = 0; step < 3; step++) {
			(void)consumers_flush(fixture.graph);
			turn(&fixture);
		}
		assert_int_equal(held(&fixture), 0);
		assert_int_equal(dropped(&fixture), 2 * spans);
		graph_fixture_close(&fixture);
	}
}

/* ---- several at once ------------------------------------------------------------------------ */

static const char fan_out[] =
	"{traces/1: {receivers: [nop], processors: [batch, filter], exporters: [nop]}, "
	"traces/2: {receivers: [nop], processors: [langfuse], exporters: [nop]}, "
	"traces/3: {receivers: [nop], exporters: [nop]}}";

/* Puts the transfers into order number ${order}, of 6. */
static void permute(struct shard *shard, int order)
{
	static const uint8_t orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
					     {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
	struct transfer transfers[3];
	assert_int_equal(shard->transfer_count, 3);
	memcpy(transfers, shard->transfers, sizeof(transfers));
	for (int i = 0; i < 3; i++)
		shard->transfers[i] = transfers[orders[order][i]];
}

static void the_order_in_which_they_are_asked_makes_no_difference(void **state)
{
	const struct kind kind = {"all at once", fan_out, 1};
	struct drain_wait wait;
	(void)state;
	for (int order = 0; order < 6; order++) {
		struct graph_fixture fixture;
		struct chunk *body;
		open_kind(&fixture, &kind, "");
		struct shard *shard = prepare(&fixture, &body);
		permute(shard, order);
		assert_true(flow_commit(shard, NULL, &wait));
		finish(shard, body);
		assert_int_equal(held(&fixture), 3);
		/* The queue is full now: nobody takes anything. */
		shard = prepare(&fixture, &body);
		permute(shard, order);
		assert_false(flow_commit(shard, NULL, &wait));
		finish(shard, body);
		assert_int_equal(held(&fixture), 3);
		assert_true(wait.turn_ns >= DRAIN_WAIT_NS_MIN);
		script_release(fixture.scripts[0]);
		graph_fixture_drain(&fixture);
		assert_int_equal(fixture.scripts[0]->delivered[1], 3);
		graph_fixture_close(&fixture);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_reserved_is_held_and_what_is_cancelled_is_not),
		cmocka_unit_test(what_is_committed_is_held_until_it_is_answered),
		cmocka_unit_test(who_is_full_pushes_back_and_takes_again_later),
		cmocka_unit_test(after_an_abort_nothing_is_held_and_all_is_counted),
		cmocka_unit_test(the_order_in_which_they_are_asked_makes_no_difference),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
