/* SPDX-License-Identifier: Apache-2.0 */
/* How often the graph runs what it holds back: once when more is known, and not before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pipeline/base/clock.h"
#include "pipeline/trace/otlp/edit.h"
#include "tests/support/live_graph.h"

#include <sched.h>

enum { DEADLINE_S = 60 };
enum { EPP_REQUEST, PROXY_REQUEST, PREFILL_REQUEST, DECODE_REQUEST };

static const char yaml[] =
	"receivers: {nop: }\n"
	"processors: {langfuse: {join_wait: 1h}}\n"
	"exporters: {nop: }\n"
	"service:\n"
	"  telemetry: {metrics: {level: none}}\n"
	"  pipelines: {traces: {receivers: [nop], processors: [langfuse], exporters: [nop]}}\n";

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

static void open_counted(struct live_graph *fixture, struct component_type *type,
			 struct processor_ops *ops, struct hold_ops *holds)
{
	*type = *component_find(COMPONENT_PROCESSOR, "langfuse");
	holds->wait_ns = langfuse_ops()->holds->wait_ns;
	ops->holds = holds;
	type->processor = ops;
	atomic_store(&process_calls, 0);
	atomic_store(&known_calls, 0);
	live_graph_open(fixture, yaml, DEADLINE_S * NS_PER_S, type);
}

static double read_process_calls(const struct live_graph *fixture)
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
	struct live_graph fixture;
	struct component_type type;
	struct processor_ops counted = *langfuse_ops();
	struct hold_ops holds = {.known = known_counted};
	(void)state;
	counted.process = process_counted;
	open_counted(&fixture, &type, &counted, &holds);
	assert_int_equal(live_graph_push(&fixture, 0, fixture.requests.items[DECODE_REQUEST]),
			 OUTCOME_TAKEN);
	assert_int_equal(live_graph_push(&fixture, 1, fixture.requests.items[PROXY_REQUEST]),
			 OUTCOME_TAKEN);
	live_graph_await(&fixture, read_process_calls, 2 + 1);
	await_looks();
	assert_int_equal(atomic_load(&process_calls), 2 + 1);
	assert_true(held(&fixture) == 1 && waiting_bytes(&fixture) > 0);
	assert_int_equal(live_graph_push(&fixture, 0, fixture.requests.items[EPP_REQUEST]),
			 OUTCOME_TAKEN);
	live_graph_await(&fixture, waiting_bytes, 0);
	assert_int_equal(atomic_load(&process_calls), 2 + 1 + 2);
	live_graph_close(&fixture, 0);
}

static void what_comes_during_a_run_is_not_missed(void **state)
{
	struct live_graph fixture;
	struct component_type type;
	struct processor_ops scripted = *langfuse_ops();
	struct hold_ops holds = {.known = known_scripted};
	(void)state;
	scripted.process = process_scripted;
	atomic_store(&scripted_known, 1);
	open_counted(&fixture, &type, &scripted, &holds);
	assert_int_equal(live_graph_push(&fixture, 0, fixture.requests.items[DECODE_REQUEST]),
			 OUTCOME_TAKEN);
	live_graph_await(&fixture, read_process_calls,
			 3); /* what was known at first; what came meanwhile */
	await_looks();
	assert_int_equal(atomic_load(&process_calls), 3);
	atomic_fetch_add(&scripted_known, 1);
	live_graph_await(&fixture, sent, 1);
	live_graph_close(&fixture, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_held_again_runs_when_more_is_known_and_not_before),
		cmocka_unit_test(what_comes_during_a_run_is_not_missed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
