/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Children that come before their parents: an application with an SDK that exports in batches, in
 * front of the filter. All on a clock that is moved.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pipeline/base/clock.h"
#include "pipeline/trace/value/field_numbers.h"
#include "tests/support/holding_bench.h"
#include "tests/support/scrape_case.h"
#include "tests/support/trace_wire.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- an application ------------------------------------------------------------------------- */

enum { SPANS_MAX = 40000, MS = 1000000 };

struct made {
	uint64_t trace, id, parent;
	const char *name, *path; /* NULL: none */
	uint32_t kind;
	uint32_t end_ms;
};

struct sdk {
	uint32_t schedule_ms, batch; /* of the BatchSpanProcessor */
	uint32_t jitter_ms;	     /* of the network: requests overtake each other */
};

struct application {
	struct made *spans;
	size_t count;
	uint64_t rng, next_id;
	size_t noise; /* spans below a probe or a scrape, and these themselves */
};

static void open_application(struct application *app, uint64_t seed)
{
	*app = (struct application){.rng = seed, .next_id = 1};
	app->spans = calloc(SPANS_MAX, sizeof(*app->spans));
	assert_non_null(app->spans);
}

static uint64_t add(struct application *app, uint64_t trace, uint64_t parent, uint32_t kind,
		    const char *name, const char *path, uint32_t end_ms)
{
	assert_true(app->count < SPANS_MAX);
	uint64_t id = app->next_id++;
	app->spans[app->count++] =
		(struct made){trace ? trace : id, id, parent, name, path, kind, end_ms};
	return id;
}

/* A probe that asks the database, and takes ${took_ms} from ${begin_ms} on. */
static void probe(struct application *app, uint32_t begin_ms, uint32_t took_ms)
{
	uint32_t end = begin_ms + took_ms;
	uint64_t root = add(app, 0, 0, SPAN_KIND_SERVER, "GET /health", "/health", end);
	uint64_t check = add(app, root, root, SPAN_KIND_INTERNAL, "check stores", NULL,
			     begin_ms + took_ms / 2);
	(void)add(app, root, check, SPAN_KIND_CLIENT, "SELECT", NULL,
		  begin_ms + tw_below(&app->rng, took_ms / 2 + 1));
	(void)add(app, root, root, SPAN_KIND_INTERNAL, "GET /health http send", NULL, end - 1);
	app->noise += 4;
}

/* A scrape that is redirected to a mounted page: only the server's span has a path. */
static void scrape(struct application *app, uint32_t begin_ms)
{
	uint64_t root = add(app, 0, 0, SPAN_KIND_SERVER, "GET", "/metrics", begin_ms + 8);
	for (uint32_t i = 0; i < 3; i++)
		(void)add(app, root, root, SPAN_KIND_INTERNAL,
			  i ? "GET http send" : "GET http receive", NULL, begin_ms + 2 * i);
	app->noise += 4;
}

static void request(struct application *app, uint32_t begin_ms, uint32_t took_ms)
{
	uint32_t end = begin_ms + took_ms;
	uint64_t root = add(app, 0, 0, SPAN_KIND_SERVER, "GET /items/{n}", "/items/7", end);
	uint64_t look =
		add(app, root, root, SPAN_KIND_INTERNAL, "look up", NULL, begin_ms + took_ms / 2);
	(void)add(app, root, look, SPAN_KIND_CLIENT, "SELECT", NULL,
		  begin_ms + tw_below(&app->rng, took_ms / 2 + 1));
	(void)add(app, root, root, SPAN_KIND_INTERNAL, "GET /items/{n} http send", NULL, end - 1);
}

/* ---- its SDK -------------------------------------------------------------------------------- */

struct export
{
	size_t begin, count; /* of the application's spans */
	uint32_t arrives_ms;
};

static int by_end(const void *left, const void *right)
{
	const struct made *a = left, *b = right;
	if (a->end_ms != b->end_ms)
		return a->end_ms < b->end_ms ? -1 : 1;
	return a->id > b->id ? -1 : 1; /* children were made after their parents and end first */
}

static int by_arrival(const void *left, const void *right)
{
	const struct export *a = left, *b = right;
	if (a->arrives_ms != b->arrives_ms)
		return a->arrives_ms < b->arrives_ms ? -1 : 1;
	return a->begin < b->begin ? -1 : 1;
}

/* Batches as spans end; in order of arrival. Returns how many. */
static size_t export_all(struct application *app, const struct sdk *sdk, struct export *exports)
{
	size_t count = 0;
	qsort(app->spans, app->count, sizeof(*app->spans), by_end);
	for (size_t i = 0, begin = 0; i < app->count; i++) {
		uint32_t tick = (app->spans[i].end_ms / sdk->schedule_ms + 1) * sdk->schedule_ms;
		bool full = i + 1 - begin == sdk->batch;
		if (!full && i + 1 < app->count && app->spans[i + 1].end_ms < tick)
			continue;
		exports[count++] = (struct export){begin, i + 1 - begin,
						   (full ? app->spans[i].end_ms : tick) +
							   tw_below(&app->rng, sdk->jitter_ms + 1)};
		begin = i + 1;
	}
	qsort(exports, count, sizeof(*exports), by_arrival);
	return count;
}

static void encode(struct buf *out, const struct made *span)
{
	uint64_t trace_id[2] = {span->trace, span->trace};
	size_t mark = tw_open(out, SCOPE_SPANS_SPANS);
	tw_bytes(out, SPAN_TRACE_ID, slice_of(trace_id, sizeof(trace_id)));
	tw_bytes(out, SPAN_SPAN_ID, slice_of(&span->id, sizeof(span->id)));
	if (span->parent)
		tw_bytes(out, SPAN_PARENT_SPAN_ID, slice_of(&span->parent, sizeof(span->parent)));
	tw_text(out, SPAN_NAME, span->name);
	tw_varint(out, SPAN_KIND, span->kind);
	if (span->path)
		tw_attr_text(out, SPAN_ATTRIBUTES, "url.path", span->path);
	tw_close(out, mark);
}

/* Runs it all through the filter, to the end or, with ${shutdown}, until the last request has come. */
static void run(struct application *app, const struct sdk *sdk, struct holding_bench *bench,
		bool shutdown)
{
	struct export *exports = calloc(app->count, sizeof(*exports));
	assert_non_null(exports);
	size_t count = export_all(app, sdk, exports);
	uint64_t begin_ns = bench_now_ns;
	for (size_t i = 0; i < count; i++) {
		struct buf body = BUF_INIT;
		size_t request = tw_open(&body, EXPORT_REQUEST_RESOURCE_SPANS);
		size_t scope = tw_open(&body, RESOURCE_SPANS_SCOPE_SPANS);
		for (size_t at = 0; at < exports[i].count; at++)
			encode(&body, &app->spans[exports[i].begin + at]);
		tw_close(&body, scope);
		tw_close(&body, request);
		holding_bench_wait_until(bench, begin_ns + (uint64_t)exports[i].arrives_ms * MS);
		holding_bench_send(bench, buf_slice(&body));
		buf_fini(&body);
	}
	if (!shutdown)
		holding_bench_wait_until(bench, bench_now_ns + 10 * NS_PER_S);
	holding_bench_flush(bench);
	free(exports);
}

static double undecided(const struct holding_bench *bench)
{
	return bench_metric(&bench->bench, "sluice_processor_scrape_filter_undecided",
			    "scrape_filter=\"scrape_filter\",reason=\"child_left\"");
}

static double unseen(const struct processor_bench *bench, const char *reason)
{
	char labels[96];
	(void)snprintf(labels, sizeof(labels), "scrape_filter=\"scrape_filter\",reason=\"%s\"",
		       reason);
	return bench_metric(bench, "sluice_processor_scrape_filter_parent_unseen", labels);
}

/* No noise is left, nothing else is missing, nobody's parent is; but for the waiting, it would be. */
static void expect_no_orphan(struct application *app, const struct sdk *sdk)
{
	struct holding_bench bench;
	holding_bench_open(&bench, "child_wait: 0s");
	run(app, sdk, &bench, false);
	assert_true(bench.held == 0 && holding_bench_orphans(&bench) > 0);
	holding_bench_close(&bench);
	holding_bench_open(&bench, "");
	run(app, sdk, &bench, false);
	assert_int_equal(holding_bench_orphans(&bench), 0);
	assert_int_equal(bench.left_count, app->count - app->noise);
	assert_int_equal(bench.sent, app->count);
	assert_true(undecided(&bench) == 0);
	assert_true(unseen(&bench.bench, "time_over") == 0);
	assert_true(bench.reruns < 4 * bench.held + 4);
	holding_bench_close(&bench);
}

enum { SEEDS = 20 };

/* 400 ms with a schedule of 200 ms: every probe has a child in an earlier request. */
static void slow_probes_leave_no_children(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct application app;
		open_application(&app, seed);
		for (uint32_t i = 0; i < 10; i++)
			probe(&app, i * 1000 + tw_below(&app.rng, 200), 400);
		expect_no_orphan(&app, &(struct sdk){200, 512, seed % 2 ? 0 : 1000});
		free(app.spans);
	}
}

static void probes_among_requests_leave_no_children(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct application app;
		open_application(&app, seed);
		for (uint32_t i = 0; i < 4400; i++) {
			uint32_t begin_ms = tw_below(&app.rng, 60000);
			if (i % 11 == 0)
				probe(&app, begin_ms, 1 + tw_below(&app.rng, 50));
			else
				request(&app, begin_ms, 1 + tw_below(&app.rng, 400));
		}
		expect_no_orphan(&app, &(struct sdk){5000, 512, seed % 2 ? 0 : 500});
		free(app.spans);
	}
}

static void redirected_scrapes_leave_no_children(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct application app;
		open_application(&app, seed);
		for (uint32_t i = 0; i < 56; i++)
			scrape(&app, i * 50 + tw_below(&app.rng, 30));
		expect_no_orphan(&app, &(struct sdk){200, 2, seed % 2 ? 0 : 2000});
		free(app.spans);
	}
}

/* Everybody leaves at the end, and is counted. */
static void an_end_lets_children_leave_without_their_parents(void **state)
{
	struct application app;
	struct holding_bench bench;
	(void)state;
	open_application(&app, 1);
	(void)add(&app, 77, 99, SPAN_KIND_INTERNAL, "check stores", NULL, 5);
	holding_bench_open(&bench, "");
	run(&app, &(struct sdk){200, 2, 0}, &bench, true);
	assert_int_equal(bench.left_count, 1);
	assert_true(unseen(&bench.bench, "time_over") == 1);
	holding_bench_close(&bench);
	free(app.spans);
}

/* ---- ordinary traffic ----------------------------------------------------------------------- */

/* Requests alone, on the SDK's defaults: few wait, and those for their parent's batch only. */
static void ordinary_requests_are_hardly_delayed(void **state)
{
	struct application app;
	struct holding_bench bench;
	(void)state;
	open_application(&app, 5);
	for (uint32_t i = 0; i < 4000; i++)
		request(&app, tw_below(&app.rng, 60000), 1 + tw_below(&app.rng, 400));
	holding_bench_open(&bench, "");
	run(&app, &(struct sdk){5000, 512, 0}, &bench, false);
	assert_int_equal(bench.left_count, app.count);
	print_message("requests: %.2f %% of the spans are held, %.0f ms a span on average\n",
		      100.0 * (double)bench.held / (double)bench.sent,
		      (double)bench.delay_ns / MS / (double)bench.left_count);
	assert_true(bench.held * 20 < bench.sent); /* 5 % */
	assert_true(bench.delay_ns < bench.left_count * 150 * MS);
	holding_bench_close(&bench);
	free(app.spans);
}

/* ---- who waits and who does not ------------------------------------------------------------- */

static const struct scrape_case orders[] = {
	{"a held child goes with its parent",
	 "",
	 "",
	 "10",
	 {ROW(0, 0, SERVER, "GET /metrics", PLAIN), ROW(1, 1, INTERNAL, "child", PLAIN)}},
	{"and what is below it",
	 "",
	 "",
	 "210",
	 {ROW(0, 0, SERVER, "GET /metrics", PLAIN), ROW(1, 1, INTERNAL, "child", PLAIN),
	  ROW(2, 2, CLIENT, "SELECT", PLAIN), ROW(2, 3, INTERNAL, "fetch", PLAIN)}},
	{"a kept parent lets go",
	 "",
	 "app<- child<app ",
	 "10",
	 {ROW(0, 0, INTERNAL, "app", PLAIN), ROW(1, 1, INTERNAL, "child", PLAIN)}},
	{"nobody waits for a parent that was here",
	 "",
	 "app<- child<app ",
	 "01",
	 {ROW(0, 0, INTERNAL, "app", PLAIN), ROW(1, 1, INTERNAL, "child", PLAIN)}},
	{"a server's span does not wait, nor what is above it",
	 "",
	 "child<GET /metrics served<child ",
	 "10",
	 {ROW(0, 0, SERVER, "GET /metrics", PLAIN), ROW(1, 1, INTERNAL, "child", PLAIN),
	  ROW(1, 2, SERVER, "served", PLAIN)}},
	{"nor do protected spans, and generations",
	 "",
	 "llm_request<GET /metrics chat<GET /metrics ",
	 "10",
	 {ROW(0, 0, SERVER, "GET /metrics", PLAIN), ROW(1, 1, INTERNAL, "llm_request", PLAIN),
	  ROW(1, 1, CLIENT, "chat", .attrs = ATTRS(STR("gen_ai.operation.name", "chat")))}},
	{"nor who says what it calls",
	 "",
	 "GET<app call<app app<- ",
	 "10",
	 {ROW(0, 0, INTERNAL, "app", PLAIN), ROW(1, 1, CLIENT, "GET", PATH("url.path", "/x")),
	  ROW(1, 1, CLIENT, "call", .attrs = ATTRS(STR("rpc.method", "Get")))}},
	{"without child_wait nobody waits",
	 "child_wait: 0s",
	 "child<GET /metrics ",
	 "10",
	 {ROW(0, 0, SERVER, "GET /metrics", PLAIN), ROW(1, 1, INTERNAL, "child", PLAIN)}},
	{"without closure children move up",
	 "closure: false",
	 "child<app app<- ",
	 "210",
	 {ROW(0, 0, INTERNAL, "app", PLAIN), ROW(1, 1, CLIENT, "GET /health", PLAIN),
	  ROW(2, 2, INTERNAL, "child", PLAIN)}},
};

static void every_case_waits_as_it_should(void **state)
{
	bool good = true;
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(orders); i++)
		good &= scrape_case_run(&orders[i]);
	assert_true(good);
}

static void without_room_children_pass_and_are_counted(void **state)
{
	static const struct scrape_case this = {
		.rows = {ROW(0, 0, SERVER, "GET /ping", PLAIN), ROW(1, 1, INTERNAL, "c", PLAIN)}};
	struct processor_bench bench;
	struct example_requests requests;
	(void)state;
	processor_bench_open(&bench, (const char *const[]){"scrape_filter", "", NULL});
	scrape_case_build(&this, &bench.budget, &requests);
	bench.holding = HOLDING_NO_ROOM;
	processor_bench_send(&bench, requests.items[1]);
	assert_int_equal(bench_span_count(&bench), 1);
	assert_true(unseen(&bench, "no_room") == 1);
	processor_bench_send(&bench, requests.items[0]);
	assert_true(bench_metric(&bench, "sluice_processor_scrape_filter_undecided",
				 "scrape_filter=\"scrape_filter\",reason=\"child_left\"") == 1);
	example_requests_fini(&requests);
	processor_bench_close(&bench);
}

static const struct scrape_case three_in_a_row = {
	.rows = {ROW(0, 0, SERVER, "GET /items", PLAIN), ROW(1, 1, INTERNAL, "look up", PLAIN),
		 ROW(2, 2, SERVER, "llm_request",
		     .attrs = ATTRS(STR("gen_ai.request.model", "m")))}};

/* Another processor that sees what was dropped does not take what waits for that. */
static void what_waits_keeps_its_children(void **state)
{
	struct processor_bench bench;
	struct example_requests requests;
	uint8_t id[SPAN_ID_BYTES] = {0};
	(void)state;
	processor_bench_open(&bench,
			     (const char *const[]){"scrape_filter", "", "langfuse", "", NULL});
	scrape_case_build(&three_in_a_row, &bench.budget, &requests);
	bench.holding = HOLDING_ON;
	processor_bench_send(&bench, requests.items[1]);
	assert_non_null(bench.held);
	struct slice held = view_span_id(bench.view, 0);
	for (size_t i = 0; i < held.len; i++)
		id[i] = held.ptr[i];
	processor_bench_send(&bench, requests.items[2]);
	assert_int_equal(bench_span_count(&bench), 1);
	assert_true(slice_equal(view_span_parent(bench.out_view, 0), slice_of(id, sizeof(id))));
	example_requests_fini(&requests);
	processor_bench_close(&bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slow_probes_leave_no_children),
		cmocka_unit_test(probes_among_requests_leave_no_children),
		cmocka_unit_test(redirected_scrapes_leave_no_children),
		cmocka_unit_test(an_end_lets_children_leave_without_their_parents),
		cmocka_unit_test(ordinary_requests_are_hardly_delayed),
		cmocka_unit_test(every_case_waits_as_it_should),
		cmocka_unit_test(what_waits_keeps_its_children),
		cmocka_unit_test(without_room_children_pass_and_are_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
