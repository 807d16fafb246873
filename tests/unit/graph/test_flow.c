/* SPDX-License-Identifier: Apache-2.0 */
/* Requests through pipelines to scripted exporters: admission, branches, refusals, accounting. */
#include "tests/support/graph_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define HEAD "receivers: {nop: }\n"

static void push_spans(struct graph_fixture *fixture, uint64_t first, uint32_t spans,
		       struct graph_push *push)
{
	struct buf body = BUF_INIT;
	graph_request(&body, first, spans, 10, 0);
	graph_fixture_push(fixture, 0, buf_slice(&body), 0, push);
	buf_fini(&body);
}

static void expect_taken(struct graph_fixture *fixture, uint64_t first, uint32_t spans)
{
	struct graph_push push;
	push_spans(fixture, first, spans, &push);
	assert_int_equal(push.answers, 1);
	assert_int_equal(push.outcome, OUTCOME_TAKEN);
	assert_int_equal(push.span_count, spans);
}

static uint32_t delivered(const struct graph_fixture *fixture, size_t exporter, uint64_t first,
			  uint32_t spans)
{
	uint32_t count = 0;
	for (uint64_t id = first; id < first + spans; id++) {
		assert_true(fixture->scripts[exporter]->delivered[id] <= 1);
		count += fixture->scripts[exporter]->delivered[id];
	}
	return count;
}

static uint64_t dropped(struct graph_fixture *fixture, size_t exporter, enum drop_reason reason)
{
	return counter_get(&graph_fixture_ledger(fixture, exporter)->dropped[reason]);
}

static bool is_held(void *arg)
{
	return ((struct scripted_exporter *)arg)->held_count > 0;
}

/* ---- branches ------------------------------------------------------------------------------- */

static const char two_filters[] =
	HEAD "processors:\n"
	     "  filter/odd: {traces: {span: ['name == \"odd\"']}}\n"
	     "  filter/even: {traces: {span: ['name == \"even\"']}}\n"
	     "exporters: {nop/a: , nop/b: , nop/c: }\n"
	     "service: {pipelines: {\n"
	     "  traces/a: {receivers: [nop], processors: [filter/odd], exporters: [nop/a]},\n"
	     "  traces/b: {receivers: [nop], processors: [filter/even], exporters: [nop/b]},\n"
	     "  traces/c: {receivers: [nop], exporters: [nop/c]}}}\n";

static void each_pipeline_edits_the_request_for_itself(void **state)
{
	(void)state;
	struct graph_fixture fixture;
	graph_fixture_open(&fixture, two_filters, 1);
	expect_taken(&fixture, 0, 11);
	graph_fixture_drain(&fixture);
	assert_int_equal(delivered(&fixture, 0, 0, 11), 6);
	assert_int_equal(delivered(&fixture, 1, 0, 11), 5);
	assert_int_equal(delivered(&fixture, 2, 0, 11), 11);
	assert_int_equal(fixture.scripts[0]->delivered[1], 0);
	assert_int_equal(fixture.scripts[1]->delivered[0], 0);
	graph_fixture_close(&fixture);
}

/* The first pipeline keeps the body as it came; the second still reads it. */
/* Received and re-encoded alike; span 0 has an id of zeros. */
static void what_the_index_saw_of_the_ids_reaches_the_exporters(void **state)
{
	static const struct {
		uint64_t first;
		uint32_t even, odd, all; /* batches so far with usable ids */
	} steps[] = {{1, 1, 1, 1}, {0, 1, 1, 1}, {11, 2, 2, 2}};
	(void)state;
	struct graph_fixture fixture;
	graph_fixture_open(&fixture, two_filters, 1);
	for (size_t i = 0; i < ARRAY_COUNT(steps); i++) {
		expect_taken(&fixture, steps[i].first, steps[i].first == 0 ? 1 : 10);
		graph_fixture_drain(&fixture);
		assert_int_equal(fixture.scripts[0]->usable_calls, steps[i].even);
		assert_int_equal(fixture.scripts[1]->usable_calls, steps[i].odd);
		assert_int_equal(fixture.scripts[2]->usable_calls, steps[i].all);
	}
	graph_fixture_close(&fixture);
}

static void a_body_that_is_kept_may_have_unused_room(void **state)
{
	(void)state;
	struct graph_fixture fixture;
	struct graph_push push;
	struct buf body = BUF_INIT;
	graph_fixture_open(&fixture,
			   HEAD "processors: {filter: {traces: {span: ['name == \"odd\"']}}}\n"
				"exporters: {nop/a: , nop/b: }\n"
				"service: {pipelines: {\n"
				"  traces/a: {receivers: [nop], exporters: [nop/a]},\n"
				"  traces/b: {receivers: [nop], processors: [filter], "
				"exporters: [nop/b]}}}\n",
			   1);
	fixture.scripts[0]->hold = true;
	graph_request(&body, 0, 100, 100, 0);
	graph_fixture_push(&fixture, 0, buf_slice(&body), 1 << 20, &push);
	assert_int_equal(push.outcome, OUTCOME_TAKEN);
	/* The room is given back while the body waits in the queue. */
	assert_true(budget_used(&fixture.graph->budget) < 1 << 20);
	buf_fini(&body);
	graph_fixture_run_until(&fixture, is_held, fixture.scripts[0]);
	script_release(fixture.scripts[0]);
	graph_fixture_drain(&fixture);
	assert_int_equal(delivered(&fixture, 0, 0, 100), 100);
	assert_int_equal(delivered(&fixture, 1, 0, 100), 50);
	graph_fixture_close(&fixture);
}

static void equal_branches_share_one_batch(void **state)
{
	(void)state;
	struct graph_fixture fixture;
	graph_fixture_open(&fixture,
			   HEAD "processors: {filter: {traces: {span: ['name == \"odd\"']}}}\n"
				"exporters: {nop/a: , nop/b: , nop/c: {max_request_bytes: 5000}}\n"
				"service: {pipelines: {traces: {receivers: [nop], processors: "
				"[filter], exporters: [nop/a, nop/b, nop/c]}}}\n",
			   1);
	for (size_t i = 0; i < 3; i++)
		fixture.scripts[i]->hold = true;
	expect_taken(&fixture, 0, 10);
	for (size_t i = 0; i < 3; i++)
		graph_fixture_run_until(&fixture, is_held, fixture.scripts[i]);
	const struct batch *a = fixture.scripts[0]->held[0]->batch;
	const struct batch *b = fixture.scripts[1]->held[0]->batch;
	const struct batch *c = fixture.scripts[2]->held[0]->batch;
	assert_ptr_equal(a, b);
	assert_ptr_not_equal(a, c);		      /* other limits, so another batch */
	assert_ptr_equal(a->chunks[0], c->chunks[0]); /* of the same encoded bytes */
	for (size_t i = 0; i < 3; i++)
		script_release(fixture.scripts[i]);
	graph_fixture_drain(&fixture);
	graph_fixture_close(&fixture);
}

/* ---- admission ------------------------------------------------------------------------------ */

#define ONE_PLACE "sending_queue: {queue_size: 1, num_consumers: 1}"
#define ONE_PLACE_REQUIRED "sending_queue: {queue_size: 1, num_consumers: 1, required: true}"
#define TWO_PIPELINES                                                                              \
	"service: {pipelines: {\n"                                                                 \
	"  traces/a: {receivers: [nop], exporters: [nop/a]},\n"                                    \
	"  traces/b: {receivers: [nop], exporters: [nop/b]}}}\n"

static void a_full_branch_that_is_required_refuses_for_all_pipelines(void **state)
{
	(void)state;
	struct graph_fixture fixture;
	struct graph_push push;
	graph_fixture_open(&fixture,
			   HEAD "exporters: {nop/a: {sending_queue: {queue_size: 2}}, nop/b: "
				"{" ONE_PLACE_REQUIRED "}}\n" TWO_PIPELINES,
			   1);
	fixture.scripts[0]->hold = fixture.scripts[1]->hold = true;
	expect_taken(&fixture, 0, 5);
	for (int i = 0; i < 50; i++) {
		push_spans(&fixture, 100, 7, &push);
		assert_int_equal(push.answers, 1);
		assert_int_equal(push.outcome, OUTCOME_RETRY);
		assert_string_equal(push.message, "sending queue is full");
		assert_true(push.retry_after_ns > 0);
		/* What a had promised was taken back: there is still one place. */
		assert_true(sender_reserve(graph_fixture_exporter(&fixture, 0)->sender, 1, 1));
		assert_false(sender_reserve(graph_fixture_exporter(&fixture, 0)->sender, 1, 1));
		sender_cancel_reservation(graph_fixture_exporter(&fixture, 0)->sender, 1, 1);
	}
	graph_fixture_run_until(&fixture, is_held, fixture.scripts[0]);
	graph_fixture_run_until(&fixture, is_held, fixture.scripts[1]);
	script_release(fixture.scripts[0]);
	script_release(fixture.scripts[1]);
	graph_fixture_drain(&fixture);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(counter_get(&graph_fixture_ledger(&fixture, i)->sent), 5);
		assert_int_equal(dropped(&fixture, i, DROP_QUEUE_FULL), 0);
		assert_int_equal(delivered(&fixture, i, 100, 7), 0);
	}
	assert_int_equal(graph_fixture_metric(&fixture, "otelcol_receiver_refused_spans",
					      "receiver=\"nop\",transport=\"grpc\""),
			 350);
	assert_int_equal(graph_fixture_metric(&fixture, "sluice_receiver_requests_refused",
					      "receiver=\"nop\",reason=\"queue_full\""),
			 50);
	expect_taken(&fixture, 100, 7);
	graph_fixture_drain(&fixture);
	graph_fixture_close(&fixture);
}

static void a_full_branch_drops_for_itself_alone(void **state)
{
	(void)state;
	struct graph_fixture fixture;
	graph_fixture_open(&fixture,
			   HEAD "exporters: {nop/a: , nop/b: {" ONE_PLACE "}}\n" TWO_PIPELINES, 1);
	fixture.scripts[1]->hold = true;
	expect_taken(&fixture, 0, 5);
	expect_taken(&fixture, 5, 7);
	graph_fixture_run_until(&fixture, is_held, fixture.scripts[1]);
	script_release(fixture.scripts[1]);
	graph_fixture_drain(&fixture);
	assert_int_equal(counter_get(&graph_fixture_ledger(&fixture, 0)->sent), 12);
	assert_int_equal(counter_get(&graph_fixture_ledger(&fixture, 1)->sent), 5);
	assert_int_equal(dropped(&fixture, 1, DROP_QUEUE_FULL), 7);
	assert_int_equal(counter_get(&graph_fixture_ledger(&fixture, 1)->enqueue_failed), 7);
	graph_fixture_close(&fixture);
}

static void when_every_branch_is_full_the_request_is_refused(void **state)
{
	(void)state;
	struct graph_fixture fixture;
	struct graph_push push;
	graph_fixture_open(&fixture,
			   HEAD "exporters: {nop/a: {" ONE_PLACE "}, nop/b: {" ONE_PLACE
				"}}\n" TWO_PIPELINES,
			   1);
	fixture.scripts[0]->hold = fixture.scripts[1]->hold = true;
	expect_taken(&fixture, 0, 1);
	push_spans(&fixture, 1, 1, &push);
	assert_int_equal(push.outcome, OUTCOME_RETRY);
	for (size_t i = 0; i < 2; i++) {
		graph_fixture_run_until(&fixture, is_held, fixture.scripts[i]);
		script_release(fixture.scripts[i]);
		assert_int_equal(dropped(&fixture, i, DROP_QUEUE_FULL), 0);
	}
	graph_fixture_drain(&fixture);
	graph_fixture_close(&fixture);
}

/* ---- the queue's units ---------------------------------------------------------------------- */

/* Split parts repeat resource and scope, batches join requests, and still each unit comes back. */
static void the_queue_is_empty_again_whatever_became_of_the_requests(void **state)
{
	static const char *const sizers[] = {"requests", "items", "bytes"};
	static const char *const batches[] = {
		"", ", batch: {flush_timeout: 1h}",
		", batch: {flush_timeout: 1h, min_size: 4, max_size: 64}"};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(sizers) * ARRAY_COUNT(batches); i++) {
		struct graph_fixture fixture;
		struct buf yaml = BUF_INIT, body = BUF_INIT;
		struct graph_push push;
		buf_printf(&yaml,
			   HEAD "exporters: {nop: {max_request_bytes: 8000, sending_queue: "
				"{queue_size: 1000000, sizer: %s%s}}}\nservice: {pipelines: "
				"{traces: {receivers: [nop], exporters: [nop]}}}\n",
			   sizers[i % 3], batches[i / 3]);
		graph_fixture_open(&fixture, buf_cstr(&yaml), 1);
		uint64_t first = 0;
		for (uint32_t spans = 1; spans < 200; spans += 33) {
			buf_reset(&body);
			graph_request(&body, first, spans, 200, 500);
			graph_fixture_push(&fixture, 0, buf_slice(&body), 0, &push);
			assert_int_equal(push.outcome, OUTCOME_TAKEN);
			first += spans;
		}
		graph_fixture_drain(&fixture);
		assert_int_equal(delivered(&fixture, 0, 0, (uint32_t)first), first);
		struct sender *sender = graph_fixture_exporter(&fixture, 0)->sender;
		assert_true(sender_reserve(sender, 1000000, 1000000));
		if (i % 3 != SIZER_REQUESTS) /* full now, neither more nor less */
			assert_false(sender_reserve(sender, 1, 1));
		sender_cancel_reservation(sender, 1000000, 1000000);
		assert_int_equal(sender_used_units(sender), 0);
		buf_fini(&body);
		buf_fini(&yaml);
		graph_fixture_close(&fixture);
	}
}

/* ---- memory --------------------------------------------------------------------------------- */

static void a_request_without_memory_is_refused_and_leaves_nothing(void **state)
{
	(void)state;
	struct graph_fixture fixture;
	struct graph_push push;
	graph_fixture_open(&fixture,
			   HEAD "processors: {filter: {traces: {span: ['name == \"odd\"']}}}\n"
				"exporters: {nop: }\n"
				"service: {pipelines: {traces: {receivers: [nop], processors: "
				"[filter], exporters: [nop]}}}\n",
			   1);
	struct budget *budget = &fixture.graph->budget;
	expect_taken(&fixture, 0, 1000);
	graph_fixture_drain(&fixture);
	uint64_t before = budget_used(budget);
	struct buf body = BUF_INIT;
	graph_request(&body, 1000, 1000, 10, 0);
	uint32_t refused = 0;
	/* Room for the body, and then a little more each time. */
	for (uint64_t room = body.len; room < 4 * body.len; room += body.len / 16) {
		atomic_store(&budget->limit, before + room);
		graph_fixture_push(&fixture, 0, buf_slice(&body), 0, &push);
		assert_int_equal(push.answers, 1);
		if (push.outcome == OUTCOME_TAKEN)
			break;
		assert_int_equal(push.outcome, OUTCOME_RETRY);
		assert_int_equal(push.err_kind, ERR_NOMEM);
		refused++;
	}
	assert_true(refused > 0);
	assert_int_equal(push.outcome, OUTCOME_TAKEN);
	graph_fixture_drain(&fixture);
	assert_int_equal(delivered(&fixture, 0, 1000, 1000), 500);
	buf_fini(&body);
	graph_fixture_close(&fixture);
}

static void whoever_waits_hears_of_spans_lost_to_memory(void **state)
{
	(void)state;
	struct graph_fixture fixture;
	struct graph_push first, second;
	graph_fixture_open(&fixture,
			   HEAD
			   "exporters: {nop: {sending_queue: {wait_for_result: true, batch: "
			   "{flush_timeout: 1h}}}}\n"
			   "service: {pipelines: {traces: {receivers: [nop], exporters: [nop]}}}\n",
			   1);
	struct budget *budget = &fixture.graph->budget;
	push_spans(&fixture, 0, 10, &first);
	struct buf body = BUF_INIT;
	graph_request(&body, 10, 10, 10, 0);
	/* The body fits, the gathering chunk for it and its forerunner does not. */
	atomic_store(&budget->limit, budget_used(budget) + 2 * body.len);
	graph_fixture_push(&fixture, 0, buf_slice(&body), 0, &second);
	atomic_store(&budget->limit, UINT64_MAX);
	graph_fixture_drain(&fixture);
	assert_int_equal(first.outcome, OUTCOME_TAKEN);
	assert_int_equal(first.answers, 1);
	assert_int_equal(second.outcome, OUTCOME_RETRY);
	assert_int_equal(second.answers, 1);
	assert_int_equal(dropped(&fixture, 0, DROP_MEMORY), 0);
	assert_int_equal(counter_get(&graph_fixture_ledger(&fixture, 0)->returned), 10);
	assert_int_equal(sender_used_units(graph_fixture_exporter(&fixture, 0)->sender), 0);
	buf_fini(&body);
	graph_fixture_close(&fixture);
}

/* ---- waiting for results -------------------------------------------------------------------- */

static struct export_result unavailable(struct scripted_exporter *script, const struct batch *batch)
{
	(void)script;
	(void)batch;
	return (struct export_result){.outcome = EXPORT_RETRY};
}

static struct export_result permanent(struct scripted_exporter *script, const struct batch *batch)
{
	(void)script;
	(void)batch;
	return (struct export_result){.outcome = EXPORT_PERMANENT};
}

typedef struct export_result (*answer_fn)(struct scripted_exporter *script,
					  const struct batch *batch);

/* Two groups of one pipeline and a second pipeline: the answer is the worst of all that waits. */
static void the_answer_is_the_worst_of_those_that_wait(void **state)
{
	static const struct {
		answer_fn a, b, c;
		enum outcome outcome;
	} cases[] = {
		{NULL, NULL, NULL, OUTCOME_TAKEN},
		{NULL, unavailable, NULL, OUTCOME_RETRY},
		{unavailable, permanent, NULL, OUTCOME_REJECTED},
		{NULL, NULL, permanent, OUTCOME_TAKEN}, /* c is not waited for */
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct graph_fixture fixture;
		struct graph_push push;
		graph_fixture_open(
			&fixture,
			HEAD "exporters:\n"
			     "  nop/a: {sending_queue: {wait_for_result: true}, retry_on_failure: "
			     "{enabled: false}}\n"
			     "  nop/b: {sending_queue: {enabled: false}, retry_on_failure: "
			     "{enabled: false}, max_request_bytes: 2000}\n"
			     "  nop/c: {retry_on_failure: {enabled: false}}\n"
			     "service: {pipelines: {\n"
			     "  traces/1: {receivers: [nop], exporters: [nop/a, nop/b]},\n"
			     "  traces/2: {receivers: [nop], exporters: [nop/a, nop/c]}}}\n",
			1);
		fixture.scripts[0]->answer = cases[i].a;
		fixture.scripts[1]->answer = cases[i].b;
		fixture.scripts[2]->answer = cases[i].c;
		struct buf body = BUF_INIT;
		/* Large enough to be split for b, so that several batches are waited for. */
		graph_request(&body, 0, 30, 300, 0);
		graph_fixture_push(&fixture, 0, buf_slice(&body), 0, &push);
		assert_int_equal(push.answers, 0);
		graph_fixture_drain(&fixture);
		assert_int_equal(push.answers, 1);
		assert_int_equal(push.outcome, cases[i].outcome);
		assert_int_equal(push.span_count, 30);
		assert_true(fixture.scripts[1]->calls > 3);
		buf_fini(&body);
		graph_fixture_close(&fixture);
	}
}

/* ---- processors ----------------------------------------------------------------------------- */

static void processors_are_counted_in_and_out(void **state)
{
	(void)state;
	struct graph_fixture fixture;
	graph_fixture_open(&fixture, two_filters, 1);
	expect_taken(&fixture, 0, 11);
	expect_taken(&fixture, 20, 3);
	graph_fixture_drain(&fixture);
	static const char odd[] = "otel_signal=\"traces\",processor=\"filter/odd\"";
	static const char even[] = "otel_signal=\"traces\",processor=\"filter/even\"";
	assert_int_equal(graph_fixture_metric(&fixture, "otelcol_processor_incoming_items", odd),
			 14);
	assert_int_equal(graph_fixture_metric(&fixture, "otelcol_processor_outgoing_items", odd),
			 8);
	assert_int_equal(graph_fixture_metric(&fixture, "otelcol_processor_incoming_items", even),
			 14);
	assert_int_equal(graph_fixture_metric(&fixture, "otelcol_processor_outgoing_items", even),
			 6);
	assert_int_equal(graph_fixture_metric(&fixture, "otelcol_receiver_accepted_spans",
					      "receiver=\"nop\",transport=\"grpc\""),
			 14);
	graph_fixture_close(&fixture);
}

/* One id in two pipelines is two instances with one series: Prometheus takes no series twice. */
static void a_processor_in_two_pipelines_is_one_series(void **state)
{
	(void)state;
	struct graph_fixture fixture;
	graph_fixture_open(&fixture,
			   HEAD "processors: {filter: {traces: {span: ['name == \"odd\"']}}}\n"
				"exporters: {nop/a: , nop/b: }\n"
				"service: {pipelines: {\n"
				"  traces/a: {receivers: [nop], processors: [filter], exporters: "
				"[nop/a]},\n"
				"  traces/b: {receivers: [nop], processors: [filter], exporters: "
				"[nop/b]}}}\n",
			   1);
	expect_taken(&fixture, 0, 10);
	graph_fixture_drain(&fixture);
	assert_int_equal(graph_fixture_metric(&fixture, "otelcol_processor_incoming_items",
					      "otel_signal=\"traces\",processor=\"filter\""),
			 20);
	assert_int_equal(graph_fixture_metric(&fixture, "otelcol_processor_filter_spans_filtered",
					      "filter=\"filter\""),
			 10);
	graph_fixture_close(&fixture);
}

static void a_request_that_is_filtered_away_is_a_success(void **state)
{
	(void)state;
	struct graph_fixture fixture;
	graph_fixture_open(&fixture,
			   HEAD "processors: {filter: {traces: {span: ['true']}}}\n"
				"exporters: {nop: {" ONE_PLACE_REQUIRED "}}\n"
				"service: {pipelines: {traces: {receivers: [nop], processors: "
				"[filter], exporters: [nop]}}}\n",
			   1);
	for (uint64_t i = 0; i < 5; i++)
		expect_taken(&fixture, i, 1);
	assert_int_equal(fixture.scripts[0]->calls, 0);
	graph_fixture_close(&fixture);
}

static void an_error_that_propagates_refuses_the_request_for_all(void **state)
{
	(void)state;
	struct graph_fixture fixture;
	struct graph_push push;
	graph_fixture_open(&fixture,
			   HEAD "processors: {filter: {error_mode: propagate, traces: {span: "
				"['HasPrefix(attributes[\"absent\"], \"x\")']}}}\n"
				"exporters: {nop/a: , nop/b: }\n"
				"service: {pipelines: {\n"
				"  traces/a: {receivers: [nop], exporters: [nop/a]},\n"
				"  traces/b: {receivers: [nop], processors: [filter], exporters: "
				"[nop/b]}}}\n",
			   1);
	push_spans(&fixture, 0, 3, &push);
	assert_int_equal(push.outcome, OUTCOME_RETRY);
	graph_fixture_drain(&fixture);
	assert_int_equal(fixture.scripts[0]->calls, 0);
	assert_int_equal(graph_fixture_metric(&fixture, "sluice_receiver_requests_refused",
					      "receiver=\"nop\",reason=\"processor\""),
			 1);
	graph_fixture_close(&fixture);
}

/* ---- what is no request --------------------------------------------------------------------- */

static void an_empty_request_is_a_success_and_a_broken_one_is_rejected(void **state)
{
	(void)state;
	struct graph_fixture fixture;
	struct graph_push push;
	graph_fixture_open(&fixture, two_filters, 1);
	graph_fixture_push(&fixture, 0, SLICE(""), 0, &push);
	assert_int_equal(push.outcome, OUTCOME_TAKEN);
	graph_fixture_push(&fixture, 0, SLICE("\x0a\x05\x01"), 0, &push);
	assert_int_equal(push.outcome, OUTCOME_REJECTED);
	assert_int_equal(push.err_kind, ERR_DECODE);
	graph_fixture_drain(&fixture);
	assert_int_equal(fixture.scripts[0]->calls, 0);
	assert_int_equal(graph_fixture_metric(&fixture, "sluice_receiver_requests_empty",
					      "receiver=\"nop\""),
			 1);
	assert_int_equal(graph_fixture_metric(&fixture, "sluice_receiver_requests_refused",
					      "receiver=\"nop\",reason=\"malformed\""),
			 1);
	graph_fixture_close(&fixture);
}

/* In resources: an unknown field, scopes under both of their numbers. */
static void fields_that_nobody_reads_are_counted(void **state)
{
	(void)state;
	struct graph_fixture fixture;
	struct graph_push push;
	graph_fixture_open(&fixture, two_filters, 1);
	graph_fixture_push(
		&fixture, 0,
		SLICE("\x0a\x1c\xc2\x3e\x02\x12\x00\x12\x0c\x12\x0a\x12\x08\x01\0\0\0\0\0\0\0"
		      "\xc2\x3e\x00\x98\x06\x01\x98\x06\x01"),
		0, &push);
	assert_int_equal(push.outcome, OUTCOME_TAKEN);
	graph_fixture_drain(&fixture);
	assert_int_equal(graph_fixture_metric(&fixture, "sluice_receiver_unread_fields",
					      "receiver=\"nop\",reason=\"superseded\""),
			 2);
	assert_int_equal(graph_fixture_metric(&fixture, "sluice_receiver_unread_fields",
					      "receiver=\"nop\",reason=\"unknown\""),
			 2);
	assert_int_equal(graph_fixture_metric(&fixture, "otelcol_receiver_accepted_spans",
					      "receiver=\"nop\",transport=\"grpc\""),
			 1);
	graph_fixture_close(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_pipeline_edits_the_request_for_itself),
		cmocka_unit_test(what_the_index_saw_of_the_ids_reaches_the_exporters),
		cmocka_unit_test(a_body_that_is_kept_may_have_unused_room),
		cmocka_unit_test(equal_branches_share_one_batch),
		cmocka_unit_test(a_full_branch_that_is_required_refuses_for_all_pipelines),
		cmocka_unit_test(a_full_branch_drops_for_itself_alone),
		cmocka_unit_test(when_every_branch_is_full_the_request_is_refused),
		cmocka_unit_test(the_queue_is_empty_again_whatever_became_of_the_requests),
		cmocka_unit_test(a_request_without_memory_is_refused_and_leaves_nothing),
		cmocka_unit_test(whoever_waits_hears_of_spans_lost_to_memory),
		cmocka_unit_test(the_answer_is_the_worst_of_those_that_wait),
		cmocka_unit_test(processors_are_counted_in_and_out),
		cmocka_unit_test(a_processor_in_two_pipelines_is_one_series),
		cmocka_unit_test(a_request_that_is_filtered_away_is_a_success),
		cmocka_unit_test(an_error_that_propagates_refuses_the_request_for_all),
		cmocka_unit_test(an_empty_request_is_a_success_and_a_broken_one_is_rejected),
		cmocka_unit_test(fields_that_nobody_reads_are_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
