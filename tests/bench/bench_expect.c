/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The judge: traces of fixture A (25 spans), judged by its expectations (tests/fixtures/expect/a.yaml).
 * How long 100,000 spans take at once, how long it takes to ask again when nothing or one trace has
 * changed, how long one trace of 100,000 spans takes, and how much memory 1,000,000 spans need.
 */
#include "cmd/example_traces.h"
#include "pipeline/base/clock.h"
#include "pipeline/expect/judge.h"
#include "pipeline/trace/otlp/builder.h"
#include "tests/support/bench_figure.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

enum {
	SPANS = 100000,
	SPANS_MANY = 1000000,
	SPANS_OF_A_TRACE = 25,
	GOAL_MS = 1000,
	GOAL_AGAIN_MS = 100,
	GOAL_MEMORY_MIB = 1024,
};

struct bench {
	struct budget budget;
	struct arena arena;
	struct config_report report;
	struct key_table *keys;
	const struct expectations *expectations;
	struct trace_view *view;
	struct trace_buffer *buffer;
	struct judge *judge;
};

static bool key_is_denied(void *arg, struct slice key, struct value value)
{
	(void)value;
	(void)arg;
	return slice_has_prefix(key, SLICE("gen_ai.prompt"));
}

static uint32_t count_noise(void *arg, const struct trace_view *view, const uint64_t *spans)
{
	uint32_t count = 0;
	(void)arg;
	for (uint32_t i = 0; i < view_span_count(view); i++) {
		bool asked = spans[i / 64] >> (i % 64) & 1;
		count += asked && slice_has_suffix(view_span_name(view, i), SLICE("/metrics"));
	}
	return count;
}

static void begin(struct bench *bench)
{
	static const char *const uris[] = {"tests/fixtures/expect/a.yaml"};
	static const struct trace_buffer_config config = {
		.bytes_max = SIZE_MAX / 2, .traces_max = UINT32_MAX, .spans_max = UINT32_MAX};
	static const struct config_load load = {.uris = uris, .uri_count = 1};
	static const struct judge_env env = {key_is_denied, count_noise, NULL};
	struct err err = {0};
	budget_init(&bench->budget, UINT64_MAX);
	arena_init(&bench->arena, NULL, 64 << 20);
	config_report_init(&bench->report, &bench->arena);
	bench->keys = key_table_new();
	bench->expectations = expect_load(&load, bench->keys, &bench->report);
	if (!bench->expectations)
		bench_die("the expectations do not load: run it from the root of the tree");
	if (key_table_freeze(bench->keys, &err) != 0)
		bench_die("%s", err.msg);
	bench->view = view_new(&bench->budget, bench->keys);
	bench->buffer = trace_buffer_new(&config, &bench->budget);
	bench->judge = judge_new(bench->expectations, bench->keys, &env, &bench->budget, &err);
	if (!bench->view || !bench->buffer || !bench->judge)
		bench_die("%s", err.msg);
}

static void end(struct bench *bench)
{
	judge_free(bench->judge);
	trace_buffer_free(bench->buffer);
	view_free(bench->view);
	expect_free(bench->expectations);
	key_table_free(bench->keys);
	arena_fini(&bench->arena);
}

static void add(struct bench *bench, struct chunk *chunk)
{
	struct err err = {0};
	if (view_open(bench->view, chunk_slice(chunk), &err) != 0 ||
	    trace_buffer_add(bench->buffer, bench->view, chunk, 1) != view_span_count(bench->view))
		bench_die("a request was not kept: %s", err.msg);
	view_close(bench->view);
}

static void add_trace(struct bench *bench, uint64_t seed)
{
	const struct example_variant variant = {
		.seed = seed, .end_ns = UINT64_C(1789000003146000000), .merged = true};
	struct example_requests requests;
	struct err err = {0};
	if (example_trace_build(0, &variant, &bench->budget, &requests, &err) != 0)
		bench_die("%s", err.msg);
	for (size_t i = 0; i < requests.count; i++)
		add(bench, requests.items[i]);
	example_requests_fini(&requests);
}

/* Milliseconds. */
static double ask(struct bench *bench, bool *ret_all_hold)
{
	struct err err = {0};
	uint64_t start_ns = clock_monotonic_ns();
	if (judge_update(bench->judge, bench->buffer, &err) != 0)
		bench_die("%s", err.msg);
	*ret_all_hold = judge_all_hold(bench->judge);
	return (double)(clock_monotonic_ns() - start_ns) / (double)NS_PER_MS;
}

static void bench_many_traces(uint32_t spans)
{
	struct bench bench;
	bool hold, hold_again;
	begin(&bench);
	for (uint32_t i = 0; i < spans / SPANS_OF_A_TRACE; i++)
		add_trace(&bench, i + 1);
	double first_ms = ask(&bench, &hold);
	double again_ms = ask(&bench, &hold_again);
	add_trace(&bench, UINT32_MAX);
	double one_more_ms = ask(&bench, &hold_again);
	if (!hold || !hold_again)
		bench_die("the fixture does not hold");
	printf("%7u spans in traces of 25: judged in %6.1f ms; asked again %5.2f ms, "
	       "with one trace more %5.2f ms  %s\n",
	       spans, first_ms, again_ms, one_more_ms,
	       spans > SPANS ? ""
			     : bench_verdict(first_ms <= GOAL_MS && one_more_ms <= GOAL_AGAIN_MS));
	if (spans > SPANS) {
		struct rusage usage;
		(void)getrusage(RUSAGE_SELF, &usage);
		double mib = (double)usage.ru_maxrss / 1024;
		printf("%7u spans: %.0f MiB resident at most, %.0f MiB charged  %s\n", spans, mib,
		       (double)bench.budget.peak / (1 << 20),
		       bench_verdict(mib <= GOAL_MEMORY_MIB));
	}
	end(&bench);
}

static void put_id(struct trace_builder *builder, uint32_t field, size_t bytes, uint32_t number)
{
	uint8_t id[TRACE_ID_BYTES] = {0xb0};
	memcpy(id + bytes - sizeof(number), &number, sizeof(number));
	trace_builder_bytes(builder, field, slice_of(id, bytes));
}

/* Each span the child of one that is among the 8 before it. */
static void bench_one_trace(void)
{
	struct bench bench;
	struct trace_builder builder;
	struct err err = {0};
	bool hold;
	begin(&bench);
	trace_builder_init(&builder, &bench.budget);
	trace_builder_begin(&builder, EXPORT_REQUEST_RESOURCE_SPANS);
	trace_builder_begin(&builder, RESOURCE_SPANS_SCOPE_SPANS);
	for (uint32_t i = 1; i <= SPANS; i++) {
		trace_builder_begin(&builder, SCOPE_SPANS_SPANS);
		put_id(&builder, SPAN_TRACE_ID, TRACE_ID_BYTES, 1);
		put_id(&builder, SPAN_SPAN_ID, SPAN_ID_BYTES, i);
		if (i > 1)
			put_id(&builder, SPAN_PARENT_SPAN_ID, SPAN_ID_BYTES,
			       i - 1 - (i > 9 ? i % 8 : 0));
		trace_builder_text(&builder, SPAN_NAME, SLICE("llm_request"));
		trace_builder_fixed64(&builder, SPAN_START_TIME_UNIX_NANO, i);
		trace_builder_fixed64(&builder, SPAN_END_TIME_UNIX_NANO, 2 * i);
		trace_builder_end(&builder);
	}
	struct chunk *chunk = trace_builder_take(&builder, SPANS, &err);
	if (!chunk)
		bench_die("%s", err.msg);
	add(&bench, chunk);
	chunk_unref(chunk);
	double ms = ask(&bench, &hold);
	printf("%7d spans in one trace: judged in %6.1f ms  %s\n", SPANS, ms,
	       bench_verdict(ms <= GOAL_MS));
	end(&bench);
}

int main(void)
{
	bench_many_traces(SPANS);
	bench_one_trace();
	bench_many_traces(SPANS_MANY);
	return 0;
}
