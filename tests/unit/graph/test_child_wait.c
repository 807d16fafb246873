/* SPDX-License-Identifier: Apache-2.0 */
/* Spans that scrape_filter holds back, in a running graph: in two pipelines, at the end, and when nothing
 * more may wait. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pipeline/base/clock.h"
#include "tests/support/live_graph.h"
#include "tests/support/trace_wire.h"

#include <stdio.h>
#include <string.h>

enum { DEADLINE_S = 60, CHILD = 2, PARENT = 1 };

static const char yaml[] =
	"receivers: {nop: }\n"
	"processors:\n"
	"  scrape_filter: {child_wait: 1h}\n"
	"exporters: {nop: , nop/b: }\n"
	"service:\n"
	"  telemetry: {metrics: {level: none}}\n"
	"  pipelines:\n"
	"    traces: {receivers: [nop], processors: [scrape_filter], exporters: [nop]}\n"
	"    traces/b: {receivers: [nop], processors: [scrape_filter], exporters: [nop/b]}\n";

static double sent(const struct live_graph *fixture)
{
	return live_graph_metric(fixture, "otelcol_exporter_sent_spans", "exporter=\"nop\"");
}

static double sent_b(const struct live_graph *fixture)
{
	return live_graph_metric(fixture, "otelcol_exporter_sent_spans", "exporter=\"nop/b\"");
}

static double held(const struct live_graph *fixture)
{
	return live_graph_metric(fixture, "sluice_processor_held",
				 "pipeline=\"traces\",processor=\"scrape_filter\"");
}

static double held_b(const struct live_graph *fixture)
{
	return live_graph_metric(fixture, "sluice_processor_held",
				 "pipeline=\"traces/b\",processor=\"scrape_filter\"");
}

static double waiting(const struct live_graph *fixture)
{
	return live_graph_metric(fixture, "sluice_processor_waiting_bytes",
				 "pipeline=\"traces\",processor=\"scrape_filter\"") +
	       live_graph_metric(fixture, "sluice_processor_waiting_bytes",
				 "pipeline=\"traces/b\",processor=\"scrape_filter\"");
}

static double accepted(const struct live_graph *fixture)
{
	return live_graph_metric(fixture, "otelcol_receiver_accepted_spans",
				 "receiver=\"nop\",transport=\"http\"");
}

static struct chunk *request(struct budget *budget, uint64_t trace, uint64_t id, uint64_t parent,
			     const char *name, size_t padding)
{
	uint64_t trace_id[2] = {trace, trace};
	static char text[9 << 20];
	struct buf span = BUF_INIT, body = BUF_INIT;
	memset(text, 'x', padding);
	text[padding] = 0;
	tw_bytes(&span, SPAN_TRACE_ID, slice_of(trace_id, sizeof(trace_id)));
	tw_bytes(&span, SPAN_SPAN_ID, slice_of(&id, sizeof(id)));
	if (parent)
		tw_bytes(&span, SPAN_PARENT_SPAN_ID, slice_of(&parent, sizeof(parent)));
	tw_text(&span, SPAN_NAME, name);
	tw_varint(&span, SPAN_KIND, parent ? SPAN_KIND_INTERNAL : SPAN_KIND_SERVER);
	tw_attr_text(&span, SPAN_ATTRIBUTES, "pad", text);
	tw_request_of_span(&body, buf_slice(&span));
	struct chunk *chunk = chunk_new(budget, body.len);
	assert_non_null(chunk);
	assert_true(chunk_append(chunk, buf_slice(&body)));
	buf_fini(&span);
	buf_fini(&body);
	return chunk;
}

static void send_span(struct live_graph *fixture, uint64_t trace, uint64_t id, uint64_t parent,
		      const char *name, size_t padding)
{
	struct chunk *chunk = request(&fixture->budget, trace, id, parent, name, padding);
	assert_int_equal(live_graph_push(fixture, trace % LIVE_GRAPH_SHARDS, chunk), OUTCOME_TAKEN);
	chunk_unref(chunk);
}

/* Each pipeline decides for itself, and counts each span once. */
static void children_go_the_way_of_their_parents_in_every_pipeline(void **state)
{
	struct live_graph fixture;
	(void)state;
	live_graph_open(&fixture, yaml, DEADLINE_S * NS_PER_S, NULL);
	send_span(&fixture, 1, CHILD, PARENT, "check", 0);
	send_span(&fixture, 2, CHILD, PARENT, "look up", 0);
	assert_true(held(&fixture) == 2 && held_b(&fixture) == 2 && sent(&fixture) == 0);
	send_span(&fixture, 1, PARENT, 0, "GET /health", 0);
	send_span(&fixture, 2, PARENT, 0, "GET /items", 0);
	live_graph_await(&fixture, waiting, 0);
	live_graph_await(&fixture, sent, 2);
	live_graph_await(&fixture, sent_b, 2);
	assert_true(held(&fixture) == 2 && held_b(&fixture) == 2 && accepted(&fixture) == 4);
	assert_true(live_graph_metric(&fixture, "sluice_processor_scrape_filter_dropped",
				      "scrape_filter=\"scrape_filter\",rule=\"remembered\"") == 2);
	live_graph_close(&fixture, 0);
}

static void a_stop_lets_children_leave(void **state)
{
	struct live_graph fixture;
	(void)state;
	live_graph_open(&fixture, yaml, DEADLINE_S * NS_PER_S, NULL);
	send_span(&fixture, 1, CHILD, PARENT, "check", 0);
	live_graph_stop(&fixture, 0);
	assert_true(sent(&fixture) == 1 && sent_b(&fixture) == 1 && accepted(&fixture) == 1);
	live_graph_free(&fixture);
}

/* 16 MiB; nobody is pushed back. */
static void a_full_room_lets_children_pass(void **state)
{
	enum { LARGE = 8 << 20 };
	struct live_graph fixture;
	(void)state;
	live_graph_open(&fixture, yaml, DEADLINE_S * NS_PER_S, NULL);
	for (uint64_t trace = 1; trace <= 3; trace++)
		send_span(&fixture, trace, CHILD, PARENT, "check", LARGE);
	assert_true(held(&fixture) == 2 && held_b(&fixture) == 2);
	live_graph_await(&fixture, sent, 1);
	live_graph_await(&fixture, sent_b, 1);
	assert_true(live_graph_metric(&fixture, "sluice_processor_scrape_filter_parent_unseen",
				      "scrape_filter=\"scrape_filter\",reason=\"no_room\"") == 2);
	live_graph_close(&fixture, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(children_go_the_way_of_their_parents_in_every_pipeline),
		cmocka_unit_test(a_stop_lets_children_leave),
		cmocka_unit_test(a_full_room_lets_children_pass),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
