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
#include "tests/support/config_support.h"
#include "tests/support/graph_fixture.h"
#include "tests/support/llmd_fixtures.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>

enum { DEADLINE_S = 60, SHARDS = 2 };
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

struct fixture {
	struct config_support config;
	struct graph *graph;
	struct budget budget; /* of the requests */
	struct example_requests requests;
	char text[sizeof(yaml) + 64];
};

/* What differs between the tests' pipelines. */
struct layout {
	const char *join_wait, *processors, *exporters;
	uint64_t shutdown_ns; /* how long the end may take */
	const struct component_type *type; /* of the first processor; NULL: as configured */
};

static void open_pipeline(struct fixture *fixture, const struct layout *layout)
{
	const struct graph_options options = {.shard_count = SHARDS,
					      .shutdown_timeout_ns = layout->shutdown_ns,
					      .version = "test"};
	struct err err;
	(void)snprintf(fixture->text, sizeof(fixture->text), yaml, layout->join_wait,
		       layout->processors, layout->exporters);
	config_support_init(&fixture->config);
	const struct config_node *root = config_support_load_text(&fixture->config, fixture->text);
	assert_non_null(root);
	const struct config_service *service =
		config_service_bind(root, graph_known_types(), &fixture->config.report);
	fixture->graph = service ? graph_new(service, &options, &fixture->config.report) : NULL;
	if (!fixture->graph)
		fail_msg("%s", config_support_errors(&fixture->config));
	if (layout->type)
		fixture->graph->pipelines[0].processors[0].node.type = layout->type;
	if (graph_start(fixture->graph, &err) != 0)
		fail_msg("%s", err.msg);
	budget_init(&fixture->budget, UINT64_MAX);
	llmd_fixture_build(FIXTURE_A5, false, &fixture->budget, &fixture->requests);
}

static void open_fixture(struct fixture *fixture, const char *join_wait)
{
	open_pipeline(fixture,
		      &(struct layout){join_wait, "langfuse", "nop", DEADLINE_S * NS_PER_S, NULL});
}

/* Stops as a signal does: everything held leaves first. */
static void stop(struct fixture *fixture, int exit_code)
{
	graph_stop(fixture->graph);
	assert_int_equal(graph_run(fixture->graph), exit_code);
}

static void free_fixture(struct fixture *fixture)
{
	graph_free(fixture->graph);
	example_requests_fini(&fixture->requests);
	assert_int_equal(budget_used(&fixture->budget), 0);
	config_support_fini(&fixture->config);
}

static void close_fixture(struct fixture *fixture, int exit_code)
{
	stop(fixture, exit_code);
	free_fixture(fixture);
}

static double metric(const struct fixture *fixture, const char *name, const char *labels)
{
	double value = -1;
	if (!metrics_value(graph_metrics(fixture->graph), name, labels, &value))
		fail_msg("no series %s{%s}", name, labels);
	return value;
}

#define PROCESSOR "pipeline=\"traces\",processor=\"langfuse\""

static double sent(const struct fixture *fixture)
{
	return metric(fixture, "otelcol_exporter_sent_spans", "exporter=\"nop\"");
}

/* Waits until the metric has the value. */
static void await(const struct fixture *fixture, double (*read)(const struct fixture *fixture),
		  double value)
{
	uint64_t deadline_ns = clock_monotonic_ns() + DEADLINE_S * NS_PER_S;
	while (read(fixture) != value) {
		if (clock_monotonic_ns() > deadline_ns)
			fail_msg("%g instead of %g", read(fixture), value);
		(void)sched_yield();
	}
}

static double held(const struct fixture *fixture)
{
	return metric(fixture, "sluice_processor_held", PROCESSOR);
}

static double waiting_bytes(const struct fixture *fixture)
{
	return metric(fixture, "sluice_processor_waiting_bytes", PROCESSOR);
}

/* ---- pushing on a shard's thread ------------------------------------------------------------ */

struct pushing {
	struct loop_task task;
	struct push push;
	struct fixture *fixture;
	size_t shard;
	struct chunk *body;
	struct push_result result;
	_Atomic bool done;
};

static void on_done(struct push *push, const struct push_result *result)
{
	struct pushing *pushing = CONTAINER_OF(push, struct pushing, push);
	pushing->result = *result;
	atomic_store(&pushing->done, true);
}

static void run_push(struct loop_task *task)
{
	struct pushing *pushing = CONTAINER_OF(task, struct pushing, task);
	struct graph *graph = pushing->fixture->graph;
	receiver_push(&graph->receivers[0].port, &graph->server_shards[pushing->shard], PUSH_HTTP,
		      pushing->body, &pushing->push);
}

static enum outcome push(struct fixture *fixture, size_t shard, struct chunk *body)
{
	struct pushing pushing = {.task = {.run = run_push},
				  .push = {.done = on_done},
				  .fixture = fixture,
				  .shard = shard,
				  .body = body};
	loop_post(&fixture->graph->shards[shard].loop, &pushing.task);
	while (!atomic_load(&pushing.done))
		(void)sched_yield();
	return pushing.result.outcome;
}

/* ---- tests ---------------------------------------------------------------------------------- */

static void a_span_leaves_when_what_it_waits_for_comes(void **state)
{
	struct fixture fixture;
	(void)state;
	open_fixture(&fixture, "1h");
	assert_int_equal(push(&fixture, 0, fixture.requests.items[DECODE_REQUEST]), OUTCOME_TAKEN);
	assert_true(held(&fixture) == 1 && waiting_bytes(&fixture) > 0 && sent(&fixture) == 0);
	assert_int_equal(push(&fixture, 1, fixture.requests.items[EPP_REQUEST]), OUTCOME_TAKEN);
	await(&fixture, sent, 17 + 1);
	await(&fixture, waiting_bytes, 0);
	assert_true(metric(&fixture, "sluice_processor_langfuse",
			   "langfuse=\"langfuse\",decision=\"model_from_trace\"") == 1);
	close_fixture(&fixture, 0);
}

static void a_span_leaves_when_its_time_is_over(void **state)
{
	struct fixture fixture;
	(void)state;
	open_fixture(&fixture, "50ms");
	assert_int_equal(push(&fixture, 0, fixture.requests.items[DECODE_REQUEST]), OUTCOME_TAKEN);
	await(&fixture, sent, 1);
	assert_true(metric(&fixture, "sluice_processor_langfuse",
			   "langfuse=\"langfuse\",decision=\"model_unknown\"") == 1);
	close_fixture(&fixture, 0);
}

static void a_stop_lets_everybody_leave(void **state)
{
	struct fixture fixture;
	(void)state;
	open_fixture(&fixture, "1h");
	assert_int_equal(push(&fixture, 1, fixture.requests.items[DECODE_REQUEST]), OUTCOME_TAKEN);
	assert_true(sent(&fixture) == 0);
	stop(&fixture, 0);
	assert_true(sent(&fixture) == 1);
	free_fixture(&fixture);
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
	struct fixture fixture;
	(void)state;
	open_fixture(&fixture, "1h");
	struct chunk *first = large_request(&fixture.budget, 1);
	struct chunk *second = large_request(&fixture.budget, 2);
	assert_int_equal(push(&fixture, 0, first), OUTCOME_TAKEN);
	assert_int_equal(push(&fixture, 1, second), OUTCOME_RETRY);
	chunk_unref(first);
	chunk_unref(second);
	assert_true(held(&fixture) == 1);
	close_fixture(&fixture, 0);
}

static double dropped(const struct fixture *fixture)
{
	return metric(fixture, "sluice_pipeline_dropped_spans",
		      "pipeline=\"traces\",reason=\"permanent_error\"");
}

/* Nobody can be told any more, so it must be seen. */
static void spans_that_a_later_processor_refuses_for_good_are_counted(void **state)
{
	struct fixture fixture;
	(void)state;
	open_pipeline(&fixture,
		      &(struct layout){"1ms", "langfuse, filter", "nop", DEADLINE_S * NS_PER_S, NULL});
	struct chunk *request = large_request(&fixture.budget, 1);
	assert_int_equal(push(&fixture, 0, request), OUTCOME_TAKEN);
	chunk_unref(request);
	await(&fixture, dropped, 1);
	assert_true(sent(&fixture) == 0);
	close_fixture(&fixture, 0);
}

/* ---- the next stage is full ----------------------------------------------------------------- */

enum { EPP_SPANS = 17 };

static double accepted(const struct fixture *fixture)
{
	return metric(fixture, "otelcol_receiver_accepted_spans",
		      "receiver=\"nop\",transport=\"http\"");
}

static double lost_waiting(const struct fixture *fixture)
{
	return metric(fixture, "sluice_pipeline_dropped_spans",
		      "pipeline=\"traces\",reason=\"shutdown\"");
}

static double lost_queued(const struct fixture *fixture)
{
	return metric(fixture, "sluice_exporter_dropped_spans",
		      "exporter=\"otlp_http\",reason=\"shutdown\"");
}

/* Spans that passed the processor behind: those that waited pass it when they try to leave. */
static double looked_at(const struct fixture *fixture)
{
	return metric(fixture, "sluice_processor_filter_condition_errors",
		      "filter=\"filter/looks\",condition=\"HasPrefix(attributes[\\\"absent\\\"], "
		      "\\\"x\\\")\"");
}

/* A span that may leave finds the queue full: it stays, is seen to stay, and an end that cannot
 * deliver it counts it. Nothing of what was accepted is missing in the sum. */
static void a_span_that_nobody_takes_stays_until_the_end_and_is_counted(void **state)
{
	struct fixture fixture;
	(void)state;
	open_pipeline(&fixture,
		      &(struct layout){"1h", "langfuse, filter/looks", "otlp_http", NS_PER_S / 2, NULL});
	assert_int_equal(push(&fixture, 0, fixture.requests.items[DECODE_REQUEST]), OUTCOME_TAKEN);
	assert_int_equal(push(&fixture, 1, fixture.requests.items[EPP_REQUEST]), OUTCOME_TAKEN);
	uint64_t deadline_ns = clock_monotonic_ns() + DEADLINE_S * NS_PER_S;
	double before = looked_at(&fixture);
	while (looked_at(&fixture) == before) { /* it has tried at least once */
		assert_true(clock_monotonic_ns() < deadline_ns);
		(void)sched_yield();
	}
	assert_true(waiting_bytes(&fixture) > 0 && held(&fixture) == 1);
	assert_int_equal(push(&fixture, 0, fixture.requests.items[PROXY_REQUEST]), OUTCOME_RETRY);
	stop(&fixture, 1);
	assert_true(accepted(&fixture) == EPP_SPANS + 1);
	assert_true(lost_waiting(&fixture) + lost_queued(&fixture) == EPP_SPANS + 1);
	assert_true(waiting_bytes(&fixture) == 0);
	free_fixture(&fixture);
}

/* ---- memory --------------------------------------------------------------------------------- */

/* No room for the held span's encoded form: its sender comes again, and nothing was taken. */
static void a_span_that_memory_cannot_hold_is_not_taken(void **state)
{
	struct fixture fixture;
	(void)state;
	open_fixture(&fixture, "1h");
	struct budget *budget = graph_budget(fixture.graph);
	struct chunk *request = large_request(&fixture.budget, 1);
	uint64_t limit = atomic_load(&budget->limit);
	atomic_store(&budget->limit, budget_used(budget) + (1 << 20));
	assert_int_equal(push(&fixture, 0, request), OUTCOME_RETRY);
	assert_true(held(&fixture) == 0 && waiting_bytes(&fixture) == 0);
	atomic_store(&budget->limit, limit);
	assert_int_equal(push(&fixture, 0, request), OUTCOME_TAKEN);
	assert_true(held(&fixture) == 1 && accepted(&fixture) == 1);
	chunk_unref(request);
	close_fixture(&fixture, 0);
}

/* ---- how often held spans run --------------------------------------------------------------- */

/* The langfuse processor, counted; with a script that decides in its place. */
static _Atomic unsigned process_calls, known_calls;
static _Atomic uint64_t scripted_known;

static const struct processor_ops *langfuse_ops(void)
{
	return component_find(COMPONENT_PROCESSOR, "langfuse")->processor;
}

static enum outcome process_counted(void *self, void *state, struct trace_view *view,
				    struct err *err)
{
	atomic_fetch_add(&process_calls, 1);
	return langfuse_ops()->process(self, state, view, err);
}

static uint64_t known_counted(void *self, struct slice trace_id)
{
	atomic_fetch_add(&known_calls, 1);
	return langfuse_ops()->holds->known(self, trace_id);
}

/* Holds everything back three times. Something comes in the middle of its second run. */
static enum outcome process_scripted(void *self, void *state, struct trace_view *view,
				     struct err *err)
{
	(void)self, (void)state, (void)err;
	unsigned before = atomic_fetch_add(&process_calls, 1);
	if (before == 1)
		atomic_fetch_add(&scripted_known, 1);
	for (uint32_t span = 0; before < 3 && span < view_span_count(view); span++)
		edit_hold_span(view, span);
	return OUTCOME_TAKEN;
}

static uint64_t known_scripted(void *self, struct slice trace_id)
{
	(void)self, (void)trace_id;
	atomic_fetch_add(&known_calls, 1);
	return atomic_load(&scripted_known);
}

static void open_counted(struct fixture *fixture, struct component_type *type,
			 struct processor_ops *ops, struct hold_ops *holds)
{
	*type = *component_find(COMPONENT_PROCESSOR, "langfuse");
	holds->wait_ns = langfuse_ops()->holds->wait_ns;
	ops->holds = holds;
	type->processor = ops;
	atomic_store(&process_calls, 0);
	atomic_store(&known_calls, 0);
	open_pipeline(fixture,
		      &(struct layout){"1h", "langfuse", "nop", DEADLINE_S * NS_PER_S, type});
}

static double read_process_calls(const struct fixture *fixture)
{
	(void)fixture;
	return atomic_load(&process_calls);
}

/* Waits until held spans were looked at several times more. */
static void await_looks(void)
{
	enum { LOOKS = 5 };
	uint64_t deadline_ns = clock_monotonic_ns() + DEADLINE_S * NS_PER_S;
	unsigned before = atomic_load(&known_calls);
	while (atomic_load(&known_calls) < before + LOOKS) {
		assert_true(clock_monotonic_ns() < deadline_ns);
		(void)sched_yield();
	}
}

/* A decoder waits for its model; that its trace is one of disaggregation does not help. */
static void what_is_held_again_runs_when_more_is_known_and_not_before(void **state)
{
	struct fixture fixture;
	struct component_type type;
	struct processor_ops counted = *langfuse_ops();
	struct hold_ops holds = {.known = known_counted};
	(void)state;
	counted.process = process_counted;
	open_counted(&fixture, &type, &counted, &holds);
	assert_int_equal(push(&fixture, 0, fixture.requests.items[DECODE_REQUEST]), OUTCOME_TAKEN);
	assert_int_equal(push(&fixture, 1, fixture.requests.items[PROXY_REQUEST]), OUTCOME_TAKEN);
	await(&fixture, read_process_calls, 2 + 1);
	await_looks();
	assert_int_equal(atomic_load(&process_calls), 2 + 1);
	assert_true(held(&fixture) == 1 && waiting_bytes(&fixture) > 0);
	assert_int_equal(push(&fixture, 0, fixture.requests.items[EPP_REQUEST]), OUTCOME_TAKEN);
	await(&fixture, waiting_bytes, 0);
	assert_int_equal(atomic_load(&process_calls), 2 + 1 + 2);
	close_fixture(&fixture, 0);
}

static void what_comes_during_a_run_is_not_missed(void **state)
{
	struct fixture fixture;
	struct component_type type;
	struct processor_ops scripted = *langfuse_ops();
	struct hold_ops holds = {.known = known_scripted};
	(void)state;
	scripted.process = process_scripted;
	atomic_store(&scripted_known, 1);
	open_counted(&fixture, &type, &scripted, &holds);
	assert_int_equal(push(&fixture, 0, fixture.requests.items[DECODE_REQUEST]), OUTCOME_TAKEN);
	await(&fixture, read_process_calls, 3); /* what was known at first; what came meanwhile */
	await_looks();
	assert_int_equal(atomic_load(&process_calls), 3);
	atomic_fetch_add(&scripted_known, 1);
	await(&fixture, sent, 1);
	close_fixture(&fixture, 0);
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
		cmocka_unit_test(what_is_held_again_runs_when_more_is_known_and_not_before),
		cmocka_unit_test(what_comes_during_a_run_is_not_missed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
