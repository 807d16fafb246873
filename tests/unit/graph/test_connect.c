/* SPDX-License-Identifier: Apache-2.0 */
/* Pipelines joined by connectors: who gets what, admission over the whole graph, what is refused. */
#include "tests/support/graph_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define HEAD "receivers: {nop: }\nconnectors: {forward: , forward/b: }\n"
#define FILTERS                                                                                    \
	"processors:\n"                                                                            \
	"  batch: {timeout: 1h}\n"                                                                 \
	"  filter/odd: {traces: {span: ['name == \"odd\"']}}\n"                                    \
	"  filter/even: {traces: {span: ['name == \"even\"']}}\n"
#define ONE_PLACE "sending_queue: {queue_size: 1, num_consumers: 1}"
#define ONE_PLACE_REQUIRED "sending_queue: {queue_size: 1, num_consumers: 1, required: true}"

static void push_spans(struct graph_fixture *fixture, uint64_t first, uint32_t spans,
		       struct graph_push *push)
{
	struct buf body = BUF_INIT;
	graph_request(&body, first, spans, 10, 0);
	graph_fixture_push(fixture, 0, buf_slice(&body), 0, push);
	buf_fini(&body);
	assert_int_equal(push->answers, 1);
}

static void expect_taken(struct graph_fixture *fixture, uint64_t first, uint32_t spans)
{
	struct graph_push push;
	push_spans(fixture, first, spans, &push);
	assert_int_equal(push.outcome, OUTCOME_TAKEN);
	assert_int_equal(push.span_count, spans);
}

/* How often the exporter got the spans below ${spans} that are even and odd. */
static void expect_delivered(const struct graph_fixture *fixture, size_t exporter, uint64_t spans,
			     uint32_t even, uint32_t odd)
{
	for (uint64_t id = 0; id < spans; id++)
		assert_int_equal(fixture->scripts[exporter]->delivered[id], id % 2 ? odd : even);
}

static void run_delivered(const char *yaml, size_t exporters, const uint32_t (*times)[2])
{
	struct graph_fixture fixture;
	graph_fixture_open(&fixture, yaml, 1);
	expect_taken(&fixture, 0, 12);
	graph_fixture_drain(&fixture);
	for (size_t i = 0; i < exporters; i++)
		expect_delivered(&fixture, i, 12, times[i][0], times[i][1]);
	graph_fixture_close(&fixture);
}

static void what_one_pipeline_leaves_goes_through_those_behind_it(void **state)
{
	static const struct {
		const char *pipelines;
		uint32_t times[2][2]; /* by exporter: even, odd */
	} cases[] = {
		/* Nothing is changed; what is behind stands first in the file. */
		{"traces/out: {receivers: [forward], exporters: [nop/a, nop/b]}, "
		 "traces/in: {receivers: [nop], exporters: [forward]}",
		 {{1, 1}, {1, 1}}},
		/* Each pipeline takes something away, and the one beside it sees all. */
		{"traces/in: {receivers: [nop], processors: [filter/odd], exporters: [forward]}, "
		 "traces/out: {receivers: [forward], exporters: [nop/a]}, "
		 "traces/beside: {receivers: [nop], processors: [filter/even], exporters: [nop/b]}",
		 {{1, 0}, {0, 1}}},
		{"traces/in: {receivers: [nop], processors: [filter/odd], exporters: [forward, "
		 "nop/b]}, traces/out: {receivers: [forward], processors: [filter/even], "
		 "exporters: [nop/a]}",
		 {{0, 0}, {1, 0}}},
		/* One behind another. */
		{"traces/1: {receivers: [nop], exporters: [forward]}, "
		 "traces/2: {receivers: [forward], processors: [filter/odd], exporters: "
		 "[forward/b]}, traces/3: {receivers: [forward/b], exporters: [nop/a, nop/b]}",
		 {{1, 0}, {1, 0}}},
		/* A connector joins many to many, and a pipeline has receivers of both kinds. */
		{"traces/1: {receivers: [nop], processors: [filter/odd], exporters: [forward]}, "
		 "traces/2: {receivers: [nop], exporters: [forward]}, "
		 "traces/3: {receivers: [forward], exporters: [nop/a]}, "
		 "traces/4: {receivers: [forward, nop], exporters: [nop/b]}",
		 {{2, 1}, {3, 2}}},
		/* Two ways to the same pipeline run it twice, as in the Collector. */
		{"traces/1: {receivers: [nop], exporters: [forward, forward/b]}, "
		 "traces/2: {receivers: [forward, forward/b], exporters: [nop/a]}, "
		 "traces/3: {receivers: [forward/b], processors: [filter/even], exporters: "
		 "[nop/b]}",
		 {{2, 2}, {0, 1}}},
		/* A batch in front of a connector, and one in the middle behind it. */
		{"traces/1: {receivers: [nop], processors: [batch], exporters: [forward, nop/b]}, "
		 "traces/2: {receivers: [forward], processors: [batch, filter/odd], exporters: "
		 "[nop/a]}",
		 {{1, 0}, {1, 1}}},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct buf yaml = BUF_INIT;
		buf_printf(&yaml,
			   HEAD FILTERS
			   "exporters: {nop/a: , nop/b: }\nservice: {pipelines: {%s}}\n",
			   cases[i].pipelines);
		run_delivered(buf_cstr(&yaml), 2, cases[i].times);
		buf_fini(&yaml);
	}
}

static bool is_held(void *arg)
{
	return ((struct scripted_exporter *)arg)->held_count > 0;
}

static void a_request_that_nobody_changes_is_handed_on_without_a_copy(void **state)
{
	(void)state;
	struct graph_fixture fixture;
	graph_fixture_open(&fixture,
			   HEAD "exporters: {nop/a: , nop/b: }\nservice: {pipelines: {"
				"traces/1: {receivers: [nop], exporters: [nop/a, forward]}, "
				"traces/2: {receivers: [forward], exporters: [nop/b]}}}\n",
			   1);
	for (size_t i = 0; i < 2; i++)
		fixture.scripts[i]->hold = true;
	expect_taken(&fixture, 0, 10);
	for (size_t i = 0; i < 2; i++)
		graph_fixture_run_until(&fixture, is_held, fixture.scripts[i]);
	assert_ptr_equal(fixture.scripts[0]->held[0]->batch->chunks[0],
			 fixture.scripts[1]->held[0]->batch->chunks[0]);
	for (size_t i = 0; i < 2; i++)
		script_release(fixture.scripts[i]);
	graph_fixture_drain(&fixture);
	graph_fixture_close(&fixture);
}

/* It gathers for the pipelines behind, like one that another processor follows. */
static void a_batch_in_front_of_a_connector_gathers(void **state)
{
	(void)state;
	struct graph_fixture fixture;
	graph_fixture_open(&fixture,
			   HEAD FILTERS "exporters: {nop/a: , nop/b: }\nservice: {pipelines: {"
					"traces/1: {receivers: [nop], processors: [batch], "
					"exporters: [forward, nop/b]}, traces/2: {receivers: "
					"[forward], exporters: [nop/a]}}}\n",
			   1);
	for (uint64_t i = 0; i < 30; i += 10)
		expect_taken(&fixture, i, 10);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(fixture.scripts[i]->calls, 0);
	graph_fixture_drain(&fixture);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(fixture.scripts[i]->calls, 1);
		assert_int_equal(fixture.scripts[i]->batch_spans[0], 30);
	}
	graph_lint(fixture.graph, &fixture.config.report);
	assert_non_null(strstr(config_support_warnings(&fixture.config),
			       "batch is followed by a connector"));
	graph_fixture_close(&fixture);
}

/* ---- admission ------------------------------------------------------------------------------ */

#define JOINED(first, second)                                                                      \
	HEAD FILTERS "exporters: {nop/a: {" first "}, nop/b: {" second "}}\n"                      \
		     "service: {pipelines: {\n"                                                    \
		     "  traces/1: {receivers: [nop], exporters: [nop/a, forward]},\n"              \
		     "  traces/2: {receivers: [forward], processors: [filter/odd], exporters: "    \
		     "[nop/b]}}}\n"

static void finish_held(struct graph_fixture *fixture)
{
	for (size_t i = 0; i < 2; i++) {
		if (!fixture->scripts[i]->hold)
			continue;
		graph_fixture_run_until(fixture, is_held, fixture->scripts[i]);
		script_release(fixture->scripts[i]);
	}
	graph_fixture_drain(fixture);
}

static void a_full_queue_behind_a_connector_counts_like_any_other(void **state)
{
	static const struct {
		const char *yaml;
		bool hold[2];
		enum outcome outcome;
		uint32_t got[2]; /* of the second request, by exporter: even spans */
	} cases[] = {
		{JOINED("", ONE_PLACE), {false, true}, OUTCOME_TAKEN, {1, 0}},
		{JOINED("", ONE_PLACE_REQUIRED), {false, true}, OUTCOME_RETRY, {0, 0}},
		{JOINED(ONE_PLACE, ONE_PLACE), {true, true}, OUTCOME_RETRY, {0, 0}},
		{JOINED(ONE_PLACE, ""), {true, false}, OUTCOME_TAKEN, {0, 1}},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct graph_fixture fixture;
		struct graph_push push;
		graph_fixture_open(&fixture, cases[i].yaml, 1);
		for (size_t e = 0; e < 2; e++)
			fixture.scripts[e]->hold = cases[i].hold[e];
		expect_taken(&fixture, 0, 10);
		push_spans(&fixture, 10, 10, &push);
		assert_int_equal(push.outcome, cases[i].outcome);
		finish_held(&fixture);
		for (size_t e = 0; e < 2; e++) {
			uint64_t lost = counter_get(
				&graph_fixture_ledger(&fixture, e)->dropped[DROP_QUEUE_FULL]);
			bool full = cases[i].outcome == OUTCOME_TAKEN && cases[i].got[e] == 0;
			assert_int_equal(fixture.scripts[e]->delivered[0], 1);
			assert_int_equal(fixture.scripts[e]->delivered[10], cases[i].got[e]);
			assert_int_equal(lost, full ? (e == 0 ? 10 : 5) : 0);
		}
		graph_fixture_close(&fixture);
	}
}

/* The limit of a pipeline behind a connector refuses before anybody took anything. */
static void a_memory_limit_behind_a_connector_refuses_the_request(void **state)
{
	(void)state;
	struct graph_fixture fixture;
	struct graph_push push;
	graph_fixture_open(&fixture,
			   HEAD "processors: {memory_limiter: {check_interval: 1s, limit_mib: 100, "
				"spike_limit_mib: 99}}\n"
				"exporters: {nop/a: , nop/b: }\nservice: {pipelines: {"
				"traces/1: {receivers: [nop], exporters: [nop/a, forward]}, "
				"traces/2: {receivers: [forward], processors: [memory_limiter], "
				"exporters: [nop/b]}}}\n",
			   1);
	budget_force(&fixture.graph->budget, 2 << 20);
	push_spans(&fixture, 0, 10, &push);
	assert_int_equal(push.outcome, OUTCOME_RETRY);
	budget_give(&fixture.graph->budget, 2 << 20);
	graph_fixture_drain(&fixture);
	expect_delivered(&fixture, 0, 10, 0, 0);
	expect_taken(&fixture, 0, 10);
	graph_fixture_drain(&fixture);
	for (size_t i = 0; i < 2; i++)
		expect_delivered(&fixture, i, 10, 1, 1);
	graph_fixture_close(&fixture);
}

/* ---- refused -------------------------------------------------------------------------------- */

#define CYCLE "failed to build pipelines: cycle detected: "

static void what_leads_nowhere_or_in_a_circle_is_refused(void **state)
{
	static const struct {
		const char *pipelines, *want;
	} cases[] = {
		{"traces: {receivers: [nop], exporters: [nop, forward]}",
		 "failed to build pipelines: connector \"forward\" used as exporter in [traces] "
		 "pipeline but not used in any supported receiver pipeline (test.yaml:2:14: "
		 "connectors.forward)"},
		{"traces/1: {receivers: [nop, forward], exporters: [nop]}, "
		 "traces/2: {receivers: [forward], exporters: [nop]}",
		 "failed to build pipelines: connector \"forward\" used as receiver in [traces/1 "
		 "traces/2] pipeline but not used in any supported exporter pipeline"},
		{"traces/1: {receivers: [nop, forward], processors: [batch, filter/odd], "
		 "exporters: [nop, forward]}",
		 CYCLE
		 "connector \"forward\" (traces to traces) -> processor \"batch\" in pipeline "
		 "\"traces/1\" -> processor \"filter/odd\" in pipeline \"traces/1\" -> "
		 "connector \"forward\" (traces to traces)"},
		{"traces/in: {receivers: [nop], exporters: [forward]}, "
		 "traces/1: {receivers: [forward], exporters: [forward/b, nop]}, "
		 "traces/2: {receivers: [forward/b], processors: [batch], exporters: [forward]}",
		 CYCLE},
		{"traces/1: {receivers: [nop], processors: [forward], exporters: [nop]}",
		 "service::pipelines::traces/1: references processor \"forward\" which is not "
		 "configured"},
		{"traces/1: {receivers: [nop], exporters: [forward/c]}",
		 "references exporter \"forward/c\" which is not configured"},
		{"traces/1: ", "service::pipelines::traces/1: must have at least one receiver"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct graph_fixture fixture;
		struct buf yaml = BUF_INIT;
		buf_printf(&yaml, HEAD FILTERS "exporters: {nop: }\nservice: {pipelines: {%s}}\n",
			   cases[i].pipelines);
		bool built = graph_fixture_build(&fixture, buf_cstr(&yaml), 1);
		const char *errors = config_support_errors(&fixture.config);
		if (built || !strstr(errors, cases[i].want))
			fail_msg("%s%s", buf_cstr(&yaml), errors);
		graph_fixture_close(&fixture);
		buf_fini(&yaml);
	}
}

/* Ten pairs of connectors, each doubling the ways: 2^10 times all the transfers of the last. */
static void ways_that_multiply_are_bounded(void **state)
{
	static const struct {
		unsigned pairs;
		bool built;
	} cases[] = {{3, true}, {40, false}, {200, false}};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct graph_fixture fixture;
		struct buf yaml = BUF_INIT;
		unsigned pairs = cases[i].pairs;
		buf_printf(&yaml, "receivers: {nop: }\nexporters: {nop: }\nconnectors:\n");
		for (unsigned k = 0; k < pairs; k++)
			buf_printf(&yaml, "  forward/a%u:\n  forward/b%u:\n", k, k);
		buf_printf(&yaml, "service:\n  pipelines:\n    traces/0: {receivers: [nop], "
				  "exporters: [forward/a0, forward/b0]}\n");
		for (unsigned k = 1; k < pairs; k++)
			buf_printf(&yaml,
				   "    traces/%u: {receivers: [forward/a%u, forward/b%u], "
				   "exporters: [forward/a%u, forward/b%u]}\n",
				   k, k - 1, k - 1, k, k);
		buf_printf(&yaml,
			   "    traces/end: {receivers: [forward/a%u, forward/b%u], exporters: "
			   "[nop]}\n",
			   pairs - 1, pairs - 1);
		assert_int_equal(graph_fixture_build(&fixture, buf_cstr(&yaml), 1), cases[i].built);
		if (!cases[i].built)
			assert_non_null(strstr(config_support_errors(&fixture.config),
					       "connectors multiply a request"));
		graph_fixture_close(&fixture);
		buf_fini(&yaml);
	}
}

/* No configuration gets so far: what a fault in the building would leave is refused, too. */
static void a_graph_with_an_open_end_is_refused(void **state)
{
	(void)state;
	for (int fault = 0; fault < 4; fault++) {
		struct graph_fixture fixture;
		assert_true(graph_fixture_build(
			&fixture,
			HEAD FILTERS "exporters: {nop: }\nservice: {pipelines: {"
				     "traces/1: {receivers: [nop], exporters: [forward]}, "
				     "traces/2: {receivers: [forward], processors: [batch, "
				     "filter/odd], exporters: [nop]}}}\n",
			1));
		struct graph *graph = fixture.graph;
		struct config_report *report = &fixture.config.report;
		assert_true(connect_check_ends(graph, report));
		switch (fault) {
		case 0: graph->connectors[0].to_count = 0; break;
		case 1: graph->pipelines[1].groups[0].member_count = 0; break;
		case 2: graph->receivers[0].port.pipeline_count = 0; break;
		default: graph->pipelines[1].stages[0].consumer_count = 0; break;
		}
		assert_false(connect_check_ends(graph, report));
		assert_non_null(strstr(config_support_errors(&fixture.config),
				       fault == 2 ? "receivers::nop: feeds no pipeline"
						  : "::traces/1: leads to no exporter"));
		graph->pipelines[1].stages[0].consumer_count = 1;
		graph->pipelines[1].groups[0].member_count = 1;
		graph_fixture_close(&fixture);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_one_pipeline_leaves_goes_through_those_behind_it),
		cmocka_unit_test(a_request_that_nobody_changes_is_handed_on_without_a_copy),
		cmocka_unit_test(a_batch_in_front_of_a_connector_gathers),
		cmocka_unit_test(a_full_queue_behind_a_connector_counts_like_any_other),
		cmocka_unit_test(a_memory_limit_behind_a_connector_refuses_the_request),
		cmocka_unit_test(what_leads_nowhere_or_in_a_circle_is_refused),
		cmocka_unit_test(ways_that_multiply_are_bounded),
		cmocka_unit_test(a_graph_with_an_open_end_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
