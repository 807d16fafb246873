/* SPDX-License-Identifier: Apache-2.0 */
/* The judge over time: spans that come late, traces that go, memory that is short, hostile spans. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pipeline/trace/otlp/builder.h"
#include "tests/support/expect_fixture.h"
#include "tests/support/trace_random.h"

#include <stdlib.h>

static const struct expect_span spans[] = {
	{1, 1, 0, "request", 0, 100, 2, 0, NULL, "a", NULL, NULL, NULL, 0},
	{1, 2, 1, "engine", 10, 90, 2, 0, NULL, "a", NULL, "tokens=3", NULL, 0},
	{2, 1, 0, "request", 0, 100, 2, 0, NULL, "a", NULL, NULL, NULL, 0},
	{2, 2, 1, "engine", 10, 90, 2, 0, NULL, "a", NULL, "tokens=4", NULL, 0},
	{3, 1, 0, "request", 0, 100, 2, 0, NULL, "a", NULL, NULL, NULL, 0},
};

static void load(struct expect_fixture *fixture, const char *text)
{
	if (!expect_fixture_load(fixture, text, NULL))
		fail_msg("%s", expect_fixture_errors(fixture));
}

static void update(struct expect_fixture *fixture)
{
	struct err err = {0};
	if (judge_update(fixture->judge, fixture->buffer, &err) != 0)
		fail_msg("%s", err.msg);
}

static void what_is_missing_may_still_come(void **state)
{
	static const char text[] =
		"expect:\n"
		"- {that: a, in: each trace, spans: name == \"engine\", parent: name == "
		"\"request\"}\n"
		"- {that: b, in: all traces, capture: {t: {value: 'attributes[\"tokens\"]'}},\n"
		"   compare: sum(t) == 7}\n";
	(void)state;
	struct expect_fixture fixture;
	load(&fixture, text);
	update(&fixture);
	assert_false(judge_all_hold(fixture.judge)); /* of nothing nothing holds */
	assert_int_equal(judge_verdict(fixture.judge, 0).result, VERDICT_SELECTED_NOTHING);
	expect_fixture_add(&fixture, &spans[1], 1);
	update(&fixture);
	assert_int_equal(judge_verdict(fixture.judge, 0).result, VERDICT_FAILED);
	expect_fixture_add(&fixture, &spans[0], 1);
	update(&fixture);
	assert_int_equal(judge_verdict(fixture.judge, 0).result, VERDICT_HOLDS);
	assert_int_equal(judge_verdict(fixture.judge, 1).result, VERDICT_FAILED);
	expect_fixture_add(&fixture, &spans[2], 2);
	update(&fixture);
	assert_true(judge_all_hold(fixture.judge));
	expect_fixture_add(&fixture, &spans[4], 1);
	update(&fixture);
	struct verdict verdict = judge_verdict(fixture.judge, 0);
	assert_int_equal(verdict.result, VERDICT_FAILED);
	assert_int_equal(verdict.traces, 3);
	assert_int_equal(verdict.traces_failed, 1);
	assert_int_equal(verdict.spans, 2);
	expect_fixture_fini(&fixture);
}

static void a_span_that_comes_twice_counts_once(void **state)
{
	static const char text[] =
		"expect:\n"
		"- {that: a, in: each trace, roots: 1, duplicate_ids: 0, trace_spans: 2,\n"
		"   spans: name == \"engine\", count: 1}\n"
		"- {that: b, in: all traces, capture: {t: {value: 'attributes[\"tokens\"]'}},\n"
		"   compare: sum(t) == 3}\n";
	(void)state;
	struct expect_fixture fixture;
	load(&fixture, text);
	expect_fixture_add(&fixture, spans, 2);
	expect_fixture_add(&fixture, spans, 1);
	expect_fixture_add(&fixture, &spans[1], 1);
	assert_string_equal(expect_fixture_verdict(&fixture, 0), "holds");
	assert_string_equal(expect_fixture_verdict(&fixture, 1), "holds");
	struct expect_span other = spans[1];
	other.end_ms++; /* the same id, another span */
	expect_fixture_add(&fixture, &other, 1);
	assert_string_equal(
		expect_fixture_verdict(&fixture, 0),
		"failed traces 1/1 spans 0/2 @ 1 2\n"
		"2:54 duplicate_ids: the number of spans that share their id is 2, wanted 0\n"
		"2:70 trace_spans: the number of spans is 3, wanted 2\n"
		"3:36 count: the number of selected spans is 2, wanted 1");
	expect_fixture_fini(&fixture);
}

static void remove_trace(struct expect_fixture *fixture, uint8_t last)
{
	const struct buffered_trace *trace = trace_buffer_first(fixture->buffer);
	while (trace && trace->id[TRACE_ID_BYTES - 1] != last)
		trace = trace_buffer_next(trace);
	assert_non_null(trace);
	trace_buffer_remove(fixture->buffer, trace);
}

static void traces_that_go_are_forgotten(void **state)
{
	static const char text[] =
		"expect:\n"
		"- {that: a, in: all traces, spans: name == \"engine\",\n"
		"   capture: {t: {value: 'attributes[\"tokens\"]'}}, compare: sum(t) == 3,\n"
		"   percentile: [{p: 100, value: 'attributes[\"tokens\"]', max: 3}]}\n";
	static const uint8_t gone[] = {2, 1, 3};
	static const bool holds[] = {true, false, false};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(gone); i++) {
		struct expect_fixture fixture;
		load(&fixture, text);
		expect_fixture_add(&fixture, spans, ARRAY_COUNT(spans));
		update(&fixture);
		assert_false(judge_all_hold(fixture.judge));
		remove_trace(&fixture, gone[i]);
		update(&fixture);
		assert_int_equal(judge_all_hold(fixture.judge), holds[i]);
		assert_int_equal(judge_verdict(fixture.judge, 0).traces, 2);
		expect_fixture_add(&fixture, &spans[0], 1); /* known, or another first */
		update(&fixture);
		assert_int_equal(judge_verdict(fixture.judge, 0).traces, gone[i] == 1 ? 3 : 2);
		expect_fixture_fini(&fixture);
	}
}

static void what_the_caller_cannot_tell_is_refused(void **state)
{
	static const struct {
		const char *text, *error;
	} cases[] = {
		{"expect:\n- {that: a, in: all traces, denied_keys: 0}\n",
		 "test.yaml:2:3: 'denied_keys' cannot be judged here"},
		{"expect:\n- {that: a, in: all traces, noise: 0}\n",
		 "test.yaml:2:3: 'noise' cannot be judged here"},
	};
	static const struct judge_env env;
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct expect_fixture fixture;
		struct err err = {0};
		load(&fixture, cases[i].text);
		assert_null(
			judge_new(fixture.expectations, fixture.keys, &env, &fixture.budget, &err));
		assert_int_equal(err.kind, ERR_CONFIG);
		assert_string_equal(err.msg, cases[i].error);
		expect_fixture_fini(&fixture);
	}
}

static void hear_nearest(void *arg, const struct expect_nearest *nearest)
{
	(void)arg;
	(void)nearest;
}

static void hear_miss(void *arg, const struct expect_miss *miss)
{
	(void)miss;
	++*(uint32_t *)arg;
}

/* Explains expectation ${at} with more memory each time, until there is enough. Returns the refusals. */
static uint32_t explain_with_little(struct expect_fixture *fixture, uint32_t at, uint64_t step)
{
	uint32_t misses = 0, refused = 0;
	const struct judge_listener listener = {hear_nearest, hear_miss, &misses};
	uint64_t used = budget_used(&fixture->budget);
	int result = -1;
	for (uint64_t more = 0; result != 0 && more < (64u << 20); more += step) {
		struct err err = {0};
		fixture->budget.limit = used + more;
		misses = 0;
		result = judge_explain(fixture->judge, fixture->buffer, at, &listener, &err);
		refused += result != 0;
		assert_true(result == 0 || err.kind == ERR_NOMEM);
	}
	assert_int_equal(result, 0);
	assert_true(misses > 0);
	return refused;
}

static void without_memory_there_is_no_verdict_and_then_there_is(void **state)
{
	static const char text[] =
		"expect:\n"
		"- {that: a, in: all traces, descendant: name == \"x\", count: {min: 1},\n"
		"   spans: name == \"root\", percentile: [{p: 50, max: 1s}]}\n"
		"- {that: b, in: each trace, spans: name == \"x\", sibling: name == \"y\",\n"
		"   overlaps: name == \"z\", capture: {n: {value: name}}, compare: n == n}\n";
	enum { SPANS = 60000, STEP = 256 << 10 };
	(void)state;
	struct expect_fixture fixture;
	struct expect_span *many = calloc(SPANS, sizeof(*many));
	assert_non_null(many);
	for (uint32_t i = 0; i < SPANS; i++)
		many[i] = (struct expect_span){.trace = 1,
					       .id = (uint8_t)(i % 250 + 1),
					       .name = i ? "x" : "root",
					       .parent = i ? 1 : 0,
					       .start_ms = i,
					       .end_ms = i + 1};
	load(&fixture, text);
	expect_fixture_add(&fixture, many, SPANS);
	uint64_t used = budget_used(&fixture.budget);
	struct err err = {0};
	int result = -1;
	uint32_t refused = 0;
	for (uint64_t more = 0; result != 0 && more < (64u << 20); more += STEP) {
		fixture.budget.limit = used + more;
		result = judge_update(fixture.judge, fixture.buffer, &err);
		refused += result != 0;
		assert_true(result == 0 || err.kind == ERR_NOMEM);
	}
	assert_int_equal(result, 0);
	assert_true(refused > 2);
	judge_free(fixture.judge); /* with the memory that it keeps for the next trace */
	fixture.budget.limit = UINT64_MAX;
	static const struct judge_env env;
	fixture.judge = judge_new(fixture.expectations, fixture.keys, &env, &fixture.budget, &err);
	assert_non_null(fixture.judge);
	assert_int_equal(judge_update(fixture.judge, fixture.buffer, &err), 0);
	assert_true(explain_with_little(&fixture, 1, STEP) > 2);
	fixture.budget.limit = UINT64_MAX;
	assert_string_equal(expect_fixture_verdict(&fixture, 0), "holds");
	expect_fixture_fini(&fixture);
	free(many);
}

/* ---- hostile spans -------------------------------------------------------------------------- */

static void a_deep_trace_needs_no_stack(void **state)
{
	static const char text[] =
		"expect:\n"
		"- {that: a, in: each trace, spans: IsRootSpan(), count: 1, cycles: 0, orphans: "
		"0,\n"
		"   descendant: {spans: name == \"link\", count: 199999}, within_parent: true}\n"
		"- {that: b, in: each trace, spans: span_id.string == \"a000000000030d40\",\n"
		"   ancestor: {spans: name == \"link\", count: 199999}}\n";
	enum { SPANS = 200000 };
	(void)state;
	struct expect_fixture fixture;
	struct trace_builder builder;
	struct err err;
	load(&fixture, text);
	trace_builder_init(&builder, &fixture.budget);
	trace_builder_begin(&builder, EXPORT_REQUEST_RESOURCE_SPANS);
	trace_builder_begin(&builder, RESOURCE_SPANS_SCOPE_SPANS);
	for (uint32_t i = 1; i <= SPANS; i++) {
		uint8_t id[TRACE_ID_BYTES] = {0xa0};
		trace_builder_begin(&builder, SCOPE_SPANS_SPANS);
		trace_builder_bytes(&builder, SPAN_TRACE_ID, slice_of(id, TRACE_ID_BYTES));
		for (uint32_t at = i; at >= i - 1 && at > 0; at--) {
			id[5] = (uint8_t)(at >> 16), id[6] = (uint8_t)(at >> 8),
			id[7] = (uint8_t)at;
			trace_builder_bytes(&builder, at == i ? SPAN_SPAN_ID : SPAN_PARENT_SPAN_ID,
					    slice_of(id, SPAN_ID_BYTES));
		}
		trace_builder_text(&builder, SPAN_NAME, SLICE("link"));
		trace_builder_end(&builder);
	}
	struct chunk *chunk = trace_builder_take(&builder, SPANS, &err);
	assert_non_null(chunk);
	expect_fixture_add_body(&fixture, chunk_slice(chunk));
	chunk_unref(chunk);
	assert_string_equal(expect_fixture_verdict(&fixture, 0), "holds");
	assert_string_equal(expect_fixture_verdict(&fixture, 1), "holds");
	expect_fixture_fini(&fixture);
}

static void bytes_of_no_span_are_searched_too(void **state)
{
	static const char text[] = "expect:\n"
				   "- {that: a, in: all traces, text: {none: [CANARY]}}\n";
	(void)state;
	struct expect_fixture fixture;
	struct trace_builder builder;
	struct err err;
	load(&fixture, text);
	trace_builder_init(&builder, &fixture.budget);
	trace_builder_begin(&builder, EXPORT_REQUEST_RESOURCE_SPANS);
	trace_builder_bytes(&builder, 77, SLICE("a field nobody knows: CANARY"));
	trace_builder_begin(&builder, RESOURCE_SPANS_SCOPE_SPANS);
	trace_builder_begin(&builder, SCOPE_SPANS_SPANS);
	trace_builder_bytes(&builder, SPAN_TRACE_ID, SLICE("0123456789abcdef"));
	trace_builder_bytes(&builder, SPAN_SPAN_ID, SLICE("01234567"));
	struct chunk *chunk = trace_builder_take(&builder, 1, &err);
	assert_non_null(chunk);
	expect_fixture_add_body(&fixture, chunk_slice(chunk));
	chunk_unref(chunk);
	assert_string_equal(expect_fixture_verdict(&fixture, 0),
			    "failed traces 1/1 spans 0/1 @ 102\n"
			    "2:35 text: text 1 of the list occurs between the spans");
	expect_fixture_fini(&fixture);
}

/* Requests of all shapes: whatever comes, asking bit by bit and asking once say the same. */
static void any_request_is_judged(void **state)
{
	static const char text[] =
		"define: {a: 'attributes[\"llm.model\"] != nil', b: kind == SPAN_KIND_SERVER}\n"
		"expect:\n"
		"- {that: one, in: each trace, roots: 1, orphans: 0, cycles: 0, duplicate_ids: 0,\n"
		"   noise: 0, services: [a], services_only: [a], trace_spans: 3, trace_bytes: 9,\n"
		"   trace_duration: {max: 1s}}\n"
		"- {that: two, in: each trace, spans: a, parent: b, child: b, descendant: b,\n"
		"   ancestor: b, sibling: b, before: b, after: b, overlaps: b, inside: b,\n"
		"   gap: {to: b, max: 1s}, duration: {max: 1s}, within_parent: {except: a},\n"
		"   children_fit: true}\n"
		"- {that: three, in: all traces, must: name == \"x\", kind: server, status: ok,\n"
		"   status_message: present, attributes: {a: int}, resource: {a: int},\n"
		"   scope: {a: int}, scope_name: {matches: x}, scope_version: present,\n"
		"   absent: [a.*], only: [b.*], events: [{where: name == \"x\"}],\n"
		"   links: {attributes: {a: {length: 3}}}, value_bytes: {max: 3},\n"
		"   text: {none: [a, e]}, denied_keys: 0}\n"
		"- {that: four, in: all traces, spans: not b, capture: {n: {value: name, select: "
		"outermost},\n"
		"   m: {value: attributes, select: innermost}, o: {value: events}},\n"
		"   compare: [n == m, sum(n) < count(m), o <= 3],\n"
		"   percentile: [{p: 50, max: 1s}], sampled: {ratio: 0.5, of: 100}}\n"
		"- {that: five, in: one trace, where: a, unless: b, spans: [a, not b], count: 2}\n";
	enum { ROUNDS = 40, REQUESTS = 6 };
	(void)state;
	for (uint64_t round = 0; round < ROUNDS; round++) {
		struct expect_fixture bits, once;
		load(&bits, text);
		load(&once, text);
		for (uint64_t i = 0; i < REQUESTS; i++) {
			struct random_shape shape = random_shape_of(round * REQUESTS + i);
			struct buf body = BUF_INIT;
			random_request(&shape, &body);
			expect_fixture_add_body(&bits, buf_slice(&body));
			expect_fixture_add_body(&once, buf_slice(&body));
			update(&bits);
			buf_fini(&body);
		}
		for (uint32_t i = 0; i < expect_count(bits.expectations); i++)
			assert_string_equal(expect_fixture_verdict(&bits, i),
					    expect_fixture_verdict(&once, i));
		expect_fixture_fini(&bits);
		expect_fixture_fini(&once);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_missing_may_still_come),
		cmocka_unit_test(a_span_that_comes_twice_counts_once),
		cmocka_unit_test(traces_that_go_are_forgotten),
		cmocka_unit_test(what_the_caller_cannot_tell_is_refused),
		cmocka_unit_test(without_memory_there_is_no_verdict_and_then_there_is),
		cmocka_unit_test(a_deep_trace_needs_no_stack),
		cmocka_unit_test(bytes_of_no_span_are_searched_too),
		cmocka_unit_test(any_request_is_judged),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
