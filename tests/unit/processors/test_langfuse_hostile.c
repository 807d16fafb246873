/* SPDX-License-Identifier: Apache-2.0 */
/* What nobody means well through the langfuse processor: wrong types, missing ids, crowds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pipeline/trace/otlp/builder.h"
#include "processors/langfuse/keys.h"
#include "tests/support/langfuse_bench.h"

#include <stdio.h>

#define USAGE "langfuse.observation.usage_details"
#define COST "langfuse.observation.cost_details"

/* ---- hostile input -------------------------------------------------------------------------- */

/* A value of every kind, with the wrong ones for everything. */
static void write_odd_value(struct trace_builder *builder, struct slice key, int kind)
{
	static const struct {
		enum value_type type;
		int64_t i;
		double d;
	} scalars[] = {{VALUE_EMPTY, 0, 0},
		       {VALUE_BOOL, 1, 0},
		       {VALUE_INT, -1, 0},
		       {VALUE_INT, INT64_MAX, 0},
		       {VALUE_DOUBLE, 0, __builtin_nan("")},
		       {VALUE_DOUBLE, 0, __builtin_inf()},
		       {VALUE_DOUBLE, 0, -1e300}};
	if (kind < (int)ARRAY_COUNT(scalars)) {
		trace_builder_attr(builder, SPAN_ATTRIBUTES, key,
				   (struct value){.type = scalars[kind].type,
						  .i = scalars[kind].i,
						  .d = scalars[kind].d});
		return;
	}
	switch (kind - (int)ARRAY_COUNT(scalars)) {
	case 0: trace_builder_attr(builder, SPAN_ATTRIBUTES, key, value_of_str(SLICE(""))); return;
	case 1:
		trace_builder_attr(builder, SPAN_ATTRIBUTES, key,
				   value_of_str(SLICE("{\"a\": [1, {\"b\": \"")));
		return;
	case 2:
		trace_builder_attr(builder, SPAN_ATTRIBUTES, key,
				   value_of_str(SLICE("99999999999999999999999999")));
		return;
	case 3:
		trace_builder_attr(builder, SPAN_ATTRIBUTES, key,
				   (struct value){.type = VALUE_BYTES, .bytes = SLICE("\x00\xff")});
		return;
	default: break;
	}
	trace_builder_begin_array(builder, SPAN_ATTRIBUTES, key);
	if (kind & 1)
		trace_builder_value(builder, ARRAY_VALUE_VALUES,
				    (struct value){.type = VALUE_KVLIST, .bytes = SLICE("")});
	trace_builder_end_array(builder);
}

enum { ODD_KINDS = 13, CROWD = 10000, PATTERNS = 60 };

static void begin_spans(struct trace_builder *builder, struct budget *budget)
{
	trace_builder_init(builder, budget);
	trace_builder_begin(builder, EXPORT_REQUEST_RESOURCE_SPANS);
	trace_builder_begin(builder, RESOURCE_SPANS_SCOPE_SPANS);
}

static void begin_span(struct trace_builder *builder, uint64_t id, uint64_t parent,
		       const char *name)
{
	trace_builder_begin(builder, SCOPE_SPANS_SPANS);
	trace_builder_bytes(builder, SPAN_TRACE_ID, SLICE("0123456789abcdef"));
	trace_builder_bytes(builder, SPAN_SPAN_ID, slice_of(&id, sizeof(id)));
	if (parent != 0)
		trace_builder_bytes(builder, SPAN_PARENT_SPAN_ID,
				    slice_of(&parent, sizeof(parent)));
	trace_builder_text(builder, SPAN_NAME, slice_str(name));
}

static void every_key_takes_every_kind_of_value(void **state)
{
	struct processor_bench bench;
	struct trace_builder builder;
	struct err err;
	size_t row_count;
	uint32_t spans = 0;
	const struct key_row *rows = keys_rows(&row_count);
	(void)state;
	processor_bench_open(
		&bench,
		(const char *const[]){"langfuse", "prices: {'*': {input: 1, output: 2}}", NULL});
	begin_spans(&builder, &bench.budget);
	for (size_t i = 0; i < row_count; i++) {
		for (int kind = 0; kind < ODD_KINDS; kind++) {
			begin_span(&builder, ++spans, 0, kind & 1 ? "llm_request" : "x");
			write_odd_value(&builder, slice_str(rows[i].text), kind);
			trace_builder_end(&builder);
		}
	}
	struct chunk *body = trace_builder_take(&builder, spans, &err);
	assert_non_null(body);
	assert_int_equal(processor_bench_run(&bench, chunk_slice(body)), OUTCOME_TAKEN);
	assert_int_equal(bench_span_count(&bench), spans);
	for (uint32_t span = 0; span < spans; span++) {
		static const char *const empty_or[] = {USAGE, COST};
		for (size_t i = 0; i < ARRAY_COUNT(empty_or); i++) {
			const char *text = bench_span_attr(&bench, span, empty_or[i]);
			assert_null(strstr(text, "nan"));
			assert_null(strstr(text, "inf"));
			assert_null(strstr(text, ":-"));
		}
	}
	chunk_unref(body);
	processor_bench_close(&bench);
}

static void spans_without_usable_ids_go_and_are_counted(void **state)
{
	static const char zeros[TRACE_ID_BYTES];
	struct processor_bench bench;
	struct trace_builder builder;
	struct err err;
	(void)state;
	processor_bench_open(&bench, (const char *const[]){"langfuse", "", NULL});
	begin_spans(&builder, &bench.budget);
	for (int missing = 0; missing < 5; missing++) {
		trace_builder_begin(&builder, SCOPE_SPANS_SPANS);
		if (missing != 1)
			trace_builder_bytes(&builder, SPAN_TRACE_ID,
					    missing == 2 ? slice_of(zeros, TRACE_ID_BYTES)
							 : SLICE("0123456789abcdef"));
		if (missing != 3)
			trace_builder_bytes(&builder, SPAN_SPAN_ID,
					    missing == 4 ? slice_of(zeros, SPAN_ID_BYTES)
							 : SLICE("01234567"));
		trace_builder_bytes(&builder, SPAN_PARENT_SPAN_ID, slice_of(zeros, SPAN_ID_BYTES));
		trace_builder_end(&builder);
	}
	struct chunk *body = trace_builder_take(&builder, 5, &err);
	assert_non_null(body);
	assert_int_equal(processor_bench_run(&bench, chunk_slice(body)), OUTCOME_TAKEN);
	assert_int_equal(bench_span_count(&bench), 1);
	assert_int_equal(view_span_parent(bench.out_view, 0).len, 0);
	assert_true(bench_decisions(&bench, "dropped_bad_ids") == 4);
	chunk_unref(body);
	processor_bench_close(&bench);
}

static void ten_thousand_spans_of_one_trace_pass(void **state)
{
	(void)state;
	for (int circle = 0; circle < 2; circle++) {
		struct processor_bench bench;
		struct trace_builder builder;
		struct err err;
		processor_bench_open(&bench, (const char *const[]){"langfuse", "", NULL});
		begin_spans(&builder, &bench.budget);
		for (uint64_t id = 1; id <= CROWD; id++) {
			begin_span(&builder, id,
				   id > 1   ? id - 1
				   : circle ? CROWD
					    : 0,
				   id & 1 ? "llm_request" : "call");
			trace_builder_attr(&builder, SPAN_ATTRIBUTES,
					   SLICE("gen_ai.usage.input_tokens"), value_of_int(1));
			trace_builder_attr(&builder, SPAN_ATTRIBUTES,
					   SLICE("gen_ai.operation.name"),
					   value_of_str(SLICE("chat")));
			trace_builder_end(&builder);
		}
		struct chunk *body = trace_builder_take(&builder, CROWD, &err);
		assert_non_null(body);
		assert_int_equal(processor_bench_run(&bench, chunk_slice(body)), OUTCOME_TAKEN);
		assert_int_equal(bench_span_count(&bench), CROWD);
		chunk_unref(body);
		processor_bench_close(&bench);
	}
}

/* Keys that only patterns of other processors know have ids above those of registered keys. */
static void keys_that_others_look_for_by_pattern_are_unknown_here(void **state)
{
	static struct keys keys;
	(void)state;
	memset(&keys, 1, sizeof(keys));
	assert_non_null(keys_row(&keys, KEY_TABLE_KEYS_MAX));
	for (unsigned id = KEY_ID_SET_FIRST; id < KEY_ID_COUNT; id++)
		assert_null(keys_row(&keys, (key_id)id));
}

/* Each tells the trace something new: what is passed on has an end, and so has the work. */
static void ten_thousand_spans_with_metadata_of_their_own_pass(void **state)
{
	struct processor_bench bench;
	struct trace_builder builder;
	struct err err;
	(void)state;
	processor_bench_open(&bench, (const char *const[]){"langfuse", "", NULL});
	begin_spans(&builder, &bench.budget);
	for (uint64_t id = 1; id <= CROWD; id++) {
		char key[64], object[64];
		begin_span(&builder, id, 0, "x");
		(void)snprintf(key, sizeof(key), "langfuse.trace.metadata.k%d", (int)id);
		(void)snprintf(object, sizeof(object), "{\"o%d\": [\"}\", {}]}", (int)id);
		trace_builder_attr(&builder, SPAN_ATTRIBUTES, slice_str(key), value_of_int(1));
		trace_builder_attr(&builder, SPAN_ATTRIBUTES, SLICE("langfuse.trace.metadata"),
				   value_of_str(slice_str(object)));
		trace_builder_end(&builder);
	}
	struct chunk *body = trace_builder_take(&builder, CROWD, &err);
	assert_non_null(body);
	assert_int_equal(processor_bench_run(&bench, chunk_slice(body)), OUTCOME_TAKEN);
	assert_int_equal(bench_span_count(&bench), CROWD);
	const char *last = bench_span_attr(&bench, CROWD - 1, "langfuse.trace.metadata");
	assert_non_null(strstr(last, "{\"k10000\":1,\"o10000\":[\"}\", {}],\"k1\":1,"));
	assert_true(strlen(last) < 2048);
	chunk_unref(body);
	processor_bench_close(&bench);
}

static void structured_values_arrive_as_text(void **state)
{
	struct processor_bench bench;
	struct trace_builder builder;
	struct err err;
	(void)state;
	processor_bench_open(&bench, (const char *const[]){"langfuse", "", NULL});
	begin_spans(&builder, &bench.budget);
	begin_span(&builder, 1, 0, "a");
	trace_builder_begin(&builder, SPAN_ATTRIBUTES);
	trace_builder_text(&builder, KEY_VALUE_KEY, SLICE("gen_ai.input.messages"));
	trace_builder_begin(&builder, KEY_VALUE_VALUE);
	trace_builder_begin(&builder, ANY_VALUE_KVLIST);
	trace_builder_attr(&builder, KVLIST_VALUES, SLICE("role"), value_of_str(SLICE("user")));
	trace_builder_end(&builder);
	trace_builder_end(&builder);
	trace_builder_end(&builder);
	trace_builder_attr(&builder, SPAN_ATTRIBUTES, SLICE("raw"),
			   (struct value){.type = VALUE_BYTES, .bytes = SLICE("abc")});
	trace_builder_begin_array(&builder, SPAN_ATTRIBUTES, SLICE("empty"));
	trace_builder_end_array(&builder);
	trace_builder_begin_array(&builder, SPAN_ATTRIBUTES, SLICE("numbers"));
	trace_builder_value(&builder, ARRAY_VALUE_VALUES, value_of_int(4));
	trace_builder_end_array(&builder);
	struct chunk *body = trace_builder_take(&builder, 1, &err);
	assert_non_null(body);
	assert_int_equal(processor_bench_run(&bench, chunk_slice(body)), OUTCOME_TAKEN);
	assert_string_equal(bench_span_attr(&bench, 0, "gen_ai.input.messages"),
			    "string {\"role\":\"user\"}");
	assert_string_equal(bench_span_attr(&bench, 0, "raw"), "string YWJj");
	assert_string_equal(bench_span_attr(&bench, 0, "empty"), "");
	assert_string_equal(bench_span_attr(&bench, 0, "numbers"), "array [4]");
	chunk_unref(body);
	processor_bench_close(&bench);
}

/* Keys that match patterns which another processor asked for have ids, too, above those of single
 * keys. They mean nothing here. */
static void keys_of_other_processors_patterns_are_no_keys_of_ours(void **state)
{
	struct processor_bench bench;
	struct trace_builder builder;
	struct err err;
	char allow[PATTERNS * 8 + 16] = "allow: [", key[24];
	(void)state;
	for (int i = 0; i < PATTERNS; i++) {
		size_t len = strlen(allow);
		(void)snprintf(allow + len, sizeof(allow) - len, "p%d.*%s", i,
			       i + 1 < PATTERNS ? "," : "]");
	}
	processor_bench_open(&bench,
			     (const char *const[]){"langfuse", "", "metadata_only", allow, NULL});
	begin_spans(&builder, &bench.budget);
	begin_span(&builder, 1, 0, "a");
	for (int i = 0; i < PATTERNS; i++) {
		(void)snprintf(key, sizeof(key), "p%d.key", i);
		trace_builder_attr(&builder, SPAN_ATTRIBUTES, slice_str(key),
				   value_of_str(slice_str(key)));
	}
	struct chunk *body = trace_builder_take(&builder, 1, &err);
	assert_non_null(body);
	assert_int_equal(processor_bench_run(&bench, chunk_slice(body)), OUTCOME_TAKEN);
	assert_int_equal(bench.out->len, body->len);
	assert_memory_equal(bench.out->data, body->data, body->len);
	chunk_unref(body);
	processor_bench_close(&bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_key_takes_every_kind_of_value),
		cmocka_unit_test(spans_without_usable_ids_go_and_are_counted),
		cmocka_unit_test(ten_thousand_spans_of_one_trace_pass),
		cmocka_unit_test(keys_that_others_look_for_by_pattern_are_unknown_here),
		cmocka_unit_test(ten_thousand_spans_with_metadata_of_their_own_pass),
		cmocka_unit_test(structured_values_arrive_as_text),
		cmocka_unit_test(keys_of_other_processors_patterns_are_no_keys_of_ours),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
