/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Spans held back in a running graph: shards on threads of their own, requests pushed on them, what
 * left counted by the metrics. The langfuse processor is who holds back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pipeline/base/clock.h"
#include "pipeline/graph/internal.h"
#include "tests/support/graph_fixture.h"
#include "tests/support/live_graph.h"

#include <sched.h>
#include <stdio.h>

enum { DEADLINE_S = 60 };
enum { EPP_REQUEST, PROXY_REQUEST, PREFILL_REQUEST, DECODE_REQUEST };

static const char yaml[] =
	"receivers: {nop: }\n"
	"processors:\n"
	"  langfuse: {join_wait: %s}\n"
	"  filter: {error_mode: propagate, traces: {span: ['HasPrefix(attributes[\"absent\"], "
	"\"x\")']}}\n"
	/* Each span that passes is an error of its condition, counted whatever comes after. */
	"  filter/looks: {error_mode: ignore, traces: {span: ['HasPrefix(attributes[\"absent\"], "
	"\"x\")']}}\n"
	"exporters:\n"
	"  nop:\n"
	"  otlp_http:\n" /* nobody listens there, and one request fills its queue */
	"    endpoint: http://127.0.0.1:1\n"
	"    sending_queue: {queue_size: 1, required: true}\n"
	"    retry_on_failure: {max_elapsed_time: 0s}\n"
	"service:\n"
	"  telemetry: {metrics: {level: none}}\n"
	"  pipelines: {traces: {receivers: [nop], processors: [%s], exporters: [%s]}}\n";

/* What differs between the tests' pipelines. */
struct layout {
	const char *join_wait, *processors, *exporters;
	uint64_t shutdown_ns; /* how long the end may take */
};

static void open_pipeline(struct live_graph *fixture, const struct layout *layout)
{
	char text[sizeof(yaml) + 64];
	(void)snprintf(text, sizeof(text), yaml, layout->join_wait, layout->processors,
		       layout->exporters);
	live_graph_open(fixture, text, layout->shutdown_ns, NULL);
}

static void open_fixture(struct live_graph *fixture, const char *join_wait)
{
	open_pipeline(fixture,
		      &(struct layout){join_wait, "langfuse", "nop", DEADLINE_S * NS_PER_S});
}

#define PROCESSOR "pipeline=\"traces\",processor=\"langfuse\""

static double sent(const struct live_graph *fixture)
{
	return live_graph_metric(fixture, "otelcol_exporter_sent_spans", "exporter=\"nop\"");
}

static double held(const struct live_graph *fixture)
{
	return live_graph_metric(fixture, "sluice_processor_held", PROCESSOR);
}

static double waiting_bytes(const struct live_graph *fixture)
{
	return live_graph_metric(fixture, "sluice_processor_waiting_bytes", PROCESSOR);
}

/* ---- tests ---------------------------------------------------------------------------------- */

static void a_span_leaves_when_what_it_waits_for_comes(void **state)
{
	struct live_graph fixture;
	(void)state;
	open_fixture(&fixture, "1h");
	assert_int_equal(live_graph_push(&fixture, 0, fixture.requests.items[DECODE_REQUEST]),
			 OUTCOME_TAKEN);
	assert_true(held(&fixture) == 1 && waiting_bytes(&fixture) > 0 && sent(&fixture) == 0);
	assert_int_equal(live_graph_push(&fixture, 1, fixture.requests.items[EPP_REQUEST]),
			 OUTCOME_TAKEN);
	live_graph_await(&fixture, sent, 17 + 1);
	live_graph_await(&fixture, waiting_bytes, 0);
	assert_true(live_graph_metric(&fixture, "sluice_processor_langfuse",
				      "langfuse=\"langfuse\",decision=\"model_from_trace\"") == 1);
	live_graph_close(&fixture, 0);
}

static void a_span_leaves_when_its_time_is_over(void **state)
{
	struct live_graph fixture;
	(void)state;
	open_fixture(&fixture, "50ms");
	assert_int_equal(live_graph_push(&fixture, 0, fixture.requests.items[DECODE_REQUEST]),
			 OUTCOME_TAKEN);
	live_graph_await(&fixture, sent, 1);
	assert_true(live_graph_metric(&fixture, "sluice_processor_langfuse",
				      "langfuse=\"langfuse\",decision=\"model_unknown\"") == 1);
	live_graph_close(&fixture, 0);
}

static void a_stop_lets_everybody_leave(void **state)
{
	struct live_graph fixture;
	(void)state;
	open_fixture(&fixture, "1h");
	assert_int_equal(live_graph_push(&fixture, 1, fixture.requests.items[DECODE_REQUEST]),
			 OUTCOME_TAKEN);
	assert_true(sent(&fixture) == 0);
	live_graph_stop(&fixture, 0);
	assert_true(sent(&fixture) == 1);
	live_graph_free(&fixture);
}

/* A request of one waiting span with much text on it. */
static struct chunk *large_request(struct budget *budget, uint64_t id)
{
	struct buf body = BUF_INIT;
	graph_waiting_span(&body, id, 9 << 20);
	struct chunk *chunk = chunk_new(budget, body.len);
	assert_non_null(chunk);
	assert_true(chunk_append(chunk, buf_slice(&body)));
	buf_fini(&body);
	return chunk;
}

static void a_full_consumer_pushes_back_and_loses_nothing(void **state)
{
	struct live_graph fixture;
	(void)state;
	open_fixture(&fixture, "1h");
	struct chunk *first = large_request(&fixture.budget, 1);
	struct chunk *second = large_request(&fixture.budget, 2);
	assert_int_equal(live_graph_push(&fixture, 0, first), OUTCOME_TAKEN);
	assert_int_equal(live_graph_push(&fixture, 1, second), OUTCOME_RETRY);
	chunk_unref(first);
	chunk_unref(second);
	assert_true(held(&fixture) == 1);
	live_graph_close(&fixture, 0);
}

static double dropped(const struct live_graph *fixture)
{
	return live_graph_metric(fixture, "sluice_pipeline_dropped_spans",
				 "pipeline=\"traces\",reason=\"permanent_error\"");
}

/* Nobody can be told any more, so it must be seen. */
static void spans_that_a_later_processor_refuses_for_good_are_counted(void **state)
{
	struct live_graph fixture;
	(void)state;
	open_pipeline(&fixture,
		      &(struct layout){"1ms", "langfuse, filter", "nop", DEADLINE_S * NS_PER_S});
	struct chunk *request = large_request(&fixture.budget, 1);
	assert_int_equal(live_graph_push(&fixture, 0, request), OUTCOME_TAKEN);
	chunk_unref(request);
	live_graph_await(&fixture, dropped, 1);
	assert_true(sent(&fixture) == 0);
	live_graph_close(&fixture, 0);
}

/* ---- the next stage is full ----------------------------------------------------------------- */

enum { EPP_SPANS = 17 };

static double accepted(const struct live_graph *fixture)
{
	return live_graph_metric(fixture, "otelcol_receiver_accepted_spans",
				 "receiver=\"nop\",transport=\"http\"");
}

static double lost_waiting(const struct live_graph *fixture)
{
	return live_graph_metric(fixture, "sluice_pipeline_dropped_spans",
				 "pipeline=\"traces\",reason=\"shutdown\"");
}

static double lost_queued(const struct live_graph *fixture)
{
	return live_graph_metric(fixture, "sluice_exporter_dropped_spans",
				 "exporter=\"otlp_http\",reason=\"shutdown\"");
}

/* Spans that passed the processor behind: those that waited pass it when they try to leave. */
static double looked_at(const struct live_graph *fixture)
{
	return live_graph_metric(
		fixture, "sluice_processor_filter_condition_errors",
		"filter=\"filter/looks\",condition=\"HasPrefix(attributes[\\\"absent\\\"], "
		"\\\"x\\\")\"");
}

/* A span that may leave finds the queue full: it stays, is seen to stay, and an end that cannot
 * deliver it counts it. Nothing of what was accepted is missing in the sum. */
static void a_span_that_nobody_takes_stays_until_the_end_and_is_counted(void **state)
{
	struct live_graph fixture;
	(void)state;
	open_pipeline(&fixture,
		      &(struct layout){"1h", "langfuse, filter/looks", "otlp_http", NS_PER_S / 2});
	assert_int_equal(live_graph_push(&fixture, 0, fixture.requests.items[DECODE_REQUEST]),
			 OUTCOME_TAKEN);
	assert_int_equal(live_graph_push(&fixture, 1, fixture.requests.items[EPP_REQUEST]),
			 OUTCOME_TAKEN);
	uint64_t deadline_ns = clock_monotonic_ns() + DEADLINE_S * NS_PER_S;
	double before = looked_at(&fixture);
	while (looked_at(&fixture) == before) { /* it has tried at least once */
		assert_true(clock_monotonic_ns() < deadline_ns);
		(void)sched_yield();
	}
	assert_true(waiting_bytes(&fixture) > 0 && held(&fixture) == 1);
	assert_int_equal(live_graph_push(&fixture, 0, fixture.requests.items[PROXY_REQUEST]),
			 OUTCOME_RETRY);
	live_graph_stop(&fixture, 1);
	assert_true(accepted(&fixture) == EPP_SPANS + 1);
	assert_true(lost_waiting(&fixture) + lost_queued(&fixture) == EPP_SPANS + 1);
	assert_true(waiting_bytes(&fixture) == 0);
	live_graph_free(&fixture);
}

/* ---- memory --------------------------------------------------------------------------------- */

/* No room for the held span's encoded form: its sender comes again, and nothing was taken. */
static void a_span_that_memory_cannot_hold_is_not_taken(void **state)
{
	struct live_graph fixture;
	(void)state;
	open_fixture(&fixture, "1h");
	struct budget *budget = graph_budget(fixture.graph);
	struct chunk *request = large_request(&fixture.budget, 1);
	uint64_t limit = atomic_load(&budget->limit);
	atomic_store(&budget->limit, budget_used(budget) + (1 << 20));
	assert_int_equal(live_graph_push(&fixture, 0, request), OUTCOME_RETRY);
	assert_true(held(&fixture) == 0 && waiting_bytes(&fixture) == 0);
	atomic_store(&budget->limit, limit);
	assert_int_equal(live_graph_push(&fixture, 0, request), OUTCOME_TAKEN);
	assert_true(held(&fixture) == 1 && accepted(&fixture) == 1);
	chunk_unref(request);
	live_graph_close(&fixture, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_span_leaves_when_what_it_waits_for_comes),
		cmocka_unit_test(a_span_leaves_when_its_time_is_over),
		cmocka_unit_test(a_stop_lets_everybody_leave),
		cmocka_unit_test(a_full_consumer_pushes_back_and_loses_nothing),
		cmocka_unit_test(spans_that_a_later_processor_refuses_for_good_are_counted),
		cmocka_unit_test(a_span_that_nobody_takes_stays_until_the_end_and_is_counted),
		cmocka_unit_test(a_span_that_memory_cannot_hold_is_not_taken),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
