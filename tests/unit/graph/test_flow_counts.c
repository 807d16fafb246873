/* SPDX-License-Identifier: Apache-2.0 */
/* What processors and receivers count of requests that are refused: the refusal, and nothing that
 * was decided on the way to it. */
#include "pipeline/base/clock.h"
#include "tests/support/graph_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Every processor that decides about spans, in a pipeline whose queue has one place. */
#define ALL_PROCESSORS                                                                             \
	"receivers: {nop: }\n"                                                                     \
	"processors:\n"                                                                            \
	"  memory_limiter: {check_interval: 1s, limit_mib: 1000}\n"                                \
	"  filter: {traces: {span: ['name == \"odd\"']}}\n"                                        \
	"  scrape_filter:\n"                                                                       \
	"  probabilistic_sampler: {sampling_percentage: 100}\n"                                    \
	"  langfuse: {join_wait: 0s}\n"                                                            \
	"  metadata_only:\n"                                                                       \
	"exporters: {nop: {sending_queue: {queue_size: 1, num_consumers: 1}}}\n"                   \
	"service: {pipelines: {traces: {receivers: [nop], processors: [memory_limiter, filter, "   \
	"scrape_filter, probabilistic_sampler, langfuse, metadata_only], exporters: [nop]}}}\n"

enum { SPANS = 90, REFUSALS = 20 };

/* A request of which each processor has something to decide: scrapes, model calls, content. */
static void append_request(struct buf *body)
{
	graph_request(body, 0, SPANS, 40, 10);
}

/* Appends "name{labels} value" of each series that ${prefix} begins. */
static void append_series(struct graph_fixture *fixture, const char *prefix, struct buf *out)
{
	struct buf page = BUF_INIT;
	char *save = NULL;
	metrics_print(fixture->graph->metrics, (struct metrics_page){0}, &page);
	for (char *line = strtok_r((char *)(uintptr_t)buf_cstr(&page), "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		if (strncmp(line, prefix, strlen(prefix)) == 0)
			buf_printf(out, "%s\n", line);
	}
	buf_fini(&page);
}

static bool is_held(void *script)
{
	return ((struct scripted_exporter *)script)->held_count > 0;
}

static size_t lines_that_differ(const char *before, const char *after)
{
	size_t count = 0;
	while (*before && *after) {
		size_t a = strcspn(before, "\n"), b = strcspn(after, "\n");
		count += a != b || memcmp(before, after, a) != 0;
		before += a + 1;
		after += b + 1;
	}
	assert_true(*before == *after);
	return count;
}

static void a_refused_request_leaves_no_count_of_what_was_decided(void **state)
{
	static const struct {
		const char *prefix;
		size_t moved_min;
	} series[] = {{"otelcol_processor_", 8}, {"sluice_processor_", 2}};
	struct graph_fixture fixture;
	struct graph_push push;
	struct buf body = BUF_INIT;
	(void)state;
	append_request(&body);
	graph_fixture_open(&fixture, ALL_PROCESSORS, 1);
	for (size_t p = 0; p < ARRAY_COUNT(series); p++) {
		struct buf before = BUF_INIT, taken = BUF_INIT, refused = BUF_INIT;
		fixture.scripts[0]->hold = true;
		append_series(&fixture, series[p].prefix, &before);
		graph_fixture_push(&fixture, 0, buf_slice(&body), 0, &push);
		assert_int_equal(push.outcome, OUTCOME_TAKEN);
		append_series(&fixture, series[p].prefix, &taken);
		/* There was something to count … */
		assert_true(lines_that_differ(buf_cstr(&before), buf_cstr(&taken)) >=
			    series[p].moved_min);
		for (int i = 0; i < REFUSALS; i++) {
			graph_fixture_push(&fixture, 0, buf_slice(&body), 0, &push);
			assert_int_equal(push.outcome, OUTCOME_RETRY);
		}
		/* … and it is as it was. */
		append_series(&fixture, series[p].prefix, &refused);
		assert_string_equal(buf_cstr(&refused), buf_cstr(&taken));
		graph_fixture_run_until(&fixture, is_held, fixture.scripts[0]);
		script_release(fixture.scripts[0]);
		graph_fixture_drain(&fixture);
		buf_fini(&before);
		buf_fini(&taken);
		buf_fini(&refused);
	}
	assert_int_equal(graph_fixture_metric(&fixture, "otelcol_receiver_accepted_spans",
					      "receiver=\"nop\",transport=\"grpc\""),
			 2 * SPANS);
	assert_int_equal(graph_fixture_metric(&fixture, "otelcol_receiver_refused_spans",
					      "receiver=\"nop\",transport=\"grpc\""),
			 2 * REFUSALS * SPANS);
	assert_int_equal(graph_fixture_metric(&fixture, "otelcol_processor_incoming_items",
					      "otel_signal=\"traces\",processor=\"filter\""),
			 2 * SPANS);
	buf_fini(&body);
	graph_fixture_close(&fixture);
}

static void a_batch_that_is_tried_again_is_counted_once(void **state)
{
	static const char yaml[] =
		"receivers: {nop: }\n"
		"processors: {batch: {timeout: 0s}, filter: {traces: {span: ['name == "
		"\"odd\"']}}}\n"
		"exporters: {nop: {sending_queue: {queue_size: 1, num_consumers: 1}}}\n"
		"service: {pipelines: {traces: {receivers: [nop], processors: [batch, filter], "
		"exporters: [nop]}}}\n";
	struct graph_fixture fixture;
	struct graph_push push;
	struct buf body = BUF_INIT;
	(void)state;
	append_request(&body);
	graph_fixture_open(&fixture, yaml, 1);
	fixture.scripts[0]->hold = true;
	for (int i = 0; i < 2; i++) {
		graph_fixture_push(&fixture, 0, buf_slice(&body), 0, &push);
		assert_int_equal(push.outcome, OUTCOME_TAKEN);
	}
	/* The first fills the queue; the batch stage looks for room for the second again and again. */
	graph_fixture_run_until(&fixture, is_held, fixture.scripts[0]);
	uint64_t until_ns = clock_monotonic_ns() + 200 * NS_PER_MS;
	while (clock_monotonic_ns() < until_ns)
		(void)uv_run(&fixture.graph->shards[0].loop.uv, UV_RUN_NOWAIT);
	assert_int_equal(graph_fixture_metric(&fixture, "otelcol_processor_filter_spans_filtered",
					      "filter=\"filter\""),
			 SPANS / 2);
	fixture.scripts[0]->hold = false;
	script_release(fixture.scripts[0]);
	graph_fixture_drain(&fixture);
	assert_int_equal(graph_fixture_metric(&fixture, "otelcol_processor_filter_spans_filtered",
					      "filter=\"filter\""),
			 SPANS);
	buf_fini(&body);
	graph_fixture_close(&fixture);
}

/* The limiter speaks before the request is looked into, and still its spans are counted. */
static void spans_that_the_memory_limiter_refuses_are_counted(void **state)
{
	struct graph_fixture fixture;
	struct graph_push push;
	struct buf body = BUF_INIT;
	(void)state;
	append_request(&body);
	graph_fixture_open(&fixture, ALL_PROCESSORS, 1);
	budget_force(&fixture.graph->budget, UINT64_C(900) << 20);
	for (int i = 0; i < REFUSALS; i++) {
		graph_fixture_push(&fixture, 0, buf_slice(&body), 0, &push);
		assert_int_equal(push.outcome, OUTCOME_RETRY);
		assert_int_equal(push.span_count, SPANS);
	}
	budget_give(&fixture.graph->budget, UINT64_C(900) << 20);
	assert_int_equal(graph_fixture_metric(&fixture, "otelcol_receiver_refused_spans",
					      "receiver=\"nop\",transport=\"grpc\""),
			 REFUSALS * SPANS);
	assert_int_equal(graph_fixture_metric(&fixture,
					      "otelcol_processor_memory_limiter_refused_spans",
					      "processor=\"memory_limiter\""),
			 REFUSALS * SPANS);
	assert_int_equal(graph_fixture_metric(&fixture,
					      "otelcol_processor_memory_limiter_accepted_spans",
					      "processor=\"memory_limiter\""),
			 0);
	graph_fixture_push(&fixture, 0, buf_slice(&body), 0, &push); /* there is room again */
	assert_int_equal(push.outcome, OUTCOME_TAKEN);
	assert_int_equal(graph_fixture_metric(&fixture,
					      "otelcol_processor_memory_limiter_accepted_spans",
					      "processor=\"memory_limiter\""),
			 SPANS);
	graph_fixture_drain(&fixture);
	buf_fini(&body);
	graph_fixture_close(&fixture);
}

/* So are those of a request for whose index there is no memory. */
static void spans_without_an_index_are_counted(void **state)
{
	struct graph_fixture fixture;
	struct graph_push push;
	struct buf body = BUF_INIT;
	(void)state;
	append_request(&body);
	graph_fixture_open(&fixture, ALL_PROCESSORS, 1);
	struct budget *budget = &fixture.graph->budget;
	atomic_store(&budget->limit, budget_used(budget) + body.len + 100);
	graph_fixture_push(&fixture, 0, buf_slice(&body), 0, &push);
	assert_int_equal(push.outcome, OUTCOME_RETRY);
	assert_int_equal(push.err_kind, ERR_NOMEM);
	assert_int_equal(graph_fixture_metric(&fixture, "otelcol_receiver_refused_spans",
					      "receiver=\"nop\",transport=\"grpc\""),
			 SPANS);
	buf_fini(&body);
	graph_fixture_close(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_refused_request_leaves_no_count_of_what_was_decided),
		cmocka_unit_test(a_batch_that_is_tried_again_is_counted_once),
		cmocka_unit_test(spans_that_the_memory_limiter_refuses_are_counted),
		cmocka_unit_test(spans_without_an_index_are_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
