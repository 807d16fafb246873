/* SPDX-License-Identifier: Apache-2.0 */
/* A batch processor in the middle of a pipeline: it gathers, keeps, pushes back, and counts. */
#include "pipeline/graph/batch_stage.h"
#include "tests/support/graph_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char middle[] =
	"receivers: {nop: }\n"
	"processors:\n"
	"  batch: {send_batch_size: 10, send_batch_max_size: 10, timeout: 1h}\n"
	"  filter: {traces: {span: ['name == \"odd\"']}}\n"
	"exporters: {nop: {sending_queue: {queue_size: 2, num_consumers: 1, required: true}}}\n"
	"service: {pipelines: {traces: {receivers: [nop], processors: [batch, filter], exporters: "
	"[nop]}}}\n";

static struct consumer *batch_of(struct graph_fixture *fixture)
{
	const struct stage *stage = &fixture->graph->pipelines[0].stages[0];
	assert_int_equal(stage->consumer_count, 1);
	return stage->consumers[0];
}

static uint64_t held(struct graph_fixture *fixture)
{
	struct consumer *batch = batch_of(fixture);
	return batch->ops->held(batch);
}

static double dropped(struct graph_fixture *fixture, const char *reason)
{
	char labels[64];
	(void)snprintf(labels, sizeof(labels), "pipeline=\"traces\",reason=\"%s\"", reason);
	return graph_fixture_metric(fixture, "sluice_pipeline_dropped_spans", labels);
}

struct reservation {
	struct transfer transfer;
	struct chunk chunk;
};

/* Reserves room for a chunk of ${bytes}, as a request does. */
static bool reserve(struct reservation *reservation, struct graph_fixture *fixture, size_t bytes)
{
	struct transfer *transfer = &reservation->transfer;
	struct admission admission = {0};
	reservation->chunk.len = bytes;
	*transfer = (struct transfer){.consumer = batch_of(fixture), .chunk = &reservation->chunk};
	transfer->consumer->ops->reserve(transfer, &admission);
	assert_int_equal(admission.refused, transfer->reserved == 0);
	return transfer->reserved > 0;
}

static void cancel(struct reservation *reservation)
{
	reservation->transfer.consumer->ops->cancel(&reservation->transfer);
}

static enum outcome push_spans(struct graph_fixture *fixture, uint64_t first, uint32_t spans,
			       size_t padding)
{
	struct buf body = BUF_INIT;
	struct graph_push push;
	graph_request(&body, first, spans, padding, 20);
	graph_fixture_push(fixture, 0, buf_slice(&body), 0, &push);
	assert_int_equal(push.answers, 1);
	buf_fini(&body);
	return push.outcome;
}

static bool has_call(void *arg)
{
	return ((struct scripted_exporter *)arg)->calls > 0;
}

static void gathers_before_the_next_stage(void **state)
{
	struct graph_fixture fixture;
	(void)state;
	graph_fixture_open(&fixture, middle, 2);
	for (uint64_t id = 0; id < 9; id++)
		assert_int_equal(push_spans(&fixture, id, 1, 0), OUTCOME_TAKEN);
	assert_int_equal(held(&fixture), 9);
	assert_int_equal(fixture.scripts[0]->calls, 0);
	assert_int_equal(push_spans(&fixture, 9, 1, 0), OUTCOME_TAKEN);
	graph_fixture_run_until(&fixture, has_call, fixture.scripts[0]);
	assert_int_equal(fixture.scripts[0]->batch_spans[0], 5); /* the even ones, in one */
	assert_int_equal(graph_fixture_metric(&fixture, "otelcol_processor_incoming_items",
					      "otel_signal=\"traces\",processor=\"filter\""),
			 10);
	assert_int_equal(graph_fixture_metric(&fixture,
					      "otelcol_processor_batch_batch_size_trigger_send",
					      "processor=\"batch\""),
			 1);
	graph_fixture_drain(&fixture);
	graph_fixture_close(&fixture);
}

/* Parts of a split request are larger together than the request was. */
static void is_empty_again_after_requests_that_were_split(void **state)
{
	struct graph_fixture fixture;
	uint64_t first = 0;
	(void)state;
	graph_fixture_open(&fixture, middle, 1);
	for (uint32_t spans = 7; spans < 60; spans += 13) {
		assert_int_equal(push_spans(&fixture, first, spans, 50), OUTCOME_TAKEN);
		first += spans;
	}
	graph_fixture_drain(&fixture);
	uint32_t delivered = 0;
	for (uint64_t id = 0; id < first; id++)
		delivered += fixture.scripts[0]->delivered[id];
	assert_int_equal(delivered, (first + 1) / 2);
	assert_int_equal(held(&fixture), 0);
	/* Every byte of its capacity is free. */
	struct reservation most = {0}, rest = {0}, more = {0};
	assert_true(reserve(&most, &fixture, BATCH_STAGE_BYTES_MAX - 1));
	assert_true(reserve(&rest, &fixture, 1));
	assert_false(reserve(&more, &fixture, 1));
	cancel(&most);
	cancel(&rest);
	cancel(&more);
	assert_true(reserve(&more, &fixture, BATCH_STAGE_BYTES_MAX));
	cancel(&more);
	graph_fixture_close(&fixture);
}

/* Spans with an id alone: an index of them is far larger than they are. Each request is within its bound, and
 * so must be what is gathered of them, whether or not others were dropped from between. */
static void requests_of_tiny_spans_are_never_too_much_together(void **state)
{
	static const struct {
		const char *processors;
		uint32_t requests, spans;
		size_t large_bytes;
	} cases[] = {
		{"batch, filter", 60, 2000, 0},
		{"filter/large, batch, filter", 4, 20000, 400000},
		{"batch, filter/large, batch/2, filter", 4, 20000, 400000},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct graph_fixture fixture;
		struct buf yaml = BUF_INIT, body = BUF_INIT;
		struct graph_push push;
		buf_printf(&yaml,
			   "receivers: {nop: }\n"
			   "processors:\n"
			   "  batch: {send_batch_size: 100000, timeout: 1h}\n"
			   "  batch/2: {send_batch_size: 100000, timeout: 1h}\n"
			   "  filter: {traces: {span: ['name == \"odd\"']}}\n"
			   "  filter/large: {traces: {span: ['name == \"large\"']}}\n"
			   "exporters: {nop: }\n"
			   "service: {pipelines: {traces: {receivers: [nop], processors: [%s], "
			   "exporters: [nop]}}}\n",
			   cases[i].processors);
		graph_fixture_open(&fixture, buf_cstr(&yaml), 1);
		graph_tiny_spans(&body, cases[i].spans, cases[i].large_bytes);
		for (uint32_t k = 0; k < cases[i].requests; k++) {
			graph_fixture_push(&fixture, 0, buf_slice(&body), 0, &push);
			assert_int_equal(push.outcome, OUTCOME_TAKEN);
		}
		graph_fixture_drain(&fixture);
		assert_int_equal(dropped(&fixture, "permanent_error"), 0);
		assert_int_equal(counter_get(&graph_fixture_ledger(&fixture, 0)->sent),
				 cases[i].requests * cases[i].spans);
		buf_fini(&body);
		buf_fini(&yaml);
		graph_fixture_close(&fixture);
	}
}

static bool queue_is_full(void *arg)
{
	struct graph_fixture *fixture = arg;
	return sender_used_units(graph_fixture_exporter(fixture, 0)->sender) == 2;
}

/* Five batches of ten: two are with the exporter and fill its queue, three wait. */
static void open_full(struct graph_fixture *fixture)
{
	graph_fixture_open(fixture, middle, 1);
	fixture->scripts[0]->hold = true;
	for (uint64_t i = 0; i < 5; i++)
		assert_int_equal(push_spans(fixture, i * 10, 10, 0), OUTCOME_TAKEN);
	graph_fixture_run_until(fixture, queue_is_full, fixture);
}

static void keeps_until_the_next_stage_has_room(void **state)
{
	struct graph_fixture fixture;
	(void)state;
	open_full(&fixture);
	assert_int_equal(held(&fixture), 30);
	script_release(fixture.scripts[0]);
	graph_fixture_drain(&fixture); /* it looks again after a while */
	assert_int_equal(counter_get(&graph_fixture_ledger(&fixture, 0)->sent), 25);
	assert_int_equal(dropped(&fixture, "memory"), 0);
	graph_fixture_close(&fixture);
}

static void pushes_back_when_it_is_full(void **state)
{
	struct graph_fixture fixture;
	(void)state;
	graph_fixture_open(&fixture, middle, 1);
	struct reservation all = {0};
	assert_true(reserve(&all, &fixture, BATCH_STAGE_BYTES_MAX));
	assert_int_equal(push_spans(&fixture, 0, 1, 0), OUTCOME_RETRY);
	assert_int_equal(held(&fixture), 0);
	cancel(&all);
	assert_int_equal(push_spans(&fixture, 0, 1, 0), OUTCOME_TAKEN);
	graph_fixture_drain(&fixture);
	graph_fixture_close(&fixture);
}

/* An error that will be the same next time must not stand in the way for ever. */
static void a_batch_that_can_never_pass_is_dropped_and_counted(void **state)
{
	struct graph_fixture fixture;
	(void)state;
	graph_fixture_open(&fixture,
			   "receivers: {nop: }\n"
			   "processors:\n"
			   "  batch: {send_batch_size: 10, timeout: 1h}\n"
			   "  filter: {error_mode: propagate, traces: {span: "
			   "['HasPrefix(attributes[\"pad\"], \"x\")']}}\n"
			   "exporters: {nop: }\n"
			   "service: {pipelines: {traces: {receivers: [nop], processors: [batch, "
			   "filter], exporters: [nop]}}}\n",
			   1);
	assert_int_equal(push_spans(&fixture, 0, 10, 0), OUTCOME_TAKEN); /* no pad: an error */
	assert_int_equal(push_spans(&fixture, 10, 10, 5), OUTCOME_TAKEN);
	graph_fixture_drain(&fixture);
	assert_int_equal(counter_get(&graph_fixture_ledger(&fixture, 0)->sent), 10);
	assert_int_equal(dropped(&fixture, "permanent_error"), 10);
	assert_int_equal(graph_fixture_metric(&fixture, "sluice_pipeline_dropped_spans",
					      "pipeline=\"traces\",reason=\"permanent_error\""),
			 10);
	graph_fixture_close(&fixture);
}

static void an_abort_counts_what_it_held(void **state)
{
	struct graph_fixture fixture;
	(void)state;
	open_full(&fixture);
	assert_int_equal(push_spans(&fixture, 50, 3, 0), OUTCOME_TAKEN); /* gathered, not closed */
	batch_of(&fixture)->ops->abort(batch_of(&fixture));
	assert_int_equal(held(&fixture), 0);
	assert_int_equal(dropped(&fixture, "shutdown"), 33);
	/* What still comes is dropped as well. */
	assert_int_equal(push_spans(&fixture, 60, 10, 0), OUTCOME_TAKEN);
	script_release(fixture.scripts[0]);
	graph_fixture_drain(&fixture);
	assert_int_equal(dropped(&fixture, "shutdown"), 43);
	assert_int_equal(counter_get(&graph_fixture_ledger(&fixture, 0)->sent), 10);
	graph_fixture_close(&fixture);
}

static void validate_says_what_a_crash_loses(void **state)
{
	struct graph_fixture fixture;
	(void)state;
	assert_true(graph_fixture_build(&fixture, middle, 1));
	graph_lint(fixture.graph, &fixture.config.report);
	assert_non_null(strstr(config_support_warnings(&fixture.config),
			       "batch is followed by another processor"));
	graph_fixture_close(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gathers_before_the_next_stage),
		cmocka_unit_test(is_empty_again_after_requests_that_were_split),
		cmocka_unit_test(requests_of_tiny_spans_are_never_too_much_together),
		cmocka_unit_test(keeps_until_the_next_stage_has_room),
		cmocka_unit_test(pushes_back_when_it_is_full),
		cmocka_unit_test(a_batch_that_can_never_pass_is_dropped_and_counted),
		cmocka_unit_test(an_abort_counts_what_it_held),
		cmocka_unit_test(validate_says_what_a_crash_loses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
