/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cmd/example_table.h"
#include "pipeline/base/clock.h"
#include "pipeline/trace/otlp/builder.h"
#include "tests/support/langfuse_bench.h"
#include "tests/support/llmd_fixtures.h"
#include "tests/support/scrape_case.h"

#include <stdio.h>
#include <stdlib.h>

static const struct scrape_case cases[] = {
	/* paths and names */
	{"path under each key",
	 "",
	 "/keep<- ",
	 NULL,
	 {ROW(0, 0, SERVER, "a", PATH("url.path", "/metrics")),
	  ROW(0, 0, SERVER, "b", PATH("http.route", "/healthz")),
	  ROW(0, 0, SERVER, "c", PATH("http.target", "/ping?x=1")),
	  ROW(0, 0, SERVER, "d", PATH("http.path", "/livez/")),
	  ROW(0, 0, CLIENT, "e", PATH("url.full", "http://localhost:8001/metrics?x#y")),
	  ROW(0, 0, SERVER, "f", PATH("http.url", "http://h:8000/load")),
	  ROW(0, 0, SERVER, "/keep", PATH("http.url", "http://h:8000/metrics2"))}},
	{"the first path key decides",
	 "",
	 "a<- ",
	 NULL,
	 {ROW(0, 0, SERVER, "a",
	      .attrs = ATTRS(STR("http.target", "/metrics"), STR("url.path", "/v1/models")))}},
	{"other methods are no scrapes",
	 "",
	 "POST<- ",
	 NULL,
	 {ROW(0, 0, SERVER, "POST",
	      .attrs = ATTRS(STR("url.path", "/load"), STR("http.request.method", "POST"))),
	  ROW(0, 0, SERVER, "HEAD",
	      .attrs = ATTRS(STR("url.path", "/load"), STR("http.method", "HEAD")))}},
	{"names without a path",
	 "",
	 "GET<- GET /v1/models<- GET metrics<- POST /metrics<- ",
	 NULL,
	 {ROW(0, 0, SERVER, "GET /metrics", PLAIN), ROW(0, 0, SERVER, "HEAD /readyz", PLAIN),
	  ROW(0, 0, SERVER, "GET /metrics/", PLAIN),
	  ROW(0, 0, SERVER, "llm_d.pd_proxy.GET /health", PLAIN),
	  ROW(0, 0, INTERNAL, "GET /metrics http send", PLAIN),
	  ROW(0, 0, INTERNAL, "GET /metrics http receive", PLAIN),
	  ROW(0, 0, INTERNAL, "GET /metrics websocket send", PLAIN),
	  ROW(0, 0, CLIENT, "GET", PLAIN), ROW(0, 0, SERVER, "GET /v1/models", PLAIN),
	  ROW(0, 0, SERVER, "GET metrics", PLAIN), ROW(0, 0, SERVER, "POST /metrics", PLAIN)}},
	{"an internal span with a scrape's name may have children in a later request",
	 "",
	 "llm_request<- ",
	 NULL,
	 {ROW(0, 0, INTERNAL, "GET /metrics", PLAIN), ROW(1, 1, INTERNAL, "llm_request", PLAIN)}},
	{"a path that is no text is none",
	 "",
	 "a<- ",
	 NULL,
	 {ROW(0, 0, SERVER, "a", .attrs = ATTRS(INT("url.path", 7))),
	  ROW(0, 0, SERVER, "GET /metrics", .attrs = ATTRS(INT("url.path", 7)))}},
	{"a client call named GET stays",
	 "",
	 "app<- GET<app ",
	 NULL,
	 {ROW(0, 0, INTERNAL, "app", PLAIN),
	  ROW(0, 1, CLIENT, "GET", PATH("http.url", "http://qdrant:6333/collections/kb/points"))}},
	/* background */
	{"background roots",
	 "",
	 "request<- index_add<request index_evict<- ",
	 NULL,
	 {ROW(0, 0, INTERNAL, "index_evict", PLAIN),
	  ROW(0, 0, INTERNAL, "llm_d.kv_cache.index.add", PLAIN),
	  ROW(0, 0, SERVER, "request", PLAIN), ROW(0, 3, INTERNAL, "index_add", PLAIN),
	  ROW(0, 0, SERVER, "index_evict", PLAIN)}},
	/* ASGI */
	{"ASGI events stay unless asked",
	 "",
	 "POST /x<- POST /x http send<POST /x ",
	 NULL,
	 {ROW(0, 0, SERVER, "POST /x", PLAIN),
	  ROW(0, 1, INTERNAL, "POST /x http send", ASGI("http.response.body"))}},
	{"ASGI events collapse",
	 "asgi_collapse: true",
	 "POST /x<- other<POST /x server<POST /x ",
	 NULL,
	 {ROW(0, 0, SERVER, "POST /x", PLAIN),
	  ROW(0, 1, INTERNAL, "POST /x http send", ASGI("http.response.body")),
	  ROW(0, 1, INTERNAL, "old", .attrs = ATTRS(STR("type", "http.request"))),
	  ROW(0, 1, INTERNAL, "other", ASGI("http.disconnect")),
	  ROW(0, 1, SERVER, "server", ASGI("http.request"))}},
	/* closure in a request, in any order */
	{"descendants go",
	 "",
	 "",
	 NULL,
	 {ROW(0, 2, INTERNAL, "grandchild", PLAIN), ROW(0, 3, INTERNAL, "child", PLAIN),
	  ROW(0, 0, SERVER, "GET /metrics", PLAIN)}},
	{"a protected subtree moves up",
	 "",
	 "app<- handler<app llm_request<handler beside<handler ",
	 NULL,
	 {ROW(0, 0, INTERNAL, "app", PLAIN), ROW(0, 1, CLIENT, "GET /health", PLAIN),
	  ROW(0, 2, INTERNAL, "handler", PLAIN), ROW(0, 3, SERVER, "llm_request", PLAIN),
	  ROW(0, 3, INTERNAL, "beside", PLAIN), ROW(0, 2, INTERNAL, "goes", PLAIN)}},
	{"a protected span without an ancestor becomes a root",
	 "",
	 "gateway.request<- ",
	 NULL,
	 {ROW(0, 2, SERVER, "gateway.request", PLAIN), ROW(0, 0, SERVER, "GET /health", PLAIN)}},
	{"a protected span is never dropped itself",
	 "",
	 "semantic_router.x<- ",
	 NULL,
	 {ROW(0, 0, SERVER, "semantic_router.x", PATH("http.path", "/health"))}},
	{"over a long row of dropped spans",
	 "",
	 "app<- llm_request<app llm_request<app ",
	 NULL,
	 {ROW(0, 0, INTERNAL, "app", PLAIN), ROW(0, 1, CLIENT, "GET /health", PLAIN),
	  ROW(0, 2, SERVER, "GET /health", PLAIN), ROW(0, 3, CLIENT, "GET /ping", PLAIN),
	  ROW(0, 4, SERVER, "llm_request", PLAIN), ROW(0, 3, SERVER, "llm_request", PLAIN)}},
	{"without closure children move up",
	 "closure: false",
	 "child<- ",
	 NULL,
	 {ROW(0, 0, SERVER, "GET /metrics", PLAIN), ROW(0, 1, INTERNAL, "child", PLAIN)}},
	/* across requests */
	{"a later child goes by memory",
	 "",
	 "",
	 NULL,
	 {ROW(0, 0, SERVER, "GET /metrics", PLAIN), ROW(1, 1, INTERNAL, "child", PLAIN),
	  ROW(2, 2, INTERNAL, "grandchild", PLAIN)}},
	{"a later protected child moves up",
	 "",
	 "app<- llm_request<app ",
	 NULL,
	 {ROW(0, 0, INTERNAL, "app", PLAIN), ROW(1, 1, CLIENT, "GET /health", PLAIN),
	  ROW(2, 2, SERVER, "llm_request", PLAIN)}},
	{"a child that comes first waits",
	 "",
	 "",
	 "10",
	 {ROW(0, 0, SERVER, "GET /metrics", PLAIN), ROW(1, 1, INTERNAL, "child", PLAIN)}},
	{"kept parents in other requests stay parents",
	 "",
	 "app<- child<app ",
	 "10",
	 {ROW(0, 0, INTERNAL, "app", PLAIN), ROW(1, 1, INTERNAL, "child", PLAIN)}},
	/* options */
	{"more paths and names",
	 "{paths: [/probe/*, /v1/models], keep_paths: [/load], name_prefixes: ['envoy '], "
	 "background_names: [gc], protect: [mine.*]}",
	 "GET /load<- mine.x<- ",
	 NULL,
	 {ROW(0, 0, SERVER, "GET /probe/live", PLAIN), ROW(0, 0, SERVER, "GET /v1/models/", PLAIN),
	  ROW(0, 0, SERVER, "GET /load", PLAIN), ROW(0, 0, SERVER, "envoy GET /ping", PLAIN),
	  ROW(0, 0, INTERNAL, "gc", PLAIN), ROW(0, 4, INTERNAL, "mine.x", PLAIN)}},
	{"no defaults",
	 "{default_paths: false, background: false}",
	 "GET /metrics<- index_add<- ",
	 NULL,
	 {ROW(0, 0, SERVER, "GET /metrics", PLAIN), ROW(0, 0, INTERNAL, "index_add", PLAIN)}},
};

static void every_case_leaves_what_it_should(void **state)
{
	bool good = true;
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
		good &= scrape_case_run(&cases[i]);
	assert_true(good);
}

/* ---- counters and marks ---- */

static double dropped(const struct processor_bench *bench, const char *rule)
{
	char labels[128];
	(void)snprintf(labels, sizeof(labels), "scrape_filter=\"scrape_filter\",rule=\"%s\"", rule);
	return bench_metric(bench, "sluice_processor_scrape_filter_dropped", labels);
}

static const struct scrape_case one_of_each = {
	.rows = {ROW(0, 0, SERVER, "a", PATH("url.path", "/metrics")),
		 ROW(0, 1, INTERNAL, "b", PLAIN), ROW(0, 0, SERVER, "GET /ping", PLAIN),
		 ROW(0, 0, INTERNAL, "index_add", PLAIN),
		 ROW(0, 0, INTERNAL, "x", ASGI("http.request")), ROW(1, 1, INTERNAL, "c", PLAIN),
		 ROW(1, 1, INTERNAL, "llm_request", PLAIN)}};

static void each_rule_counts_for_itself(void **state)
{
	struct processor_bench bench;
	struct example_requests requests;
	(void)state;
	processor_bench_open(&bench,
			     (const char *const[]){"scrape_filter", "asgi_collapse: true", NULL});
	scrape_case_build(&one_of_each, &bench.budget, &requests);
	for (size_t i = 0; i < requests.count; i++)
		assert_int_equal(processor_bench_run(&bench, chunk_slice(requests.items[i])),
				 OUTCOME_TAKEN);
	static const char *const rules[] = {"path", "name",	  "background",
					    "asgi", "descendant", "remembered"};
	for (size_t i = 0; i < ARRAY_COUNT(rules); i++) {
		if (dropped(&bench, rules[i]) != 1)
			fail_msg("rule %s: %g", rules[i], dropped(&bench, rules[i]));
	}
	assert_true(bench_metric(&bench, "sluice_processor_scrape_filter_moved",
				 "scrape_filter=\"scrape_filter\",to=\"root\"") == 1);
	assert_int_equal(bench_span_count(&bench), 1);
	assert_string_equal(bench_span_attr(&bench, 0, "sluice.parent_dropped"), "bool true");
	example_requests_fini(&requests);
	processor_bench_close(&bench);
}

static void a_child_that_left_first_is_counted_as_undecided(void **state)
{
	struct processor_bench bench;
	struct example_requests requests;
	static const struct scrape_case this = {
		.rows = {ROW(0, 0, SERVER, "GET /ping", PLAIN), ROW(1, 1, INTERNAL, "c", PLAIN)}};
	(void)state;
	processor_bench_open(&bench, (const char *const[]){"scrape_filter", "", NULL});
	scrape_case_build(&this, &bench.budget, &requests);
	for (size_t i = requests.count; i-- > 0;)
		assert_int_equal(processor_bench_run(&bench, chunk_slice(requests.items[i])),
				 OUTCOME_TAKEN);
	assert_true(bench_metric(&bench, "sluice_processor_scrape_filter_undecided",
				 "scrape_filter=\"scrape_filter\",reason=\"child_left\"") == 1);
	example_requests_fini(&requests);
	processor_bench_close(&bench);
}

static void memory_ends_with_its_age(void **state)
{
	struct processor_bench bench;
	struct example_requests requests;
	static const struct scrape_case this = {
		.rows = {ROW(0, 0, SERVER, "GET /ping", PLAIN), ROW(1, 1, INTERNAL, "c", PLAIN)}};
	(void)state;
	processor_bench_open(&bench, (const char *const[]){"scrape_filter",
							   "trace_memory: {max_age: 10s}", NULL});
	scrape_case_build(&this, &bench.budget, &requests);
	assert_int_equal(processor_bench_run(&bench, chunk_slice(requests.items[0])),
			 OUTCOME_TAKEN);
	bench_now_ns += 11 * NS_PER_S;
	assert_int_equal(processor_bench_run(&bench, chunk_slice(requests.items[1])),
			 OUTCOME_TAKEN);
	assert_int_equal(bench_span_count(&bench), 1);
	example_requests_fini(&requests);
	processor_bench_close(&bench);
}

/* ---- whole traces ---- */

static void shipped_scrapes_leave_nothing_and_requests_everything(void **state)
{
	static const struct {
		const struct example_trace *trace;
		uint32_t left;
	} traces[] = {{&example_scrape, 0},
		      {&example_proxied_scrape, 0},
		      {&example_llmd, 25},
		      {&example_semantic_router, 9},
		      {&example_vllm, 1}};
	(void)state;
	for (int merged = 0; merged < 2; merged++) {
		for (size_t i = 0; i < ARRAY_COUNT(traces); i++) {
			struct processor_bench bench;
			struct example_requests requests;
			struct err err;
			const struct example_variant variant = {.end_ns = NS_PER_S * 100,
								.merged = merged};
			uint32_t left = 0;
			processor_bench_open(&bench,
					     (const char *const[]){"scrape_filter", "", NULL});
			assert_int_equal(example_table_build(traces[i].trace, i, &variant,
							     &bench.budget, &requests, &err),
					 0);
			for (size_t r = requests.count; r-- > 0;) {
				assert_int_equal(
					processor_bench_run(&bench, chunk_slice(requests.items[r])),
					OUTCOME_TAKEN);
				left += bench_span_count(&bench);
			}
			assert_int_equal(left, traces[i].left);
			example_requests_fini(&requests);
			processor_bench_close(&bench);
		}
	}
}

static void fixtures_pass_whole(void **state)
{
	(void)state;
	for (int which = 0; which < FIXTURE_COUNT; which++) {
		struct processor_bench bench;
		struct example_requests requests;
		processor_bench_open(&bench, (const char *const[]){"scrape_filter", "", NULL});
		llmd_fixture_build((enum llmd_fixture)which, true, &bench.budget, &requests);
		for (size_t i = 0; i < requests.count; i++) {
			assert_int_equal(
				processor_bench_run(&bench, chunk_slice(requests.items[i])),
				OUTCOME_TAKEN);
			assert_int_equal(bench_span_count(&bench), requests.items[i]->span_count);
		}
		example_requests_fini(&requests);
		processor_bench_close(&bench);
	}
}

/* ---- hostile input ---- */

enum { CROWD = 10000 };

/* A request of CROWD spans of one trace; parent_of gives each one's parent, counted from 1. */
static struct chunk *crowd(struct budget *budget, uint64_t (*parent_of)(uint64_t id),
			   const char *even, const char *odd)
{
	struct trace_builder builder;
	struct err err;
	trace_builder_init(&builder, budget);
	trace_builder_begin(&builder, EXPORT_REQUEST_RESOURCE_SPANS);
	trace_builder_begin(&builder, RESOURCE_SPANS_SCOPE_SPANS);
	for (uint64_t id = 1; id <= CROWD; id++) {
		uint64_t parent = parent_of(id);
		trace_builder_begin(&builder, SCOPE_SPANS_SPANS);
		trace_builder_bytes(&builder, SPAN_TRACE_ID, SLICE("0123456789abcdef"));
		trace_builder_bytes(&builder, SPAN_SPAN_ID, slice_of(&id, sizeof(id)));
		trace_builder_bytes(&builder, SPAN_PARENT_SPAN_ID,
				    slice_of(&parent, parent ? sizeof(parent) : 0));
		trace_builder_text(&builder, SPAN_NAME, slice_str(id % 2 ? odd : even));
		trace_builder_end(&builder);
	}
	struct chunk *body = trace_builder_take(&builder, CROWD, &err);
	assert_non_null(body);
	return body;
}

static uint64_t chain(uint64_t id)
{
	return id - 1;
}

static uint64_t pairs(uint64_t id)
{
	return id % 2 ? id + 1 : id - 1;
}

static uint64_t one_circle(uint64_t id)
{
	return id == 1 ? CROWD : id - 1;
}

static uint64_t itself(uint64_t id)
{
	return id;
}

static uint64_t strangers(uint64_t id)
{
	return id + CROWD;
}

static void ten_thousand_spans_of_any_shape_are_judged_quickly(void **state)
{
	static const struct {
		uint64_t (*parent_of)(uint64_t id);
		const char *even, *odd;
		uint32_t left;
	} shapes[] = {{chain, "GET /ping", "GET /ping", 0},
		      {chain, "GET /ping", "x", 1}, /* the first; the others are below */
		      {chain, "GET /ping", "llm_request", CROWD / 2},
		      {one_circle, "GET /ping", "GET /ping", 0},
		      {one_circle, "GET /ping", "llm_request", CROWD / 2},
		      {one_circle, "x", "x", CROWD},
		      {pairs, "x", "x", CROWD},
		      {pairs, "GET /ping", "llm_request", CROWD / 2},
		      {itself, "x", "GET /ping", CROWD / 2},
		      {strangers, "x", "GET /ping", CROWD / 2}};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(shapes); i++) {
		struct processor_bench bench;
		processor_bench_open(&bench, (const char *const[]){"scrape_filter", "", NULL});
		struct chunk *body =
			crowd(&bench.budget, shapes[i].parent_of, shapes[i].even, shapes[i].odd);
		assert_int_equal(processor_bench_run(&bench, chunk_slice(body)), OUTCOME_TAKEN);
		assert_int_equal(bench_span_count(&bench), shapes[i].left);
		chunk_unref(body);
		processor_bench_close(&bench);
	}
}

static void spans_without_ids_do_no_harm(void **state)
{
	struct processor_bench bench;
	struct trace_builder builder;
	struct err err;
	(void)state;
	processor_bench_open(&bench, (const char *const[]){"scrape_filter", "", NULL});
	trace_builder_init(&builder, &bench.budget);
	trace_builder_begin(&builder, EXPORT_REQUEST_RESOURCE_SPANS);
	trace_builder_begin(&builder, RESOURCE_SPANS_SCOPE_SPANS);
	for (int i = 0; i < 4; i++) {
		trace_builder_begin(&builder, SCOPE_SPANS_SPANS);
		if (i & 1)
			trace_builder_bytes(&builder, SPAN_PARENT_SPAN_ID, SLICE("01234567"));
		trace_builder_text(&builder, SPAN_NAME, slice_str(i & 2 ? "GET /ping" : "x"));
		trace_builder_end(&builder);
	}
	struct chunk *body = trace_builder_take(&builder, 4, &err);
	assert_non_null(body);
	assert_int_equal(processor_bench_run(&bench, chunk_slice(body)), OUTCOME_TAKEN);
	assert_int_equal(bench_span_count(&bench), 2);
	chunk_unref(body);
	processor_bench_close(&bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_case_leaves_what_it_should),
		cmocka_unit_test(each_rule_counts_for_itself),
		cmocka_unit_test(a_child_that_left_first_is_counted_as_undecided),
		cmocka_unit_test(memory_ends_with_its_age),
		cmocka_unit_test(shipped_scrapes_leave_nothing_and_requests_everything),
		cmocka_unit_test(fixtures_pass_whole),
		cmocka_unit_test(ten_thousand_spans_of_any_shape_are_judged_quickly),
		cmocka_unit_test(spans_without_ids_do_no_harm),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
