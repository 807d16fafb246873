/* SPDX-License-Identifier: Apache-2.0 */
/* Traces whose root a filter has dropped in front of the langfuse processor. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/langfuse_case.h"

static const struct langfuse_case dropped_ancestors = {
	.rows = {ROW(0, 0, APP, "GET /health", NO_ATTRS), ROW(0, 1, APP, "llm_request", NO_ATTRS),
		 ROW(1, 0, APP, "GET /ping", NO_ATTRS), ROW(2, 3, APP, "gateway.request", NO_ATTRS),
		 ROW(3, 0, APP, "GET /load", NO_ATTRS), ROW(3, 5, APP, "gateway.request", NO_ATTRS),
		 ROW(3, 5, APP, "llm_request", NO_ATTRS)}};

static void what_is_left_of_a_trace_without_its_root_has_one(void **state)
{
	struct processor_bench bench;
	struct example_requests requests;
	(void)state;
	/* The filter drops and leaves parents alone: the repair is langfuse's. */
	processor_bench_open(
		&bench,
		(const char *const[]){"filter", "traces: {span: ['IsMatch(name, \"^GET /.*\")']}",
				      "langfuse", "", NULL});
	langfuse_case_build(&dropped_ancestors, &bench.budget, &requests);
	processor_bench_send(&bench, requests.items[0]);
	assert_int_equal(bench_span_count(&bench), 1);
	assert_string_equal(bench_span_attr(&bench, 0, "langfuse.internal.is_app_root"),
			    "bool true");
	assert_int_equal(view_span_parent(bench.out_view, 0).len, 0);
	processor_bench_send(&bench, requests.items[1]);
	assert_int_equal(bench_span_count(&bench), 0);
	processor_bench_send(&bench, requests.items[2]);
	assert_string_equal(bench_span_attr(&bench, 0, "langfuse.internal.is_app_root"),
			    "bool true");
	processor_bench_send(&bench, requests.items[3]);
	assert_int_equal(bench_span_count(&bench), 2);
	for (uint32_t span = 0; span < 2; span++) {
		/* Two at the top: both are roots for the application, none is the trace's. */
		assert_string_equal(bench_span_attr(&bench, span, "langfuse.internal.is_app_root"),
				    "bool true");
		assert_int_equal(view_span_parent(bench.out_view, span).len, SPAN_ID_BYTES);
	}
	example_requests_fini(&requests);
	processor_bench_close(&bench);
}

/* A filter drops the root of a trace; what it said of the trace is not dropped with it. */
static const struct langfuse_case dropped_roots = {
	.rows = {ROW(0, 0, APP, "GET /ask", STR("user.id", "u"), STR("session.id", "s"),
		     STR("langfuse.trace.tags", "a,b")),
		 ROW(1, 1, APP, "rag_pipeline", STR("openinference.span.kind", "CHAIN")),
		 ROW(1, 2, APP, "llm", STR("openinference.span.kind", "LLM")),
		 ROW(1, 1, APP, "postprocess", NO_ATTRS)}};

static void what_a_dropped_root_said_of_its_trace_stays(void **state)
{
	static const char *const facts[][2] = {{"langfuse.trace.name", "string GET /ask"},
					       {"langfuse.user.id", "string u"},
					       {"langfuse.session.id", "string s"},
					       {"langfuse.trace.tags", "array [\"a\",\"b\"]"}};
	struct processor_bench bench;
	struct example_requests requests;
	(void)state;
	processor_bench_open(
		&bench,
		(const char *const[]){"filter", "traces: {span: ['IsMatch(name, \"^GET /.*\")']}",
				      "langfuse", "", NULL});
	langfuse_case_build(&dropped_roots, &bench.budget, &requests);
	processor_bench_send(&bench, requests.items[0]);
	assert_int_equal(bench_span_count(&bench), 0);
	processor_bench_send(&bench, requests.items[1]);
	assert_int_equal(bench_span_count(&bench), 3);
	for (uint32_t span = 0; span < 3; span++) {
		bool top = !slice_equal(view_span_name(bench.out_view, span), SLICE("llm"));
		assert_string_equal(bench_span_attr(&bench, span, "langfuse.internal.is_app_root"),
				    top ? "bool true" : "");
		for (size_t i = 0; i < ARRAY_COUNT(facts); i++)
			assert_string_equal(bench_span_attr(&bench, span, facts[i][0]),
					    facts[i][1]);
	}
	example_requests_fini(&requests);
	processor_bench_close(&bench);
}

/* ---- the root comes last -------------------------------------------------------------------- */

enum { ROOT_REQUEST, BELOW_REQUEST };

static void open_waiting(struct processor_bench *bench, struct example_requests *requests,
			 const char *filter)
{
	processor_bench_open(bench, (const char *const[]){"filter", filter, "langfuse",
							  "wait_for_root: true", NULL});
	langfuse_case_build(&dropped_roots, &bench->budget, requests);
	bench->holding = HOLDING_ON;
}

static bool is_over(const struct processor_bench *bench)
{
	return bench->ops[1]->holds->known(bench->selves[1], view_span_trace_id(bench->view, 0)) !=
	       0;
}

/* What waited comes again, alone, to langfuse. The filter lets it pass once more. */
static void send_again(struct processor_bench *bench, struct chunk *held)
{
	assert_int_equal(processor_bench_run(bench, chunk_slice(held)), OUTCOME_TAKEN);
	chunk_unref(held);
}

static void a_dropped_root_that_comes_last_is_waited_for(void **state)
{
	static const char *const facts[][2] = {{"langfuse.trace.name", "string GET /ask"},
					       {"langfuse.user.id", "string u"},
					       {"langfuse.session.id", "string s"},
					       {"langfuse.trace.tags", "array [\"a\",\"b\"]"}};
	struct processor_bench bench;
	struct example_requests requests;
	(void)state;
	open_waiting(&bench, &requests, "traces: {span: ['IsMatch(name, \"^GET /.*\")']}");
	processor_bench_send(&bench, requests.items[BELOW_REQUEST]);
	assert_int_equal(bench_span_count(&bench), 0);
	struct chunk *held = chunk_ref(bench.held);
	assert_int_equal(held->span_count, 3);
	assert_false(is_over(&bench));
	processor_bench_send(&bench, requests.items[ROOT_REQUEST]);
	assert_true(is_over(&bench));
	send_again(&bench, held);
	assert_null(bench.held);
	assert_int_equal(bench_span_count(&bench), 3);
	for (uint32_t span = 0; span < 3; span++) {
		bool top = !slice_equal(view_span_name(bench.out_view, span), SLICE("llm"));
		assert_string_equal(bench_span_attr(&bench, span, "langfuse.internal.is_app_root"),
				    top ? "bool true" : "");
		for (size_t i = 0; i < ARRAY_COUNT(facts); i++)
			assert_string_equal(bench_span_attr(&bench, span, facts[i][0]),
					    facts[i][1]);
	}
	example_requests_fini(&requests);
	processor_bench_close(&bench);
}

static void a_kept_root_ends_the_wait_too(void **state)
{
	struct processor_bench bench;
	struct example_requests requests;
	(void)state;
	open_waiting(&bench, &requests, "traces: {span: ['name == \"nothing\"']}");
	processor_bench_send(&bench, requests.items[BELOW_REQUEST]);
	struct chunk *held = chunk_ref(bench.held);
	processor_bench_send(&bench, requests.items[ROOT_REQUEST]);
	assert_int_equal(bench_span_count(&bench), 1); /* a root never waits */
	assert_true(is_over(&bench));
	send_again(&bench, held);
	assert_int_equal(bench_span_count(&bench), 3);
	for (uint32_t span = 0; span < 3; span++) {
		assert_string_equal(bench_span_attr(&bench, span, "langfuse.user.id"), "string u");
		assert_string_equal(bench_span_attr(&bench, span, "langfuse.internal.is_app_root"),
				    "");
	}
	/* What comes now does not wait. */
	processor_bench_send(&bench, requests.items[BELOW_REQUEST]);
	assert_null(bench.held);
	example_requests_fini(&requests);
	processor_bench_close(&bench);
}

static void after_the_time_spans_leave_without_their_root(void **state)
{
	struct processor_bench bench;
	struct example_requests requests;
	(void)state;
	open_waiting(&bench, &requests, "traces: {span: ['name == \"nothing\"']}");
	processor_bench_send(&bench, requests.items[BELOW_REQUEST]);
	struct chunk *held = chunk_ref(bench.held);
	bench.holding = HOLDING_OVER;
	send_again(&bench, held);
	assert_int_equal(bench_span_count(&bench), 3);
	example_requests_fini(&requests);
	processor_bench_close(&bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_dropped_root_said_of_its_trace_stays),
		cmocka_unit_test(what_is_left_of_a_trace_without_its_root_has_one),
		cmocka_unit_test(a_dropped_root_that_comes_last_is_waited_for),
		cmocka_unit_test(a_kept_root_ends_the_wait_too),
		cmocka_unit_test(after_the_time_spans_leave_without_their_root),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
